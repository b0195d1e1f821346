"""The API as a client sees it: how a server is asked (`http`), and what a marketplace says.

It needs nothing of the server, and no other part of ours: whoever writes against the API stands on
the same ground as `dml bounty` and the agent.
"""
