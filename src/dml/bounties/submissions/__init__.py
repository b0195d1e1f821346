"""What entrants send: how a file comes in, is checked, scored, and ends."""
