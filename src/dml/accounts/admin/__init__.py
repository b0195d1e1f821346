"""What admins do with accounts: find them, look at them, suspend and restore them, change roles.

A suspended user has no session, and gets none. What else a suspension ends and what it leaves is
in docs/decisions/0046. Read in this order: queries, service, routes.
"""
