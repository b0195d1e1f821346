"""Crowds: about how many owners, whose devices may process a kind of data, were seen lately.

They are counted once a day, for each kind and country, and told with noise that is drawn in the
same transaction and kept: so whoever asks again, before and after somebody came, hears the same,
and of one owner each drawing tells little (docs/decisions/0081). What is said of crowds is worked
out of these numbers alone. An owner counts once for each kind, where the device was seen last.

Read in this order: models, rules, statements, service, queries.
"""
