"""Wallets that users link by a signature."""
