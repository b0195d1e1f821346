"""Quotes: what an order would cost, who could take part and how soon, and how precise it would be.

Nothing is kept, and nothing is told of single owners: who could take part is worked out of crowds,
which are counted once a day and told with noise (`jobs/crowds`).
"""
