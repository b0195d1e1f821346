"""Whether a wallet has signed: no transaction is open while a node is asked."""

from dml.accounts.identities import queries as identity_queries
from dml.accounts.identities.models import Identity, IdentityKind
from dml.chain.node.endpoints import Endpoints
from dml.chain.sign_ins import rules, service
from dml.chain.sign_ins.service import Door
from dml.chain.wallets import signed_messages, signing
from dml.chain.wallets.rules import Message
from dml.chain.wallets.service import SignedMessage
from dml.core.context import BeginFunction
from dml.edge.http import Parts
from dml.edge.limits import count_try


async def prove(
    server: Parts,
    endpoints: Endpoints | None,
    begin: BeginFunction,
    door: Door,
    signed: SignedMessage,
) -> Message:
    """Refuse whoever has not signed such a message with its wallet, to sign in.

    How often a network has a node asked, and opens accounts, is limited.
    """
    message = signed_messages.read(signed.text)
    async with begin() as ctx:
        await service.require_good(ctx, door, message)
        subject = await service.subject_of(ctx, message)
        is_known = (
            await identity_queries.find_user(ctx.tx, IdentityKind.WALLET, subject) is not None
        )
    rules.require_door(is_known=is_known, opens=door.settings.wallet_sign_up)
    if not signing.is_by_key(message.address, signed.text, signed.signature):
        most = door.settings.contract_sign_ins_a_minute
        await count_try(server, f"contract_sign_in:{door.network}", most)
    await signing.require_signed(endpoints, message.address, signed.text, signed.signature)
    if not is_known:
        most = door.settings.registrations_a_minute
        await count_try(server, f"register:{door.network}", most)
    return message


async def add(
    endpoints: Endpoints | None, begin: BeginFunction, door: Door, signed: SignedMessage
) -> Identity:
    """Let the wallet that signed this message sign in to the actor's account. It was proven who
    asks.
    """
    message = signed_messages.read(signed.text)
    async with begin() as ctx:
        await service.require_addable(ctx, door, message)
    await signing.require_signed(endpoints, message.address, signed.text, signed.signature)
    async with begin() as ctx:
        return await service.add(ctx, door, message)
