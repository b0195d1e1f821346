"""What is grave asks for the second factor where there is one; every kind of proof is checked."""

from typing import Any, get_args

import pytest

from dml.accounts.identities import proofs
from dml.core.ids import new_id
from dml.entrypoints import domains
from tests.accounts.factors.authenticator import BY_PASSWORD, ME, enroll
from tests.accounts.recovery.mailbox import STRONG
from tests.world import PASSWORD, World, problem

WITHDRAWALS = "/v1/payments/withdrawals"
NONE = "01890a5d-ac96-774b-bcce-b302099a8057"  # The same in each process: it is in names of tests.
GRAVE: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", f"{ME}/password", {"password": STRONG}),
    ("POST", f"{ME}/email-changes", {"email": "new@example.org"}),
    ("POST", f"{ME}/identities/{NONE}/revoke", {}),
    ("POST", f"{ME}/recovery-codes", {}),
    ("POST", f"{ME}/totp/revoke", {}),
    ("POST", WITHDRAWALS, {"amount": "1", "wallet_id": NONE}),
]


def test_each_kind_of_proof_is_checked_by_somebody() -> None:
    domains.load_routers()
    kinds = {it: proofs.kind_of(it.model_construct()) for it in get_args(get_args(proofs.Proof)[0])}
    # Whoever holds a ticket and a passkey signs in by that, without the ticket.
    factors = {*get_args(get_args(proofs.FactorProof)[0]), proofs.PasskeyProof}
    assert {it for it, kind in kinds.items() if kind.is_factor} == factors


@pytest.mark.parametrize(("method", "path", "body"), GRAVE)
async def test_a_password_alone_opens_nothing_grave(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    by_password = await ada.ask(method, path, json={**body, "proof": BY_PASSWORD})
    problem(by_password, 403, "accounts.factor_proof_needed")
    wrong = {"kind": "totp", "code": "000000"}
    answer = await ada.ask(method, path, json={**body, "proof": wrong})
    problem(answer, 403, "accounts.wrong_proof")
    proven = await ada.ask(method, path, json={**body, "proof": await app.proof()})
    assert proven.status_code in (201, 202, 204, 404, 503), proven.text


async def test_the_bare_password_of_withdrawals_is_none_either(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    await enroll(world, ada)
    body = {"amount": "1", "wallet_id": str(new_id()), "password": PASSWORD}
    problem(await ada.post(WITHDRAWALS, body), 403, "accounts.factor_proof_needed")
    problem(await bob.post(WITHDRAWALS, body), 503, "chain.not_connected")  # As ever.
