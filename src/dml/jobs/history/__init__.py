"""What ended jobs tell others: that a customer may rate an algorithm, how much it is used, and the
answers that customers made public.

A customer publishes an ended job's answer, as they were shown it: in steps of owners, so that it
says nothing of any one of them (docs/decisions/0017). Its counts are copied, as they never change.
It is taken back at any time, by its customer or, with a reason, by a moderator; what a moderator
removed stays so.

Read in this order: models, rules, queries, service, schemas, routes.
"""
