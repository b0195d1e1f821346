"""Money that comes and goes on an Ethereum-style chain, by one vault contract.

A deposit is seen in a block, and credited once that block is final: seen → credited | orphaned (its
block was dropped), or unclaimed where it names nobody. A withdrawal goes to a wallet that its user
has linked by a signature: requested → authorised (in a batch, with a number) → paid | reversed;
or cancelled before. The vault pays each number once for ever, so sending again is always safe.

One process in the whole system reads the chain, pays and compares (`dml chain run`); the API
only reads what it wrote. Read in this order: states, models, contract, rpc, endpoints; then how
tokens come in (indexing, crediting), go out (withdrawing, batches, paying), and how chain and books
are compared (reconciling).
"""
