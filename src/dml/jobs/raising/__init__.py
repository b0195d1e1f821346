"""Raising: while a job runs, its customer offers more, takes more devices, or waits longer.

Only upwards, and for all alike: a raised reward is that of every result, of those that were paid
before, too, so that nobody gains by waiting for it. What it costs more than before moves into
escrow, and what is due to earlier results out of it, in the one transaction that raises it
(docs/decisions/0081).
"""
