"""Wallets as ways to sign in: whoever signs a message opens a session, or an account (EIP-4361).

A wallet that was linked for payouts is no way in by that: its owner adds it as one, with a proof.

Read in this order: rules, nonces, service, proving, routes.
"""
