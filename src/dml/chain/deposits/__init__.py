"""Deposits as users and admins see them. What a block makes of them: `dml.chain.indexer`."""
