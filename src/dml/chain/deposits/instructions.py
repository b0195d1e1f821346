"""How a wallet makes a deposit: transactions, links, and the permit that spares the approval."""

import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from dml.chain.deposits.schemas import (
    DepositInstructionsOut,
    DepositStep,
    SignedPermit,
    UnsignedTransactionOut,
    token_out,
)
from dml.chain.models import Vault
from dml.chain.node import api_node, contract
from dml.chain.node.endpoints import Endpoints
from dml.chain.node.rpc import Node
from dml.core.deferred import deferred
from dml.core.ids import UserId
from dml.core.money import MicroTokens

if TYPE_CHECKING:
    import segno
else:
    segno = deferred("segno")

PERMIT_LIFE: Final = timedelta(hours=1)
_TYPES: Final = {
    "EIP712Domain": {
        "name": "string",
        "version": "string",
        "chainId": "uint256",
        "verifyingContract": "address",
    },
    "Permit": {
        "owner": "address",
        "spender": "address",
        "value": "uint256",
        "nonce": "uint256",
        "deadline": "uint256",
    },
}


def instructions(
    vault: Vault,
    user_id: UserId,
    amount: MicroTokens,
    *,
    typed_data: dict[str, Any] | None,
    permit: SignedPermit | None,
) -> DepositInstructionsOut:
    """Return all that a wallet needs to deposit an amount for this user."""
    units = amount * vault.scale
    return DepositInstructionsOut(
        chain_id=vault.chain_id,
        vault=vault.address,
        token=token_out(vault),
        amount=amount,
        units=str(units),
        user_id="0x" + user_id.hex,
        approve=_call(vault.token, contract.call(contract.APPROVE, vault.address, units)),
        deposit=_call(vault.address, contract.deposit(units, user_id)),
        approve_link=link(vault, user_id, amount, DepositStep.APPROVE),
        deposit_link=link(vault, user_id, amount, DepositStep.DEPOSIT),
        permit=typed_data,
        deposit_with_permit=permit and _with_permit(vault, user_id, units, permit),
    )


def link(vault: Vault, user_id: UserId, amount: MicroTokens, step: DepositStep) -> str:
    """Write a step as a link that wallets open, or read as a QR code (EIP-681)."""
    units = amount * vault.scale
    if step is DepositStep.APPROVE:
        target, asked = vault.token, f"approve?address={vault.address}&uint256={units}"
        return f"ethereum:{target}@{vault.chain_id}/{asked}"
    asked = f"deposit?uint256={units}&bytes16=0x{user_id.hex}"
    return f"ethereum:{vault.address}@{vault.chain_id}/{asked}"


def draw(text: str) -> bytes:
    """Draw a QR code, as SVG."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(drawn, kind="svg", scale=4, xmldecl=False)
    return drawn.getvalue()


async def prepare_permit(
    endpoints: Endpoints | None,
    vault: Vault,
    amount: MicroTokens,
    wallet: str | None,
    now: datetime,
) -> dict[str, Any] | None:
    """Return what this wallet may sign instead of an approval; None if the token has no permits.

    The chain is asked for the wallet's nonce: call it outside any transaction.
    """
    if wallet is None or vault.token_version is None:
        return None

    async def nonce(node: Node) -> int:
        answer = await node.call(vault.token, contract.call("nonces(address)", wallet))
        return int(contract.read(["uint256"], answer)[0])

    return {
        "types": {
            name: [{"name": it, "type": kind} for it, kind in fields.items()]
            for name, fields in _TYPES.items()
        },
        "primaryType": "Permit",
        "domain": {
            "name": vault.token_name,
            "version": vault.token_version,
            "chainId": vault.chain_id,
            "verifyingContract": vault.token,
        },
        # Numbers as text: JavaScript's lose digits, and wallets take both.
        "message": {
            "owner": wallet,
            "spender": vault.address,
            "value": str(amount * vault.scale),
            "nonce": str(await api_node.ask(endpoints, nonce)),
            "deadline": int((now + PERMIT_LIFE).timestamp()),
        },
    }


def _with_permit(
    vault: Vault, user_id: UserId, units: int, permit: SignedPermit
) -> UnsignedTransactionOut:
    r, s, v = permit.signature[:32], permit.signature[32:64], permit.signature[64]
    v = v if v >= 27 else v + 27  # Some wallets write 0 and 1; the token accepts 27 and 28.
    arguments = (units, user_id.bytes, permit.deadline, v, r, s)
    return _call(vault.address, contract.call(contract.DEPOSIT_WITH_PERMIT, *arguments))


def _call(to: str, data: bytes) -> UnsignedTransactionOut:
    return UnsignedTransactionOut(to=to, data="0x" + data.hex(), value="0x0")
