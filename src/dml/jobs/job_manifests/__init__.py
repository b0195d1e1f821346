"""A job's manifest: all that the job may learn, as one public document that never changes.

It is written when the job is ordered, and kept as the bytes that its hash names. Each assignment
carries the hash, so that a device reads the document once, compares it with what it was given, and
shows its owner what it works for (docs/decisions/0077). It names its customer nowhere.

(What a *package* brings is in a file `manifest.py`, and has nothing to do with it.)

Read in this order: models, rules, queries, schemas, routes.
"""
