"""REST of wallets: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends, Response

from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate_once
from dml.chain import queries
from dml.chain.models import Wallet
from dml.chain.node.api_node import Chain, ChainAway
from dml.chain.rules import NotConnected
from dml.chain.wallets import rules as wallet_rules, service as wallets
from dml.chain.wallets.schemas import (
    WalletChallengeCreate,
    WalletChallengeOut,
    WalletChange,
    WalletCreate,
    WalletOut,
    wallet_out,
)
from dml.chain.wallets.service import Challenge
from dml.core.errors import NotSignedIn
from dml.core.ids import WalletId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import (
    IdempotencyKeyReused,
    IdempotentRoute,
    KeyHeader,
    Late,
    Once,
    once,
)
from dml.edge.limits import TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/wallets", route_class=IdempotentRoute)
limit = Depends(at_most("wallets", lambda settings: settings.sign_ins_a_minute))


async def _require_proof(
    server: Server, begin: SignedInBegin, body: WalletCreate, idempotency_key: KeyHeader = None
) -> None:
    await reauthenticate_once(server, begin, body.proof, idempotency_key)


async def _require_proof_to_change(
    server: Server, begin: SignedInBegin, body: WalletChange, idempotency_key: KeyHeader = None
) -> None:
    await reauthenticate_once(server, begin, body.proof, idempotency_key)


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
        UnknownHost,
        TooManyTries,
    ),
)
async def challenge(ctx: Ctx, body: WalletChallengeCreate, origin: PublicUrl) -> Challenge:
    """Create a message for a wallet to sign.

    For signed-in users: the signed message proves that the wallet is yours, for one purpose: to
    link it (`POST /v1/wallets`), to add it as a way to sign in
    (`POST /v1/users/me/identities/wallets`), or as a proof of who you are. It is valid for ten
    minutes.
    """
    return await wallets.challenge(ctx, body.address, origin=origin, purpose=body.purpose)


@router.post(
    "",
    operation_id="wallets.create",
    status_code=201,
    response_model=WalletOut,
    dependencies=[limit, Depends(_require_proof)],
    responses=refusals(
        *PROOF_REFUSALS,
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
        UnknownHost,
    ),
)
async def link(
    begin: SignedInBegin,
    late: Late,
    chain: Chain,
    body: WalletCreate,
    origin: PublicUrl,
    response: Response,
) -> WalletOut:
    """Link a wallet.

    For signed-in users, with a proof of who they are, and a message from
    `POST /v1/wallets/challenges` that the wallet has signed. From then on you can withdraw tokens
    to it. A mail to your address, if you have confirmed one, tells you of it.
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
    return wallet_out(wallet, await queries.list_wallets(late.ctx.tx, wallet.user_id))


@router.get("", operation_id="wallets.list")
async def list_wallets(ctx: Ctx) -> Page[WalletOut]:
    """List your linked wallets.

    For signed-in users: oldest first. They always fit on one page.
    """
    mine: Sequence[Wallet] = await queries.list_wallets(ctx.tx, ctx.actor.id)
    shown = [wallet_out(it, mine) for it in mine]
    return Paging(limit=wallet_rules.WALLETS_MAX).page(WalletOut, shown)


@router.get(
    "/{wallet_id}",
    operation_id="wallets.get",
    response_model=WalletOut,
    responses=refusals(wallet_rules.WalletNotFound),
)
async def get_wallet(ctx: Ctx, wallet_id: WalletId) -> WalletOut:
    """Get a linked wallet of yours.

    For the user who linked it.
    """
    wallet = await queries.get_my_wallet(ctx.tx, ctx.actor, wallet_id)
    return wallet_out(wallet, await queries.list_wallets(ctx.tx, wallet.user_id))


@router.post(
    "/{wallet_id}/make-primary",
    operation_id="wallets.choose_primary",
    response_model=WalletOut,
    dependencies=[limit, Depends(_require_proof_to_change), once("proof")],
    responses=refusals(*PROOF_REFUSALS, wallet_rules.WalletNotFound, IdempotencyKeyReused),
)
async def choose_primary(ctx: Ctx, wallet_id: WalletId, body: WalletChange) -> WalletOut:
    """Make a linked wallet your primary one.

    For the user who linked it, with a proof of who they are. It is the one that is meant where none
    is named, as by `dml withdraw`.
    """
    wallet = await wallets.choose_primary(ctx, wallet_id)
    return wallet_out(wallet, await queries.list_wallets(ctx.tx, wallet.user_id))


@router.post(
    "/{wallet_id}/unlink",
    operation_id="wallets.delete",
    status_code=204,
    dependencies=[limit, Depends(_require_proof_to_change), once("proof")],
    responses=refusals(*PROOF_REFUSALS, wallet_rules.WalletNotFound, IdempotencyKeyReused),
)
async def unlink(ctx: Ctx, wallet_id: WalletId, body: WalletChange) -> None:
    """Unlink a wallet.

    For the user who linked it, with a proof of who they are. Withdrawals to it that were already
    requested are still paid.
    """
    await wallets.unlink(ctx, wallet_id)
