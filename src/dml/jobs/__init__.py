"""Jobs: a customer has a version run over many devices' private data, and gets one answer.

    job          open ⇄ paused → settling → completed | cancelled | expired
    assignment   leased → accepted | released | expired          (the last two may be leased again)

Creating a job puts its whole cost into escrow. A device claims a place under a lease, runs the
model, and hands in counts. Accepting a result touches no shared row: its id goes into an inbox,
from which a worker folds batches into the job's totals and pays for them, each once. A customer
sees the totals in steps that never show a few devices alone. When all places are taken, the
deadline passes or the customer closes it, the job settles: it waits for what is under way, gives
back what is left in escrow, and ends.

Places are counters in a few buckets, not rows, so that a job of a million devices costs no more
than one of ten; a place is open, leased, or accepted, and the three always add up.

Before an order, a quote tells what it costs, about how many owners could take part and how soon
(`quotes`, `crowds`), and how precise its answer will be (`precision`). While it runs, its customer
may raise what it offers (`raising`).

Some time after its end, what its devices did moves into files (archiving), and a narrow row stays.

Read in this order: models, rules, service; then `device_path` (how devices get and give), `folding`
(how results become an answer and money), processes and `archive`; then queries, results, watching
and routes. Why there are rooms: docs/decisions/0024.
"""
