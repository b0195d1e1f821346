"""Links by which a version's model is downloaded for some minutes without signing in.

A link is signed, and kept nowhere: it names a version and a moment, and proves that we said so.
What it opens is looked up each time, so a file that was deleted meanwhile is gone for a link, too
(docs/decisions/0067).

Read in this order: rules, links, routes.
"""
