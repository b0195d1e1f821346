"""Money through HTTP: each thing once well, and each refusal."""

import asyncio

import pytest

from dml.core.context import Role
from dml.core.ids import new_id
from tests.world import World, problem


async def test_a_credit_is_a_balance_and_a_transfer(world: World) -> None:
    ada = await world.rich("ada", "12.5")
    balance = (await ada.get("/v1/payments/balance")).json()
    assert balance == {"available": "12.5", "pending": "0", "reserved": "0", "total": "12.5"}
    page = (await ada.get("/v1/payments/transfers")).json()
    (transfer,) = page["items"]
    assert transfer["code"] == "deposit"
    assert (transfer["source"], transfer["target"]) == ("chain", f"wallet:{ada.id}")
    assert transfer["amount"] == "12.5"
    assert page["next_cursor"] is None


async def test_somebody_new_has_nothing(world: World) -> None:
    ada = await world.person()
    assert (await ada.get("/v1/payments/balance")).json()["total"] == "0"
    assert (await ada.get("/v1/payments/transfers")).json()["items"] == []


async def test_pages_of_transfers_show_each_once(world: World) -> None:
    ada, admin = await world.person("ada"), await world.person("admin", Role.ADMIN)
    for amount in range(1, 6):
        body = {"user_id": str(ada.id), "amount": str(amount), "reason": "for a test"}
        await admin.post("/v1/admin/credits", body)
    seen, cursor = [], ""
    while cursor is not None:
        page = (await ada.get(f"/v1/payments/transfers?limit=2{cursor}")).json()
        seen += [it["amount"] for it in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == ["5", "4", "3", "2", "1"]


async def test_only_an_admin_credits(world: World) -> None:
    ada = await world.person("ada", Role.MODERATOR)
    body = {"user_id": str(ada.id), "amount": "1", "reason": "for me"}
    problem(await ada.post("/v1/admin/credits", body), 403, "accounts.admins_only")
    assert (await ada.get("/v1/payments/balance")).json()["total"] == "0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": 1},
        {"amount": "1e3"},
        {"amount": "0.0000001"},
        {"amount": "9223372036854.775808"},
        {"amount": None},
        {"reason": ""},
        {"reason": "nul \0"},
        {"user_id": "nobody"},
        {"more": 1},
    ],
)
async def test_what_is_no_credit_is_refused(world: World, wrong: dict[str, object]) -> None:
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")
    body = {"user_id": str(ada.id), "amount": "1", "reason": "for a test"} | wrong
    assert (await admin.post("/v1/admin/credits", body)).status_code == 422
    assert (await ada.get("/v1/payments/balance")).json()["total"] == "0"


async def test_the_books_add_up_to_zero_and_are_for_admins(world: World) -> None:
    ada, admin = await world.rich("ada", "12.5"), await world.person("admin", Role.ADMIN)
    books = (await admin.get("/v1/admin/books")).json()
    assert books["sum"] == "0"
    assert float(books["chain"]) <= -12.5
    problem(await ada.get("/v1/admin/books"), 403, "accounts.admins_only")


async def test_nobody_unknown_is_credited(world: World) -> None:
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": str(new_id()), "amount": "1", "reason": "for a test"}
    problem(await admin.post("/v1/admin/credits", body), 404, "accounts.user_not_found")


async def test_ten_of_the_same_at_once_credit_once(world: World) -> None:
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")
    body = {"user_id": str(ada.id), "amount": "1", "reason": "for a test"}
    headers = {"Idempotency-Key": str(new_id())}
    asked = (admin.post("/v1/admin/credits", body, headers=headers) for _ in range(10))
    answers = await asyncio.gather(*asked)
    assert {it.status_code for it in answers} == {201}
    assert len({it.text for it in answers}) == 1
    assert (await ada.get("/v1/payments/balance")).json()["total"] == "1"

    other = await admin.post("/v1/admin/credits", body | {"amount": "2"}, headers=headers)
    problem(other, 422, "edge.idempotency_key_reused")


async def test_a_failed_request_stores_nothing_under_its_key(world: World) -> None:
    admin, headers = await world.person("admin", Role.ADMIN), {"Idempotency-Key": "again"}
    body = {"user_id": str(new_id()), "amount": "1", "reason": "for a test"}
    for _ in range(2):
        refused = await admin.post("/v1/admin/credits", body, headers=headers)
        problem(refused, 404, "accounts.user_not_found")


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "é"])
async def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": str(admin.id), "amount": "1", "reason": "for a test"}
    headers = {b"Idempotency-Key": key.encode()}
    refused = await admin.post("/v1/admin/credits", body, headers=headers)
    assert refused.status_code == 422
