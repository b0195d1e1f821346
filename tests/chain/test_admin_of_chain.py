"""What admins decide: reviews, the deny list, and deposits that name nobody."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from dml.chain.models import UNCLAIMED, Deposit, Vault
from dml.chain.states import DepositState
from dml.core.context import SYSTEM, Context, Role
from dml.core.event_log import EventRow
from dml.core.ids import new_id
from dml.core.money import parse as tokens
from dml.payments import service as payments
from dml.payments.models import CHAIN, TransferCode
from tests.chain.people import add_deposit, link, some_address
from tests.world import PASSWORD, Person, World, problem

PATH = "/v1/payments/withdrawals"
pytestmark = pytest.mark.usefixtures("vault")


@pytest.fixture
async def admin(world: World) -> Person:
    return await world.person("admin", Role.ADMIN)


async def _large(world: World) -> tuple[Person, dict[str, Any]]:
    """Somebody, and their withdrawal that waits for a review."""
    ada = await world.rich("ada", "20000")
    body = {"amount": "15000", "wallet_id": (await link(ada))["id"], "password": PASSWORD}
    answer = await ada.post(PATH, body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["needs_review"]
    return ada, answer.json()


async def _listed(admin: Person) -> list[str]:
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await admin.get(f"/v1/admin/withdrawals?limit=100{cursor}")).json()
        found += [it["id"] for it in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


async def test_an_admin_lets_a_large_withdrawal_go(world: World, admin: Person) -> None:
    ada, made = await _large(world)
    shown = (await ada.get(f"{PATH}/{made['id']}")).json()
    assert [it["action"] for it in shown["timeline"]["next"]] == ["review", "authorise", "pay"]
    assert made["id"] in await _listed(admin)
    path = f"/v1/admin/withdrawals/{made['id']}"
    approved = await admin.post(f"{path}/approve", {"reason": "known"})
    assert approved.status_code == 200, approved.text
    assert (approved.json()["state"], approved.json()["user_id"]) == ("requested", str(ada.id))
    assert approved.json()["reviewed_at"] is not None
    assert made["id"] not in await _listed(admin)
    for again in ("approve", "refuse"):
        answer = await admin.post(f"{path}/{again}", {"reason": "again"})
        problem(answer, 409, "chain.not_to_review")
    shown = (await ada.get(f"{PATH}/{made['id']}")).json()["timeline"]
    assert [it["action"] for it in shown["next"]] == ["authorise", "pay"]
    assert (shown["entries"][-1]["action"], shown["entries"][-1]["reason"]) == ("approved", "known")


async def test_an_admin_refuses_a_large_withdrawal_and_it_comes_back(
    world: World, admin: Person
) -> None:
    ada, made = await _large(world)
    path = f"/v1/admin/withdrawals/{made['id']}/refuse"
    assert (await admin.post(path, {})).status_code == 422  # A reason is due.
    answers = await asyncio.gather(*(admin.post(path, {"reason": "a thief"}) for _ in range(3)))
    assert sorted(it.status_code for it in answers) == [200, 409, 409]
    shown = (await ada.get(f"{PATH}/{made['id']}")).json()
    assert (shown["state"], shown["end_reason"]) == ("cancelled", "a thief")
    assert (await ada.get("/v1/payments/balance")).json()["available"] == "20000"


async def test_a_withdrawal_that_was_cancelled_or_is_small_waits_for_no_review(
    world: World, admin: Person
) -> None:
    ada, made = await _large(world)
    body = {"amount": "1", "wallet_id": made["wallet_id"], "password": PASSWORD}
    assert (await ada.post(f"{PATH}/{made['id']}/cancel")).status_code == 200
    small = (await ada.post(PATH, body)).json()
    for it in (made, small):
        answer = await admin.post(f"/v1/admin/withdrawals/{it['id']}/approve", {})
        problem(answer, 409, "chain.not_to_review")
    unknown = await admin.post(f"/v1/admin/withdrawals/{new_id()}/approve", {})
    problem(unknown, 404, "chain.withdrawal_not_found")


async def test_what_is_on_its_way_to_a_denied_address_waits_for_a_review(
    world: World, admin: Person
) -> None:
    ada = await world.rich("ada", "100")
    wallet = await link(ada)
    body = {"amount": "1", "wallet_id": wallet["id"], "password": PASSWORD}
    made = (await ada.post(PATH, body)).json()
    assert not made["needs_review"]
    path = f"/v1/admin/denied-addresses/{wallet['address']}"
    denied = await admin.put(path, {"reason": "stolen"})
    assert denied.json()["denied_by"] == str(admin.id)
    assert made["id"] in await _listed(admin)
    approve = f"/v1/admin/withdrawals/{made['id']}/approve"
    problem(await admin.post(approve, {}), 403, "chain.address_denied")
    assert (await admin.ask("DELETE", path)).status_code == 204
    problem(await admin.ask("DELETE", path), 404, "chain.not_denied")
    assert (await admin.post(approve, {})).status_code == 200
    async with world.parts.sessions() as tx:
        noted = select(EventRow).where(EventRow.subject == f"address:{wallet['address']}")
        entries = (await tx.scalars(noted.order_by(EventRow.number))).all()
    assert [it.action for it in entries] == ["denied", "allowed"]
    assert (entries[0].actor_id, entries[0].reason) == (admin.id, "stolen")


async def test_the_deny_list_is_shown_in_pages_and_a_reason_can_be_changed(admin: Person) -> None:
    addresses = [some_address() for _ in range(3)]
    for it in addresses:
        path = f"/v1/admin/denied-addresses/{it.lower()}"  # One address, however it is written.
        assert (await admin.put(path, {"reason": "first"})).status_code == 200
        assert (await admin.put(path, {"reason": "second"})).json()["address"] == it
    seen: dict[str, str] = {}
    cursor = ""
    while cursor is not None:
        page = (await admin.get(f"/v1/admin/denied-addresses?limit=2{cursor}")).json()
        assert not seen.keys() & {it["address"] for it in page["items"]}
        seen |= {it["address"]: it["reason"] for it in page["items"]}
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert {seen[it] for it in addresses} == {"second"}
    wrong = "/v1/admin/denied-addresses/0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert (await admin.put(wrong, {"reason": "typo"})).status_code == 422


async def _unclaimed(world: World, vault: Vault, amount: str) -> Deposit:
    """A final deposit that names nobody, in the books as the indexer has it."""
    now = datetime.now(UTC)
    async with world.parts.sessions.begin() as tx:
        fields = {"state": DepositState.UNCLAIMED, "final_at": now}
        deposit = await add_deposit(tx, vault, None, amount, **fields)
        await payments.transfer(
            Context(tx, SYSTEM, now),
            code=TransferCode.DEPOSIT,
            reference=deposit.reference,
            source=CHAIN,
            target=UNCLAIMED,
            amount=deposit.amount,
        )
    return deposit


async def test_a_deposit_that_names_nobody_is_assigned_once(
    world: World, vault: Vault, admin: Person
) -> None:
    ada, deposit = await world.person("ada"), await _unclaimed(world, vault, "7")
    before = (await admin.get("/v1/admin/books")).json()
    assert float(before["unclaimed"]) >= 7
    page = (await admin.get("/v1/admin/deposits/unclaimed?limit=100")).json()
    (listed,) = [it for it in page["items"] if it["id"] == str(deposit.id)]
    assert listed["named_user_id"] == str(deposit.named)

    path = f"/v1/admin/deposits/{deposit.id}/assign"
    body = {"user_id": str(ada.id), "reason": "she showed the transaction"}
    unknown = await admin.post(path, body | {"user_id": str(new_id())})
    problem(unknown, 404, "accounts.user_not_found")
    answers = await asyncio.gather(*(admin.post(path, body) for _ in range(3)))
    assert sorted(it.status_code for it in answers) == [200, 409, 409]
    (refused, *_) = [it for it in answers if it.status_code == 409]
    assert problem(refused, 409, "chain.wrong_deposit_state")["state"] == "credited"
    assert (await ada.get("/v1/payments/balance")).json()["available"] == "7"
    mine = (await ada.get(f"/v1/payments/deposits/{deposit.id}")).json()
    assert mine["state"] == "credited"
    after = (await admin.get("/v1/admin/books")).json()
    assert (before["sum"], after["sum"]) == ("0", "0")
    assert float(before["unclaimed"]) - float(after["unclaimed"]) == 7


async def test_a_deposit_that_is_not_final_is_assigned_to_nobody(
    world: World, vault: Vault, admin: Person
) -> None:
    ada = await world.person("ada")
    async with world.parts.sessions.begin() as tx:
        deposit = await add_deposit(tx, vault, None, "7")
    body = {"user_id": str(ada.id), "reason": "too early"}
    refused = await admin.post(f"/v1/admin/deposits/{deposit.id}/assign", body)
    assert problem(refused, 409, "chain.wrong_deposit_state")["state"] == "seen"
    unknown = await admin.post(f"/v1/admin/deposits/{new_id()}/assign", body)
    problem(unknown, 404, "chain.deposit_not_found")


async def test_all_of_this_is_for_admins(world: World, vault: Vault) -> None:
    mod = await world.person("mod", Role.MODERATOR)
    deposit = await _unclaimed(world, vault, "1")
    denied = f"/v1/admin/denied-addresses/{some_address()}"
    body = {"user_id": str(mod.id), "reason": "for me"}
    _, made = await _large(world)
    for answer in (
        await mod.get("/v1/admin/withdrawals"),
        await mod.post(f"/v1/admin/withdrawals/{made['id']}/approve", {}),
        await mod.post(f"/v1/admin/withdrawals/{made['id']}/refuse", {"reason": "no"}),
        await mod.get("/v1/admin/denied-addresses"),
        await mod.put(denied, {"reason": "no"}),
        await mod.ask("DELETE", denied),
        await mod.get("/v1/admin/deposits/unclaimed"),
        await mod.post(f"/v1/admin/deposits/{deposit.id}/assign", body),
    ):
        problem(answer, 403, "accounts.admins_only")


async def test_nobody_approves_a_withdrawal_of_their_own(world: World, admin: Person) -> None:
    other = await world.person("other", Role.ADMIN)
    body = {"user_id": str(admin.id), "amount": "20000", "reason": "for a test"}
    assert (await other.post("/v1/admin/credits", body)).status_code == 201
    asked = {"amount": "15000", "wallet_id": (await link(admin))["id"], "password": PASSWORD}
    made = (await admin.post(PATH, asked)).json()
    path = f"/v1/admin/withdrawals/{made['id']}/approve"
    problem(await admin.post(path, {}), 403, "chain.own_withdrawal")
    assert (await other.post(path, {})).json()["reviewed_at"] is not None


async def test_above_the_bound_two_admins_let_a_withdrawal_go(world: World, admin: Person) -> None:
    state, before = world.app.state, world.parts.settings
    other = await world.person("other", Role.ADMIN)
    _, made = await _large(world)
    path = f"/v1/admin/withdrawals/{made['id']}/approve"
    state.settings = before.model_copy(update={"second_admin_above": tokens("14999.999999")})
    try:
        first = await admin.post(path, {"reason": "known"})
        assert first.status_code == 200, first.text
        shown = first.json()
        assert (shown["reviewed_at"], shown["first_approved_by"]) == (None, str(admin.id))
        assert made["id"] in await _listed(admin)
        problem(await admin.post(path, {}), 403, "chain.approved_already")
        second = await other.post(path, {})
        assert second.json()["reviewed_at"] is not None
        assert made["id"] not in await _listed(admin)
    finally:
        state.settings = before


async def test_of_an_address_that_was_denied_meanwhile_no_approval_counts_any_more(
    world: World, admin: Person
) -> None:
    state, before = world.app.state, world.parts.settings
    other = await world.person("other", Role.ADMIN)
    _, made = await _large(world)
    path = f"/v1/admin/withdrawals/{made['id']}/approve"
    denied = f"/v1/admin/denied-addresses/{made['address']}"
    state.settings = before.model_copy(update={"second_admin_above": tokens("14999.999999")})
    try:
        assert (await admin.post(path, {})).json()["first_approved_by"] == str(admin.id)
        assert (await admin.put(denied, {"reason": "asked by the police"})).is_success
        assert (await admin.ask("DELETE", denied)).is_success
        first = (await other.post(path, {})).json()
        assert (first["reviewed_at"], first["first_approved_by"]) == (None, str(other.id))
        assert (await admin.post(path, {})).json()["reviewed_at"] is not None
    finally:
        state.settings = before
