"""Linking wallets, to which a user's tokens may be paid. Each change is audited."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain import queries
from dml.chain.events import WalletChosen, WalletEvent, WalletLinked, WalletUnlinked
from dml.chain.models import Wallet, WalletChallenge
from dml.chain.node.endpoints import Endpoints
from dml.chain.states import ChallengePurpose, WalletKind
from dml.chain.wallets import rules as wallet_rules, signed_messages, signing
from dml.chain.wallets.rules import Message
from dml.core import events
from dml.core.context import BeginFunction, Context
from dml.core.ids import WalletId, new_id
from dml.edge.idempotency import LateTransaction

STATEMENTS: Final = {
    ChallengePurpose.LINK: "Link this wallet to your account, so that tokens can be paid to it.",
    ChallengePurpose.SIGN_IN: "Let this wallet sign in to the account that you use now.",
    ChallengePurpose.PROOF: "Confirm that it is you who changes this account or pays out of it.",
}


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


async def challenge(
    ctx: Context,
    address: str,
    *,
    origin: str,
    purpose: ChallengePurpose = ChallengePurpose.LINK,
) -> Challenge:
    """Make a message that this user can sign once, with the wallet of this address."""
    vault = await queries.get_current_vault(ctx.tx)
    await _require_usable(ctx, address, purpose)
    await queries.lock_user(ctx.tx, ctx.actor.id)
    mine = WalletChallenge.user_id == ctx.actor.id
    await ctx.tx.execute(delete(WalletChallenge).where(mine, WalletChallenge.expires_at <= ctx.now))
    wallet_rules.require_few_challenges(await queries.count_challenges(ctx.tx, ctx.actor.id))
    nonce, expires_at = secrets.token_hex(16), ctx.now + wallet_rules.CHALLENGE_LIFE
    ctx.tx.add(
        WalletChallenge(
            nonce=nonce, user_id=ctx.actor.id, expires_at=expires_at, purpose=purpose, origin=origin
        )
    )
    message = signed_messages.NewMessage(
        origin=origin,
        address=address,
        statement=STATEMENTS[purpose],
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
    kind = await signing.require_signed(endpoints, read.address, signed.text, signed.signature)
    ctx = await late.open(begin(), actor, *sent)
    await queries.lock_user(ctx.tx, ctx.actor.id)
    challenge = await _require_linkable(ctx, read, origin)
    challenge.used_at = ctx.now
    return await _add(ctx, read.address, kind, name)


async def unlink(ctx: Context, wallet_id: WalletId) -> None:
    """Unlink a wallet. Withdrawals under way go on."""
    wallet = await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id, lock=True)
    wallet.unlinked_at = ctx.now
    await _record(ctx, WalletUnlinked, wallet)


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete expired challenges, used or not."""
    await tx.execute(delete(WalletChallenge).where(WalletChallenge.expires_at <= now))


async def choose_primary(ctx: Context, wallet_id: WalletId) -> Wallet:
    """Make a linked wallet the one that is meant where none is named."""
    wallet = await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id, lock=True)
    wallet.chosen_at = ctx.now
    await _record(ctx, WalletChosen, wallet)
    return wallet


async def require_own(
    ctx: Context, message: Message, *, origin: str, purpose: ChallengePurpose
) -> WalletChallenge:
    """Refuse a message that is not the actor's, for this, here and now. Return its challenge, held.

    Whether it is signed is another question.
    """
    vault = await queries.get_current_vault(ctx.tx)
    wallet_rules.require_meant(message, origin=origin, chain_id=vault.chain_id, now=ctx.now)
    found = await queries.find_challenge(ctx.tx, message.nonce)
    wallet_rules.require_open(found, ctx.actor.id, purpose, ctx.now)
    assert found is not None
    await _require_usable(ctx, message.address, purpose)
    return found


async def _require_usable(ctx: Context, address: str, purpose: ChallengePurpose) -> None:
    wallet_rules.require_somebodys(address, await queries.list_vaults(ctx.tx))
    if purpose is ChallengePurpose.LINK:
        await queries.require_not_denied(ctx.tx, address)


async def _require_linkable(ctx: Context, message: Message, origin: str) -> WalletChallenge:
    """Check everything but the signature. Return the challenge, its row locked."""
    found = await require_own(ctx, message, origin=origin, purpose=ChallengePurpose.LINK)
    wallet_rules.require_free(await queries.find_holder(ctx.tx, message.address), ctx.actor.id)
    wallet_rules.require_few_wallets(await queries.count_wallets(ctx.tx, ctx.actor.id))
    return found


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
    await _record(ctx, WalletLinked, wallet)
    return wallet


async def _record(ctx: Context, about: type[WalletEvent], wallet: Wallet) -> None:
    facts = {"kind": wallet.kind}
    readers = [events.user(wallet.user_id)]
    await events.record(ctx, about(wallet.id, wallet.address), readers, facts=facts)
