"""Webhooks: the marketplace calls a URL of yours with each event that you may see.

One worker at a time reads the event log from where it stopped, and writes a delivery for each
webhook whose owner may see the event and asked for its type (`fanning`). Any worker takes queues
that are due and sends the first delivery of each (`claiming`, `delivering`, `sending`). There is a
queue for each thing that events are about, so these come in order: the next is sent when the one
before it was taken or given up.

active → paused → active; active or paused → disabled, after three days of failures or a 410;
disabled → active, by its owner.

Read in this order: states, models, rules, service, fanning, claiming, sending, delivering. Why in
this way: docs/decisions/0041.
"""
