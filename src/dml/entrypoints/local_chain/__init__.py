"""A chain of our own to try things on: anvil, and the door through which others reach it."""
