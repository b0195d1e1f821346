"""Scoring: what a hidden test set says of predictions. Pure, and the same for server and verifier.

Nothing here knows a database, a user or a bounty. Reading files that strangers wrote happens in
locked children alone (`reader`), and where they are read no target ever is: what a child could tell
is what its submitter knew before.

A `Reader` makes a `TestSet` of the owner's file and `Predictions` of a submission. `ladder` says
what the public rows show of them, `ranking` what the private ones do, `agreement` who may have
copied.

To read: names, metrics, sums, ranks, test_set, predictions, ladder, ranking; then reader, zygote,
contents, tables, aligning, csv_files, parquet_files, models.
"""
