"""Personal access tokens: what programs of a user sign in with, each with scopes and an end.

A token is shown when it is made, and never again: only its digest is kept. It may do what its
scopes name, as far as its user's role goes, until it expires or is revoked, or its user suspended.

Read in this order: models, rules, service, uses, routes.
"""
