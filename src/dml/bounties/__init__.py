"""Bounties: competitions with prizes in escrow, and a leaderboard that can be trusted.

    bounty       draft → funded → enrolling → submitting → evaluating → disputing → finished ;
                 any before disputing → cancelled
    enrollment   enrolled → winner | not_placed | withdrawn | disqualified
    submission   validating → queued → evaluating → scored | failed | cancelled ;
                 only checked: validating → valid | failed | cancelled

An owner writes a bounty, uploads a hidden test set and puts the prizes into escrow. People enroll,
alone or in teams, and submit predictions or a model. Each is checked free of charge and scored on
the public part of the test set; the board shows a score only where it is truly better (the Ladder).
The private part is used once, at the end: it ranks, and says which places are ties. After a window
for disputes the prizes leave escrow. A bounty judged by hand has no test set: its owner names the
winners in public.

Each noun has its sub-package, with the files that a domain has: `enrollments`, `test_sets`,
`submissions`, `ranking`, `judging`, `attachments`, `editing`. Read in this order: models, rules,
service, lifecycle, escrow; then those sub-packages; then page and routes.
"""
