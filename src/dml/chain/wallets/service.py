"""Linking wallets, to which a user's tokens may be paid. Each change is audited."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.chain import addresses, queries
from dml.chain.models import Wallet, WalletChallenge
from dml.chain.node import api_node
from dml.chain.node.endpoints import Endpoints
from dml.chain.node.rpc import Node, NodeRefused
from dml.chain.states import WalletKind
from dml.chain.wallets import rules as wallet_rules, signed_messages
from dml.chain.wallets.rules import Message
from dml.core import audit
from dml.core.context import BeginFunction, Context
from dml.core.ids import WalletId, new_id
from dml.edge.idempotency import LateTransaction

STATEMENT: Final = "Link this wallet to your account, so that tokens can be paid out to it."


@dataclass(frozen=True, slots=True)
class Challenge:
    """A message to sign, and until when it is valid."""

    nonce: str
    message: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message as it was signed, and the signature."""

    text: str
    signature: bytes


async def challenge(ctx: Context, address: str, *, origin: str) -> Challenge:
    """Make a message that this user can sign once, with the wallet of this address."""
    vault = await queries.get_current_vault(ctx.tx)
    await _require_payable(ctx, address)
    await queries.lock_user(ctx.tx, ctx.actor.id)
    mine = WalletChallenge.user_id == ctx.actor.id
    await ctx.tx.execute(delete(WalletChallenge).where(mine, WalletChallenge.expires_at <= ctx.now))
    wallet_rules.require_few_challenges(await queries.count_challenges(ctx.tx, ctx.actor.id))
    nonce, expires_at = secrets.token_hex(16), ctx.now + wallet_rules.CHALLENGE_LIFE
    ctx.tx.add(WalletChallenge(nonce=nonce, user_id=ctx.actor.id, expires_at=expires_at))
    message = signed_messages.NewMessage(
        origin=origin,
        address=address,
        statement=STATEMENT,
        chain_id=vault.chain_id,
        nonce=nonce,
        issued_at=ctx.now,
        expires_at=expires_at,
    )
    return Challenge(nonce, message.as_text(), expires_at)


async def link(
    begin: BeginFunction,
    late: LateTransaction,
    endpoints: Endpoints | None,
    signed: SignedMessage,
    *,
    name: str | None,
    origin: str,
) -> Wallet:
    """Link the wallet that signed the message. No transaction is open while a node is asked."""
    sent = (signed.text, signed.signature.hex(), name or "")
    read = signed_messages.read(signed.text)

    async def check(ctx: Context) -> WalletChallenge:
        return await _require_linkable(ctx, read, origin)

    actor, _, challenge = await late.begin(begin, check)
    if challenge is None:
        await late.repeat(begin(), actor, *sent)
    kind = await _require_signed(endpoints, read.address, signed.text, signed.signature)
    ctx = await late.open(begin(), actor, *sent)
    await queries.lock_user(ctx.tx, ctx.actor.id)
    challenge = await _require_linkable(ctx, read, origin)
    challenge.used_at = ctx.now
    return await _add(ctx, read.address, kind, name)


async def unlink(ctx: Context, wallet_id: WalletId) -> None:
    """Unlink a wallet. Withdrawals under way go on."""
    wallet = await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id, lock=True)
    wallet.unlinked_at = ctx.now
    await _record(ctx, wallet, "wallet_unlinked")


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete expired challenges, used or not."""
    await tx.execute(delete(WalletChallenge).where(WalletChallenge.expires_at <= now))


async def _require_payable(ctx: Context, address: str) -> None:
    wallet_rules.require_somebodys(address, await queries.list_vaults(ctx.tx))
    await queries.require_not_denied(ctx.tx, address)


async def _require_linkable(ctx: Context, message: Message, origin: str) -> WalletChallenge:
    """Check everything but the signature. Return the challenge, its row locked."""
    vault = await queries.get_current_vault(ctx.tx)
    wallet_rules.require_meant(message, origin=origin, chain_id=vault.chain_id, now=ctx.now)
    found = await queries.find_challenge(ctx.tx, message.nonce)
    wallet_rules.require_open(found, ctx.actor.id, ctx.now)
    assert found is not None
    await _require_payable(ctx, message.address)
    wallet_rules.require_free(await queries.find_holder(ctx.tx, message.address), ctx.actor.id)
    wallet_rules.require_few_wallets(await queries.count_wallets(ctx.tx, ctx.actor.id))
    return found


async def _require_signed(
    endpoints: Endpoints | None, address: str, message: str, signature: bytes
) -> WalletKind:
    """Check the signature: by its key, or else by asking the contract at this address."""
    assert address != addresses.ZERO  # Checked before: a broken signature must not match it.
    signed = signed_messages.digest(message)
    if signed_messages.signer_of(signed, signature) == address:
        return WalletKind.KEY
    if endpoints is None:
        raise wallet_rules.WrongSignature

    async def says_yes(node: Node) -> bool:
        try:
            answer = await node.call(address, signed_messages.question(signed, signature))
        except NodeRefused as error:
            if not error.is_reverted:
                raise
            return False
        return signed_messages.says_yes(answer)

    if not await api_node.ask(endpoints, says_yes):
        raise wallet_rules.WrongSignature
    return WalletKind.CONTRACT


async def _add(ctx: Context, address: str, kind: WalletKind, name: str | None) -> Wallet:
    row = {
        "id": WalletId(new_id()),
        "user_id": ctx.actor.id,
        "address": address,
        "kind": kind,
        "name": name,
        "linked_at": ctx.now,
    }
    wallet: Wallet | None = await ctx.tx.scalar(
        insert(Wallet).values(row).on_conflict_do_nothing().returning(Wallet)
    )
    if wallet is None:  # Somebody else linked it a moment before.
        raise wallet_rules.WalletTaken
    await _record(ctx, wallet, "wallet_linked")
    return wallet


async def _record(ctx: Context, wallet: Wallet, action: str) -> None:
    user = await account_queries.get_user(ctx.tx, wallet.user_id)
    facts = {"wallet_id": str(wallet.id), "address": wallet.address, "kind": wallet.kind}
    audit.record(ctx, user.reference, action, facts=facts)
    audit.record(ctx, wallet.reference, action.removeprefix("wallet_"), facts=facts)
