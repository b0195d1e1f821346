"""How withdrawals are paid: put into batches, signed, sent, and watched until they are final."""
