"""What developers agree to before they upload a model, and what else an operator asks of them.

The agreement is a text in Markdown with a version, of this package or of the operator's own. Who
accepts it accepts these very words: they are kept, with who accepted them and when
(docs/decisions/0060). Read in this order: agreement.md, rules, reading, models, queries, service,
routes.
"""
