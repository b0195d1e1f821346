"""Profiles: where the time or the memory of a running process goes, for admins.

Why a process profiles itself: docs/decisions/0082.

An admin asks for one: `requested`. The row of the process's signs of life carries the id there
(`core/nodes.py`), so that a process of any machine hears of it within two seconds. It takes the
profile of itself (`running`), by py-spy in a child or by memray within, and has another child make
a flame graph of it (`finished`), or it says why there is none (`failed`). One at a time, in all.

Read in this order: models, rules, service, sampling, rendering, routes.
"""
