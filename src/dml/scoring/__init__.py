"""Scoring predictions on a hidden test set. Pure, and the same for server and verifier.

Nothing here knows a database, a user or a bounty. Files of strangers are read only in locked child
processes (`reader`), which never hold a target: a child could leak only what its submitter knows.

A `Reader` makes a `TestSet` of the owner's file and `Predictions` of a submission. `ladder` scores
them on the public rows, `ranking` on the private ones; `agreement` finds who may have copied.

Reading order: names, metrics, sums, ranks, test_set, predictions, ladder, ranking; then reader,
zygote, contents, tables, aligning, csv_files, parquet_files, models.
"""
