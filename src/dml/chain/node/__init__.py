"""How a node is asked: JSON-RPC, several endpoints, and the contract's encoding."""
