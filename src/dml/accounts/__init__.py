"""Accounts: who somebody is, how they sign in, and what others may see of them.

A user registers with e-mail and password and signs in, which opens a session. The session gives
short-lived access tokens (JWT, Ed25519) against a refresh token that works once: it is exchanged
for the next one, the same again for some seconds, should the answer be lost; whoever comes later
with a used one has stolen it or was stolen from, so the session ends. Roles are `member`,
`moderator` and `admin`.

People sign in by accounts elsewhere (`openid`) and by passkeys (`passkeys`), too.

Programs sign in with personal access tokens (`tokens`).

Admins find, suspend and restore users (`admin`).

Who likes shows a photo, which is made anew of what they upload (`photos`).

Who uploads models accepts the developer agreement first (`agreement`).

Users take what is kept of them, or have it erased (`privacy`).

Read in this order: models, rules, service, sessions, queries, statements, routes.
"""
