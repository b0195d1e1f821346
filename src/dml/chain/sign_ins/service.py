"""The use cases of wallets as ways to sign in: give a message, sign in by it, add a wallet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries, service as users, sessions
from dml.accounts.identities import queries as identity_queries, service as identities
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.accounts.origins import Origin
from dml.accounts.sessions import Lasting, Opened, Proven
from dml.chain import queries
from dml.chain.models import UsedNonce, WalletChallenge
from dml.chain.sign_ins import nonces, queries as sign_ins, rules
from dml.chain.states import ChallengePurpose
from dml.chain.wallets import rules as wallet_rules, service as wallets, signed_messages
from dml.chain.wallets.rules import BadChallenge, Message
from dml.chain.wallets.service import Challenge
from dml.core.addresses import UNKNOWN
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.settings import Settings
from dml.core.tokens import Keys

STATEMENT: Final = "Sign in. Where this wallet has no account here yet, it opens one."


@dataclass(frozen=True, slots=True)
class Door:
    """By what somebody comes in: from where, and under which address of ours."""

    keys: Keys
    settings: Settings
    came_from: Origin
    our_origin: str

    @property
    def network(self) -> str:
        return self.came_from.network or UNKNOWN


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The session of who signed, and whether their account was opened by that."""

    opened: Opened
    is_new: bool


async def challenge(ctx: Context, door: Door, address: str) -> Challenge:
    """Make a message by which the wallet of this address signs in once. Nothing of it is kept."""
    vault = await queries.get_current_vault(ctx.tx)
    wallet_rules.require_somebodys(address, await queries.list_vaults(ctx.tx))
    expires_at = (ctx.now + wallet_rules.CHALLENGE_LIFE).replace(microsecond=0)
    nonce = nonces.make(door.keys, expires_at)
    message = signed_messages.NewMessage(
        origin=door.our_origin,
        address=address,
        statement=STATEMENT,
        chain_id=vault.chain_id,
        nonce=nonce,
        issued_at=ctx.now,
        expires_at=expires_at,
    )
    return Challenge(nonce, message.as_text(), expires_at)


async def sign_in(ctx: Context, door: Door, message: Message) -> SignedIn:
    """Open a session of the wallet that has signed this message; and an account, if it has none.

    Of two who sign in by one message at once, one does. Two messages of one wallet open one
    account.
    """
    expires_at = await require_good(ctx, door, message)
    spent = insert(UsedNonce).values(nonce=message.nonce, expires_at=expires_at)
    used = spent.on_conflict_do_nothing().returning(UsedNonce.nonce)
    if await ctx.tx.scalar(used) is None:
        raise BadChallenge
    subject = await subject_of(ctx, message)
    await sign_ins.lock_subject(ctx.tx, subject)
    holder = await identity_queries.find_user(ctx.tx, IdentityKind.WALLET, subject)
    user = holder or await _register(ctx, door, subject)
    network = sessions.digest(door.network)
    is_known = await account_queries.knows_network(ctx.tx, user.id, network)
    proven = Proven(user, door.came_from, is_known, None)
    opened = await sessions.sign_in(ctx, proven, Lasting.of(door.settings))
    return SignedIn(opened, is_new=holder is None)


async def require_addable(ctx: Context, door: Door, message: Message) -> WalletChallenge:
    """Refuse a message by which its wallet cannot become the actor's way in. The rest is its
    signature.
    """
    return await wallets.require_own(
        ctx, message, origin=door.our_origin, purpose=ChallengePurpose.SIGN_IN
    )


async def add(ctx: Context, door: Door, message: Message) -> Identity:
    """Let the wallet that has signed this message sign in to the actor's account.

    The caller had it proven who asks.
    """
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    found = await require_addable(ctx, door, message)
    found.used_at = ctx.now
    subject = await subject_of(ctx, message)
    await sign_ins.lock_subject(ctx.tx, subject)
    holder = await identity_queries.find_user(ctx.tx, IdentityKind.WALLET, subject)
    rules.require_nobodys(None if holder is None else holder.id, user.id)
    identity = await identities.add_mine(ctx, IdentityKind.WALLET, subject)
    assert identity is not None, "the subject is held"
    return identity


async def require_provable(ctx: Context, user_id: UserId, message: Message) -> WalletChallenge:
    """Refuse a message that proves nothing of this user, whoever signed it: it must be of an open
    challenge, and of a wallet by which they sign in.
    """
    vault = await queries.get_current_vault(ctx.tx)
    found = await queries.find_challenge(ctx.tx, message.nonce)
    wallet_rules.require_open(found, user_id, ChallengePurpose.PROOF, ctx.now)
    if found is None or found.origin is None:
        raise BadChallenge
    wallet_rules.require_meant(message, origin=found.origin, chain_id=vault.chain_id, now=ctx.now)
    subject = rules.subject_of(vault.chain_id, message.address)
    if not await sign_ins.has_wallet(ctx.tx, user_id, subject):
        raise BadChallenge
    return found


async def use_proof(ctx: Context, user_id: UserId, message: Message) -> None:
    """Use the challenge of a proven message up: of two who come with it at once, one does."""
    found = await require_provable(ctx, user_id, message)
    found.used_at = ctx.now


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete used nonces that nobody would take any more."""
    await tx.execute(delete(UsedNonce).where(UsedNonce.expires_at <= now))


async def require_good(ctx: Context, door: Door, message: Message) -> datetime:
    """Check everything but the signature. Return when the nonce expires."""
    vault = await queries.get_current_vault(ctx.tx)
    wallet_rules.require_meant(
        message, origin=door.our_origin, chain_id=vault.chain_id, now=ctx.now
    )
    expires_at = rules.require_good(nonces.read(door.keys, message.nonce), ctx.now)
    if await sign_ins.is_used(ctx.tx, message.nonce):
        raise BadChallenge
    wallet_rules.require_somebodys(message.address, await queries.list_vaults(ctx.tx))
    return expires_at


async def subject_of(ctx: Context, message: Message) -> str:
    vault = await queries.get_current_vault(ctx.tx)
    return rules.subject_of(vault.chain_id, message.address)


async def _register(ctx: Context, door: Door, subject: str) -> User:
    rules.require_door(is_known=False, opens=door.settings.wallet_sign_up)
    user = await users.register(ctx, email=None)
    added = await identities.add(ctx, user.id, IdentityKind.WALLET, subject)
    assert added is not None, "the subject is held"
    return user
