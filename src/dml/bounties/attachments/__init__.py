"""The files that an owner publishes with a bounty."""
