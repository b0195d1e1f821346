"""Money that comes and goes on an Ethereum-style chain, by one vault contract.

A deposit is seen in a block, and credited once that block is final: seen → credited | orphaned (its
block was dropped), or unclaimed where it names nobody. A withdrawal goes to a wallet that its user
has linked by a signature: requested → authorised (in a batch, with a number) → paid | reversed;
or cancelled before. The vault pays each number once for ever, so sending again is always safe.

One process in the whole system reads the chain, pays and compares (`dml chain run`); the API
only reads what it wrote. Its side: `node` (how a chain is asked), `indexer` (how tokens come in),
`payer` (how they go out) and `comparison` (of vault and books). The users' side: `wallets`,
`deposits`, `withdrawals`, and `admin`. Read first: states, models, rules.
"""
