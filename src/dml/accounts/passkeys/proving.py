"""What a browser sends of a passkey, checked: no transaction is open while a signature is."""

import asyncio
import importlib
from typing import Any

from dml.accounts.passkeys import challenges, queries, rules
from dml.accounts.passkeys.credentials import NewPasskey, SignedPasskey
from dml.accounts.passkeys.rules import ChallengeOver, Purpose, UnknownPasskey
from dml.accounts.passkeys.service import Door, New, Used
from dml.core import base64url
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.edge.http import Parts


async def check_made(
    server: Parts, begin: BeginFunction, sent: NewPasskey, purpose: Purpose
) -> New:
    """Return the passkey that a browser made for a challenge of this purpose, and for the actor, if
    there is one; or refuse.
    """
    ceremonies = await _ceremonies()
    challenge = ceremonies.challenge_in(sent.response.clientDataJSON)
    async with begin() as ctx:
        said = challenges.read(server.keys, challenge, purpose, ctx.now)
        actor_id = ctx.actor.user_id
    if purpose is Purpose.ADD and said.user_id != actor_id:
        raise ChallengeOver
    site = Door(server.keys, server.settings, said.base).site
    return New(challenge, said, ceremonies.check_made(sent, challenge, site))


async def check_signed(
    server: Parts,
    begin: BeginFunction,
    sent: SignedPasskey,
    purpose: Purpose,
    user_id: UserId | None = None,
) -> Used:
    """Return the passkey that has signed a challenge of this purpose: whosoever it is, or one of
    this user's; or refuse.
    """
    ceremonies = await _ceremonies()
    challenge = ceremonies.challenge_in(sent.response.clientDataJSON)
    async with begin() as ctx:
        said = challenges.read(server.keys, challenge, purpose, ctx.now)
        if said.user_id != user_id:
            raise ChallengeOver
        passkey = await queries.find_by_credential(ctx.tx, sent.id)
        if passkey is None or user_id not in (None, passkey.user_id):
            raise UnknownPasskey
        whose, public_key, passkey_id = passkey.user_id, passkey.public_key, passkey.id
    site = Door(server.keys, server.settings, said.base).site
    signed = ceremonies.check_signed(sent, challenge, site, public_key)
    _require_handle(sent.response.userHandle, whose, is_needed=user_id is None)
    return Used(challenge, said, passkey_id, whose, signed)


async def _ceremonies() -> Any:
    """Return the module that reads and checks. To import it takes a fifth of a second, by a thread,
    once.
    """
    return await asyncio.to_thread(importlib.import_module, "dml.accounts.passkeys.ceremonies")


def _require_handle(sent: str | None, user_id: UserId, *, is_needed: bool) -> None:
    """Refuse a passkey that says that it is another user's; who asked nobody has to be told."""
    if sent is None and not is_needed:
        return
    if sent is None or base64url.encode(rules.handle_of(user_id)) != sent:
        raise rules.WrongSignature
