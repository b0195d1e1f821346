"""The leaderboard: who is where, how the final ranking is made, and the evidence for it."""
