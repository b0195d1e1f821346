"""What admins review: withdrawals, denied addresses, deposits that name nobody."""
