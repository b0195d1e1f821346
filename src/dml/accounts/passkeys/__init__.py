"""Passkeys: signing in by a key that a phone, a computer or a security key holds (WebAuthn).

A browser asks for options (`passkey_challenges`), has an authenticator sign the challenge in them,
which it does for its own site alone and once its user was verified, and sends what that gave. A
challenge is for one purpose, for five minutes and once, and is kept by nobody before it was used.

A passkey is an identity of the kind `passkey`, and a row of its own beside it: the one goes with
the other. It proves two things at once, so no second factor is asked for behind it, and as a proof
it counts as one (docs/decisions/0058).

Read in this order: models, rules, challenges, credentials, plain_cbor, ceremonies, queries,
service, proving, checks, routes.
"""
