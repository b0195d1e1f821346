"""The double-entry ledger: the only place where tokens rest or move.

Accounts are `wallet:<user>`, what a user can spend; `escrow:job:<id>`, what a job will cost;
`revenue`, the platform's; and `chain`, the world outside and the only one below zero. Every
movement is one transfer between two of them: done once, never changed.

Read in this order: models, rules, service, queries, statements.
"""
