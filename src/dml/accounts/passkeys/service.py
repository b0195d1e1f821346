"""The use cases of passkeys: ask for one, sign in and up by it, add, rename and remove it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Row, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries, service as users, sessions
from dml.accounts.events import UserPasskeyCounterFell, UserPasskeyUsed
from dml.accounts.identities import queries as identity_queries, service as identities
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.accounts.origins import Origin
from dml.accounts.passkeys import challenges, letters, queries, rules
from dml.accounts.passkeys.challenges import Challenge
from dml.accounts.passkeys.models import Passkey, UsedPasskeyChallenge
from dml.accounts.passkeys.rules import ChallengeOver, Made, Purpose, Signed, Site
from dml.accounts.recovery.service import Post, tell
from dml.accounts.sessions import Lasting, Opened, Proven
from dml.core import events
from dml.core.addresses import UNKNOWN
from dml.core.context import Actor, Context
from dml.core.ids import IdentityId, UserId, new_id
from dml.core.settings import Settings
from dml.core.tokens import Keys
from dml.mail import service as mail


@dataclass(frozen=True, slots=True)
class Door:
    """Under which address of ours somebody asks, and with what challenges are made there."""

    keys: Keys
    settings: Settings
    base: str

    @property
    def site(self) -> Site:
        chosen = self.settings
        return rules.site_of(self.base, chosen.passkey_relying_party, chosen.passkey_origins)

    def challenge(self, purpose: Purpose, user_id: UserId | None, now: datetime) -> bytes:
        expires_at = now + rules.CHALLENGE_LASTS
        return Challenge(purpose, user_id, expires_at, self.base).write(self.keys)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked for: that a passkey of this site, or one of those `known`, signs; or,
    with a `user_id`, that one is made, by none that holds one of them.
    """

    challenge: bytes
    site: Site
    known: Sequence[Row[str, list[str]]] = ()
    user_id: UserId | None = None
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class New:
    """A passkey that was made, and the challenge for that with what it says."""

    challenge: bytes
    said: Challenge
    made: Made


@dataclass(frozen=True, slots=True)
class Used:
    """A passkey that has signed a challenge, whose it is, and what it says of itself."""

    challenge: bytes
    said: Challenge
    passkey_id: IdentityId
    user_id: UserId
    signed: Signed


async def ask_to_sign_in(ctx: Context, door: Door) -> Asked:
    """Ask for any passkey of this site: who that is, it tells itself."""
    site = door.site
    return Asked(door.challenge(Purpose.SIGN_IN, None, ctx.now), site)


async def ask_to_prove(ctx: Context, door: Door) -> Asked:
    """Ask for one of the actor's passkeys."""
    site = door.site
    known = await queries.list_descriptors(ctx.tx, ctx.actor.id, site.relying_party)
    return Asked(door.challenge(Purpose.PROOF, ctx.actor.id, ctx.now), site, known)


async def ask_to_add(ctx: Context, door: Door) -> Asked:
    """Ask for another passkey of the actor's."""
    site = door.site
    user = await account_queries.get_user(ctx.tx, ctx.actor.id)
    known = await queries.list_descriptors(ctx.tx, user.id, site.relying_party)
    challenge = door.challenge(Purpose.ADD, user.id, ctx.now)
    return Asked(challenge, site, known, user.id, user.email or str(user.id))


async def ask_to_sign_up(ctx: Context, door: Door, name: str | None) -> Asked:
    """Ask for the first passkey of somebody new, whose id is chosen now. Nothing is kept of it."""
    rules.require_door(opens=door.settings.passkey_sign_up)
    site, user_id = door.site, UserId(new_id())
    challenge = door.challenge(Purpose.SIGN_UP, user_id, ctx.now)
    return Asked(challenge, site, (), user_id, name or site.relying_party)


async def sign_up(ctx: Context, settings: Settings, new: New, name: str, origin: Origin) -> Opened:
    """Open an account, whose only way in is this passkey, and a session of it."""
    rules.require_door(opens=settings.passkey_sign_up)
    await _use_challenge(ctx, new.challenge, new.said)
    await _require_nobodys(ctx, new, None)
    user = await users.register(ctx, email=None, user_id=new.said.user_id)
    added = await identities.add(ctx, user.id, IdentityKind.PASSKEY, new.made.credential_id)
    await _keep(ctx, added, new, name)
    proven = Proven(user, origin, is_known_network=False, is_proven_twice=True)
    return await sessions.sign_in(ctx, proven, Lasting.of(settings))


