"""`make fuzz`: questions that nobody would think of, asked as each kind of caller.

schemathesis makes requests of what OpenAPI says, right ones and wrong ones; hypothesis-graphql
makes questions of the graph's schema. Each answer has to be one that is described, and none is a
bug of ours (500). They go to a marketplace of its own, by HTTP. The seed is printed: with the same
one, the same is made again, though answers (ids, times) differ.
"""
