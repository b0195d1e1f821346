"""The event log, as its readers follow it: page by page from any position, or live.

Each domain records its own events (`core/events.py`); here is what is the same for all of them: who
asks sees what names them as a reader, and what everyone may see; moderators what waits for them;
admins, who ask for `all`, everything.

Read in this order: rules, schemas, watching, routes; then `webhooks`, which calls URLs.
"""
