"""Ratings: what customers think of an algorithm that a job of theirs has run.

One to five stars, with a text if they like: one of each customer for each algorithm, which they
change or delete as they like, and which its developer answers once. A moderator hides what breaks
the rules, with a reason: it is neither shown nor counted then, until it is restored.

How many there are and all their stars together stand in the algorithm's row, and for each version
and day in `algorithm_statistics`. Both change in the transaction that changes a rating, in this
order of rows: rating, statistics, algorithm (docs/decisions/0069).

Read in this order: models, rules, events, queries, service, schemas, routes.
"""
