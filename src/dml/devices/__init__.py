"""Devices: what runs models, and what its owner lets it do.

An owner asks for a pairing code, which works once for ten minutes. The agent makes an Ed25519 key
of its own and registers the public half with the code. From then on it proves who it is by signing
a nonce of the server (RFC 7523 in form), and gets a token that is good for minutes: no secret is
ever sent. An owner sees each device's last visit, limits what it may process, and can revoke it,
which ends its leases. Why this is not part of `jobs`: docs/decisions/0004.

Read in this order: models, rules, keys, assertions, service, tokens, queries, routes.
"""
