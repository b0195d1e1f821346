"""Whether vault and books say the same."""
