"""REST of wallets: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from dml.chain import queries
from dml.chain.models import Wallet
from dml.chain.node.api_node import Chain, ChainAway
from dml.chain.rules import NotConnected
from dml.chain.wallets import rules as wallet_rules, service as wallets
from dml.chain.wallets.schemas import (
    WalletChallengeCreate,
    WalletChallengeOut,
    WalletCreate,
    WalletOut,
)
from dml.chain.wallets.service import Challenge
from dml.core.errors import NotSignedIn
from dml.core.ids import WalletId
from dml.edge.http import Ctx, SignedInBegin, parts
from dml.edge.idempotency import IdempotentRoute, Late, Once
from dml.edge.limits import TooManyTries, at_most
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/wallets", route_class=IdempotentRoute)
limit = Depends(at_most("wallets", lambda settings: settings.sign_ins_a_minute))


async def _origin(request: Request) -> str:
    """Return the origin under which clients reach this marketplace: messages are signed for it."""
    settings = parts(request).settings
    _, port = request.scope.get("server") or ("", None)
    return wallet_rules.origin_of(
        request.headers.getlist("host"),
        request.url.scheme,
        port or settings.port,
        settings.allowed_hosts,
        public_url=settings.public_url,
    )


Origin: TypeAlias = Annotated[str, Depends(_origin)]


@router.post(
    "/challenges",
    operation_id="wallet_challenges.create",
    status_code=201,
    response_model=WalletChallengeOut,
    dependencies=[Once, limit],
    responses=refusals(
        NotConnected,
        wallet_rules.NobodysAddress,
        wallet_rules.AddressDenied,
        wallet_rules.TooManyChallenges,
        wallet_rules.UnknownHost,
        TooManyTries,
    ),
)
async def challenge(ctx: Ctx, body: WalletChallengeCreate, origin: Origin) -> Challenge:
    """Create a message for a wallet to sign.

    For signed-in users: the signed message proves that the wallet is yours (`POST /v1/wallets`).
    It is valid for ten minutes.
    """
    return await wallets.challenge(ctx, body.address, origin=origin)


@router.post(
    "",
    operation_id="wallets.create",
    status_code=201,
    response_model=WalletOut,
    dependencies=[limit],
    responses=refusals(
        NotSignedIn,
        NotConnected,
        ChainAway,
        wallet_rules.UnreadableMessage,
        wallet_rules.WrongMessage,
        wallet_rules.BadChallenge,
        wallet_rules.WrongSignature,
        wallet_rules.NobodysAddress,
        wallet_rules.AddressDenied,
        wallet_rules.WalletTaken,
        wallet_rules.WalletLinkedAlready,
        wallet_rules.TooManyWallets,
        wallet_rules.UnknownHost,
        TooManyTries,
    ),
)
async def link(
    begin: SignedInBegin,
    late: Late,
    chain: Chain,
    body: WalletCreate,
    origin: Origin,
    response: Response,
) -> Wallet:
    """Link a wallet.

    For signed-in users: with a message from `POST /v1/wallets/challenges` that the wallet has
    signed. From then on you can withdraw tokens to it.
    """
    wallet = await wallets.link(
        begin,
        late,
        chain,
        wallets.SignedMessage(body.message, body.signature),
        name=body.name,
        origin=origin,
    )
    response.headers["Location"] = f"/v1/wallets/{wallet.id}"
    return wallet


@router.get("", operation_id="wallets.list")
async def list_wallets(ctx: Ctx) -> Page[WalletOut]:
    """List your linked wallets.

    For signed-in users: oldest first. They always fit on one page.
    """
    rows: Sequence[Wallet] = await queries.list_wallets(ctx.tx, ctx.actor.id)
    return Paging(limit=wallet_rules.WALLETS_MAX).page(WalletOut, rows)


@router.get(
    "/{wallet_id}",
    operation_id="wallets.get",
    response_model=WalletOut,
    responses=refusals(wallet_rules.WalletNotFound),
)
async def get_wallet(ctx: Ctx, wallet_id: WalletId) -> Wallet:
    """Get a linked wallet of yours.

    For the user who linked it.
    """
    return await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id)


@router.delete(
    "/{wallet_id}",
    operation_id="wallets.delete",
    status_code=204,
    responses=refusals(wallet_rules.WalletNotFound),
)
async def unlink(ctx: Ctx, wallet_id: WalletId) -> None:
    """Unlink a wallet.

    For the user who linked it. Withdrawals to it that were already requested are still paid.
    """
    await wallets.unlink(ctx, wallet_id)
