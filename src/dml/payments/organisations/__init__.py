"""How tokens come to an organisation and leave it: through its members' own balances.

Any member puts in some of their own, an owner takes some out into theirs, each with a proof of who
they are. So nothing of the chain had to know of organisations: wallets and withdrawals are a
person's, with their limits and reviews (docs/decisions/0064).

Read in this order: schemas, service, routes.
"""
