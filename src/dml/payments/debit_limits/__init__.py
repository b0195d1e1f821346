"""Debit limits: the most that jobs and bounties may take from somebody's balance in 30 days.

Who has one is held by its row while tokens are taken, so that of two at once one is refused. To
lower it, or to set the first, counts at once; to raise it, or to have none any more, asks for a
proof (docs/decisions/0055).

Read in this order: models, rules, queries, service, routes.
"""
