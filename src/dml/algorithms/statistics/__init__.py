"""What became of an algorithm, by version and day: devices, earnings, ratings.

One row for each version and day. A trigger of `job_totals` adds what a step of a job shows and pays
its developer, in the transaction that does so: whichever release writes, whoever is killed when.
So the developer sees here what the balance shows, in steps of owners, and no sum goes over jobs
(docs/decisions/0017 and 0069). Ratings are counted by their use cases.

Read in this order: models, statements, rules, queries, schemas, routes.
"""
