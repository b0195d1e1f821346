"""Permission to take tokens, given by signature (EIP-2612)."""

from eth_account.signers.local import LocalAccount

TYPES = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def sign_permit(
    signer: LocalAccount,
    *,
    token: str,
    spender: str,
    amount: int,
    nonce: int,
    deadline: int,
    chain_id: int,
) -> tuple[int, int, int]:
    """The signature's v, r and s, for a development token."""
    domain = {
        "name": "DML Development Token",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": token,
    }
    message = {
        "owner": signer.address,
        "spender": spender,
        "value": amount,
        "nonce": nonce,
        "deadline": deadline,
    }
    signed = signer.sign_typed_data(domain, TYPES, message)
    return signed.v, signed.r, signed.s
