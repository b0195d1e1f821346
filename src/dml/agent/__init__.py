"""The device: runs models over a folder's photos, and lets nothing but counts leave it.

An agent lives in a *home*, a folder of its own that is never among the data: its key, who it is,
the models it was given, reduced pictures of what it has read, and a *journal* of all it did. `run`
opens the home, pairs where there is a code, and lets the `agent` work until a signal: ask for work,
do it, hand in the counts.

The journal is written before a result is sent, so that an agent which is killed at any moment goes
on where it was: it sends the same result again, and never another one for the same assignment.

To read: home, journal, server, leases; then pace, pictures, photos, models, heartbeat; then work,
agent, run.
What people see is `console`, `progress` and `status`.
"""
