"""Second factors: what somebody proves besides a password.

A user enrolls an authenticator app: its secret is shown once, and counts once a first code has
confirmed it. Then each sign-in that proves one thing alone is answered with a ticket, which a
second request turns into a session, with a code (`signing_in`); and what is grave asks for a proof
by the factor (docs/decisions/0049). Ten recovery codes, each good once, stand in for a lost phone.

The secret is sealed at rest under a key that only the API holds (`DML_FACTOR_KEY_FILE`). No code
is taken twice: the last step that was used is kept.

Read in this order: models, rules, codes, queries, statements, tickets, service, checks, signing_in,
routes.
"""
