"""Privacy: a user's own data, all of it in one file, or erased.

What is kept of people, each domain says of its tables (`core/personal.py`); from that follow an
export's file, what erasure does, and the page that tells of both (docs/privacy.md).

An export is preparing → ready, or failed; a week later it is gone. Erasure first names what keeps
it from being done; then it is done at once, but for the event log, which a process goes through
(docs/decisions/0054).

Read in this order: models, rules, queries, service, archive, processes, routes.
"""
