"""One graph over the whole API: what REST answers, in one question, and what belongs to it.

Read `graph` first: what a domain tells of itself in its own `graphql.py`. Each field that asks or
does something is an operation of REST, found by its `operation_id` and run in this process
(`operations`, docs/decisions/0038): so both have one law, one transaction for each operation, one
way to refuse, and the same cursors. `shapes` makes types of the shapes on the wire, `relations`
loads what rows lead to, all of a page at once, `schema` puts it together.

A query is read, held to limits and given a price before anything of it is run (`checking`,
`costs`); `answering` runs it and writes what came of it.
"""
