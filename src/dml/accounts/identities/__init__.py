"""Identities: the ways in which users sign in, each a row of its own, apart from the user.

A user can have several and must keep one. What must be proven again before something grave is done
is proven by any of them, or by a second factor where there is one (`reauthentication`). A kind of
proof is a shape with a check (`proofs`), which a package above may bring.

Read in this order: models, rules, queries, service, proofs, reauthentication, routes.
"""
