"""Finding algorithms: the list with its filters, the search by words, and what they may be
narrowed by.

A row is light: it has neither the model card nor the labels. A search ranks the 1,000 most-run
algorithms that have its words, and as many that have them in brief; where none has, its words are
corrected by those of all listed algorithms.

Read in this order: queries, spelling, schemas, routes.
"""
