"""What of a bounty may still be edited, and when."""
