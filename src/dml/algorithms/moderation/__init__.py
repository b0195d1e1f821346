"""Moderation: which versions wait, what is known of each, and in which words it is decided.

Beside a version a moderator sees its passport, how it answers fixed pictures (`samples`), and which
versions of other developers are the same file or answer alike (its twins): that only moderators
see. Decisions are given with a ready reason, with one's own words, or with both. What developers
may do about them is in `algorithms/appeals` (docs/decisions/0068).

Read in this order: reasons, rules, models, likeness, queries, twins, routes.
"""
