"""Trying an algorithm: one photo, or one tensor, through a version of it; nothing is kept.

Locked children of the API's own process do it, one request after the other: one makes of the sample
what the model takes, another runs the model on that (docs/decisions/0069). The sample waits for its
turn on the disk, under a key that is in this process's memory alone. What it takes is put on the
clock that a user has for the sandbox.

Read in this order: rules, booth, trying, schemas, routes.
"""
