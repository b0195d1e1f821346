"""`dml` for the people who use a marketplace: commands over the API, and nothing of the server.

Each module of commands imports what it needs when a command is called, so that `dml --help` is
quick; what they do is in modules beside them.
"""