async def sign_in(ctx: Context, post: Post, used: Used, origin: Origin) -> Opened:
    """Open a session of the user whose passkey has signed: it proves two things at once."""
    user = await account_queries.get_user(ctx.tx, used.user_id, lock=True)
    await use(replace(ctx, actor=Actor(user.id, user.role)), post, used)
    network = sessions.digest(origin.network or UNKNOWN)
    is_known = await account_queries.knows_network(ctx.tx, user.id, network)
    proven = Proven(user, origin, is_known, is_proven_twice=True)
    return await sessions.sign_in(ctx, proven, Lasting.of(post.settings))


async def use(ctx: Context, post: Post, used: Used) -> None:
    """Use a challenge up that a passkey has signed, and count the use. Of two who come with it at
    once, one does.

    Holds the user's row before that of the passkey, as whoever takes it away does.
    """
    user = await account_queries.get_user(ctx.tx, used.user_id, lock=True)
    await _use_challenge(ctx, used.challenge, used.said)
    passkey = await queries.find_mine(ctx.tx, user.id, used.passkey_id, lock=True)
    if passkey is None:
        raise rules.UnknownPasskey
    if not rules.has_counted_on(passkey.sign_count, used.signed.sign_count):
        await _warn(ctx, post, user, passkey)
        raise rules.CounterFell
    passkey.sign_count = used.signed.sign_count
    passkey.is_backed_up = used.signed.is_backed_up
    passkey.last_used_at = ctx.now
    event = UserPasskeyUsed(user.id, passkey.id, used.said.purpose.value)
    await events.record(ctx, event, [events.user(user.id)])


async def add_mine(ctx: Context, new: New, name: str) -> Passkey:
    """Let the actor sign in by this passkey, too. It was proven who asks."""
    user = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    await _use_challenge(ctx, new.challenge, new.said)
    await _require_nobodys(ctx, new, user.id)
    added = await identities.add_mine(ctx, IdentityKind.PASSKEY, new.made.credential_id)
    return await _keep(ctx, added, new, name)


async def rename_mine(ctx: Context, passkey_id: IdentityId, name: str) -> Passkey:
    """Have a passkey of the actor's called otherwise."""
    passkey = await _get_mine(ctx, passkey_id)
    passkey.name = name
    return passkey


async def revoke_mine(ctx: Context, passkey_id: IdentityId) -> None:
    """Take a passkey of the actor's, and never their last way to sign in. It was proven who
    asks.
    """
    await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    await _get_mine(ctx, passkey_id)
    await identities.revoke_mine(ctx, passkey_id)


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete used challenges that nobody would take any more."""
    over = UsedPasskeyChallenge.expires_at <= now
    await tx.execute(delete(UsedPasskeyChallenge).where(over))


async def _get_mine(ctx: Context, passkey_id: IdentityId) -> Passkey:
    found = await queries.find_mine(ctx.tx, ctx.actor.id, passkey_id, lock=True)
    if found is None:
        raise rules.PasskeyNotFound
    return found


async def _use_challenge(ctx: Context, challenge: bytes, said: Challenge) -> None:
    row = {"sha256": challenges.digest(challenge), "expires_at": said.expires_at}
    spent = insert(UsedPasskeyChallenge).values(row).on_conflict_do_nothing()
    if await ctx.tx.scalar(spent.returning(UsedPasskeyChallenge.sha256)) is None:
        raise ChallengeOver


async def _require_nobodys(ctx: Context, new: New, user_id: UserId | None) -> None:
    holder = await identity_queries.find_user(ctx.tx, IdentityKind.PASSKEY, new.made.credential_id)
    rules.require_nobodys(None if holder is None else holder.id, user_id)


async def _keep(ctx: Context, identity: Identity | None, new: New, name: str) -> Passkey:
    """Keep what is known of a passkey beside its identity, which somebody else may have taken since
    a moment ago.
    """
    if identity is None:
        raise rules.PasskeyTaken(is_yours=False)
    passkey = Passkey(
        id=identity.id,
        user_id=identity.user_id,
        name=name,
        relying_party=new.made.relying_party,
        public_key=new.made.public_key,
        sign_count=new.made.sign_count,
        transports=new.made.transports,
        aaguid=new.made.aaguid,
        can_be_backed_up=new.made.can_be_backed_up,
        is_backed_up=new.made.is_backed_up,
        created_at=ctx.now,
    )
    ctx.tx.add(passkey)
    await ctx.tx.flush()
    return passkey


async def _warn(ctx: Context, post: Post, user: User, passkey: Passkey) -> None:
    """Tell a user that a passkey may have been copied; by mail once in an hour."""
    event = UserPasskeyCounterFell(user.id, passkey.id)
    await events.record(ctx, event, [events.user(user.id)])
    letter = letters.counter_fell(passkey.name)
    if user.email is not None and await mail.has_room(ctx, user.email, letter.kind, most=1):
        await tell(ctx, post, user.email, letter)
