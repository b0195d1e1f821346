"""REST of wallets as ways to sign in: parse, call one function, shape the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends

from dml.accounts.factors.rules import SecondFactorNeeded
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.identities.rules import TooManyIdentities
from dml.accounts.identities.schemas import IdentityOut, identity_out
from dml.accounts.origins import From
from dml.accounts.rules import Suspended
from dml.chain.node.api_node import Chain, ChainAway
from dml.chain.rules import NotConnected
from dml.chain.sign_ins import proving, rules, service
from dml.chain.sign_ins.schemas import (
    WalletIdentityCreate,
    WalletSessionCreate,
    WalletSessionOut,
    WalletSignInChallenge,
    session_out,
)
from dml.chain.sign_ins.service import Door
from dml.chain.wallets import rules as wallet_rules
from dml.chain.wallets.schemas import WalletChallengeOut
from dml.chain.wallets.service import Challenge, SignedMessage
from dml.edge.http import BeginAsStranger, Server, SignedInBegin, StrangerCtx
from dml.edge.limits import TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1", route_class=StrictRoute)
limit = Depends(at_most("sign_in", lambda settings: settings.sign_ins_a_minute))
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
NOT_SIGNED = (
    NotConnected,
    ChainAway,
    wallet_rules.UnreadableMessage,
    wallet_rules.WrongMessage,
    wallet_rules.BadChallenge,
    wallet_rules.WrongSignature,
    wallet_rules.NobodysAddress,
    UnknownHost,
    TooManyTries,
)


async def _door(server: Server, came_from: From, origin: PublicUrl) -> Door:
    return Door(server.keys, server.settings, came_from, origin)


ByDoor = Annotated[Door, Depends(_door)]


async def _require_proof(server: Server, begin: SignedInBegin, body: WalletIdentityCreate) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/sessions/wallet-challenges",
    operation_id="wallet_challenges.create_for_session",
    response_model=WalletChallengeOut,
    dependencies=[limit],
    responses=refusals(NotConnected, wallet_rules.NobodysAddress, UnknownHost, TooManyTries),
)
async def challenge(ctx: StrangerCtx, door: ByDoor, body: WalletSignInChallenge) -> Challenge:
    """Create a message for a wallet to sign in with.

    For anybody: signed by the wallet, it opens a session (`POST /v1/sessions/wallet`). It is valid
    for ten minutes, and once.
    """
    return await service.challenge(ctx, door, body.address)


@router.post(
    "/sessions/wallet",
    operation_id="sessions.create_by_wallet",
    dependencies=[limit],
    responses=refusals(*NOT_SIGNED, rules.UnknownWallet, Suspended, SecondFactorNeeded),
)
async def sign_in(
    begin: BeginAsStranger, server: Server, chain: Chain, door: ByDoor, body: WalletSessionCreate
) -> WalletSessionOut:
    """Sign in with a wallet.

    For whoever has signed a message from `POST /v1/sessions/wallet-challenges`. It opens a session
    of the account that this wallet signs in to. Where there is none it opens an account, which has
    no e-mail address, unless the operator has closed that door.
    """
    signed = SignedMessage(body.message, body.signature)
    message = await proving.prove(server, chain, begin, door, signed)
    async with begin() as ctx:
        return session_out(server, ctx, await service.sign_in(ctx, door, message))


@router.post(
    "/users/me/identities/wallets",
    operation_id="identities.create_by_wallet",
    status_code=201,
    dependencies=[proof_limit, Depends(_require_proof)],
    responses=refusals(*NOT_SIGNED, rules.WalletIsAWayIn, TooManyIdentities, *PROOF_REFUSALS),
)
async def add(
    begin: SignedInBegin, chain: Chain, door: ByDoor, body: WalletIdentityCreate
) -> IdentityOut:
    """Add a wallet as a way to sign in.

    For signed-in users, with a proof of who they are, and a message from
    `POST /v1/wallets/challenges` (`purpose: sign_in`) that the wallet has signed. A wallet that you
    linked is no way to sign in before that. A mail to your address, if you have confirmed one,
    tells you of it.
    """
    signed = SignedMessage(body.message, body.signature)
    return identity_out(await proving.add(chain, begin, door, signed), ())
