"""Appeals: a developer asks that another moderator look at a decision.

    appeal    open → upheld | overturned | settled

Against a rejection, a recall, or a moderator's suspension, once each. Another moderator than the
first decides: upheld, the decision stays; overturned, the version is approved, or the algorithm
listed again, in the same transaction. Where its subject has gone meanwhile, as the version was
deleted or the algorithm archived or resumed, an appeal is settled (docs/decisions/0068).

Read in this order: models, rules, queries, settling, service, routes.
"""
