"""Hidden test sets: sealed when they come in, checked, opened only to score."""
