"""The second half of signing in: a ticket and a proof by the second factor open the session."""

from dataclasses import replace
from typing import Any

from dml.accounts import queries as account_queries, sessions
from dml.accounts.factors import letters, rules, tickets
from dml.accounts.identities import proofs, rules as identity_rules
from dml.accounts.origins import Origin
from dml.accounts.recovery.choosing import post_of
from dml.accounts.recovery.service import tell
from dml.accounts.sessions import FREE_GUESSES, FREE_GUESSES_KNOWN, Lasting, Opened
from dml.core.addresses import UNKNOWN
from dml.core.context import Actor, BeginFunction, Context
from dml.core.ids import UserId
from dml.edge.http import Parts
from dml.edge.limits import guess
from dml.mail import service as mail


async def prove(
    server: Parts, begin: BeginFunction, ticket: str, proof: Any, origin: Origin
) -> None:
    """Refuse whoever holds a ticket without the second factor of its account.

    Guesses count by account, and apart where its owner came from before, as those of passwords do.
    """
    network = origin.network or UNKNOWN
    async with begin() as ctx:
        user_id = await tickets.get_holder(ctx, ticket)
        is_known = await account_queries.knows_network(ctx.tx, user_id, sessions.digest(network))
    whose = f"{user_id}:{network}" if is_known else str(user_id)
    free = FREE_GUESSES_KNOWN if is_known else FREE_GUESSES
    async with guess(server, f"factor:{whose}", free=free):
        async with begin() as ctx:
            tries = await tickets.count_try(ctx, ticket)
        is_right = await proofs.kind_of(proof).check(server, begin, user_id, proof)
        if not is_right and tries == rules.TICKET_TRIES:
            await _warn(server, begin, user_id)
        identity_rules.require_proof(is_right=is_right)


async def open_session(ctx: Context, ticket: str, lasting: Lasting, origin: Origin) -> Opened:
    """Use a ticket up, whose second factor was proven, and open its session."""
    user_id = await tickets.get_holder(ctx, ticket)
    await tickets.use(ctx, ticket)
    user = await account_queries.get_user(ctx.tx, user_id)
    network = origin.network or UNKNOWN
    is_known = await account_queries.knows_network(ctx.tx, user_id, sessions.digest(network))
    opened = await sessions.open_session(
        replace(ctx, actor=Actor(user.id, user.role)),
        user.id,
        days=min(lasting.days, lasting.days_in_all),
        origin=origin,
        is_new_network=not is_known,
        is_proven_twice=True,
    )
    await sessions.know_network(ctx, user.id, network)
    return opened


async def _warn(server: Parts, begin: BeginFunction, user_id: UserId) -> None:
    """Tell an account's owner that somebody knows the password, once in an hour."""
    async with begin() as ctx:
        user = await account_queries.get_user(ctx.tx, user_id)
        email = user.email
        if email is not None and await mail.has_room(ctx, email, letters.WRONG_CODES, most=1):
            await tell(ctx, post_of(server), email, letters.wrong_codes())
