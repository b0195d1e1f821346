"""Receipts: of each accepted result its owner can keep, signed, what left and what it cost.

A receipt is made when it is asked for, of rows that are there anyway, archived or not: what left,
whole; under which manifest; with which step of the answer it is told; what it took of the owner's
privacy budget, and what is left of that. It is no token, and no token is one: each has a type of
its own (docs/decisions/0077).

Read in this order: queries, service, schemas, routes.
"""
