"""Withdrawals as users and admins see them. How they are paid: `dml.chain.payer`."""
