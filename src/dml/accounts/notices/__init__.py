"""Notices: mails about what was done to an account, so that its owner hears of what others did.

Each domain names in a table (`NOTICES`, in its manifest) of which of its events a mail tells, and
what it says. Whoever records one starts a process in the same transaction, and that writes the mail
from the log, once (docs/decisions/0061). Nobody switches them off.

Read in this order: kinds, letters, own, service, processes.
"""
