"""Organisations: a name that several users act for, which holds balance, jobs, algorithms and
bounties as a user does.

One is a row of `users` of its own kind, by which nobody can sign in: so whatever belongs to a user
can belong to it, and nothing else had to change (docs/decisions/0064). Users act for it as an
`owner`, who also decides about members and money, or as a `member`. One owner is always left. Who
is to join gets a code by mail. Whoever was a member lately counts as one where it is asked who may
judge, or profit from, what is the organisation's.

Read in this order: models, rules, queries, service, inviting, acting, routes.
"""
