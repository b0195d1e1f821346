"""Erasure: what is in the way is named at once, and then nothing that names somebody is left."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eth_account import Account
from sqlalchemy import text, update

from dml.accounts.models import User
from dml.accounts.privacy import processes
from dml.core import personal
from dml.core.context import SYSTEM, Context, Role
from dml.core.db import Base
from dml.core.ids import new_id
from dml.core.money import MicroTokens
from dml.payments import service as payments
from dml.payments.models import REVENUE, TransferCode
from dml.payments.rules import wallet
from tests.accounts.recovery.mailbox import letters
from tests.algorithms.offers import make_algorithm, upload
from tests.bounties.factories import enroll, make_bounty
from tests.chain.people import forget_vaults, link, set_vault
from tests.devices.factories import TestDevice
from tests.jobs.factories import claim_of, fold, hand_in, make_device, make_job, work
from tests.jobs.test_recall import DirectSteps
from tests.two_connections import after
from tests.world import PASSWORD, Person, World, problem

PROOF = {"proof": {"kind": "password", "password": PASSWORD}}
ERASE = "/v1/users/me/erase"
NEEDLE = "Xquibbelwort"  # In whatever they wrote anywhere.


@dataclass
class Life:
    """Somebody who has used everything, and what was theirs."""

    person: Person
    device: TestDevice
    needles: list[str]


async def live(world: World) -> Life:
    """Let somebody do a bit of everything, and leave no token behind."""
    ada = await world.person(f"{NEEDLE.lower()}")
    profile = {
        "first_name": f"{NEEDLE}a",
        "last_name": f"{NEEDLE}b",
        "bio": f"I am {NEEDLE}.",
        "country": "ZW",
        "date_of_birth": "1915-12-10",
        "gender": "female",
        "education_level": "doctorate",
    }
    assert (await ada.patch("/v1/users/me", profile)).status_code == 200
    body = {"email": ada.email, "password": PASSWORD}
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:1.0) Gecko/1 Firefox/141.0"}
    signed_in = await world.client.post("/v1/users/authenticate", json=body, headers=agent)
    assert signed_in.status_code == 200
    made = {"name": f"{NEEDLE} script", "scopes": ["account:read"], "days": 9}
    assert (await ada.post("/v1/users/me/tokens", made)).status_code == 201
    hook = {"url": f"http://127.0.0.1:9/{NEEDLE}", "types": []}
    assert (await ada.post("/v1/webhooks", hook)).status_code == 201
    await set_vault(world)
    linked = await link(ada, Account.create())
    await forget_vaults(world)
    await ada.post("/v1/users/me/email-verifications")
    asked = {"email": f"{NEEDLE.lower()}-new@example.org", **PROOF}
    assert (await ada.post("/v1/users/me/email-changes", asked)).status_code in (202, 409)

    await upload(ada, await make_algorithm(ada, model_card=f"By {NEEDLE}."))
    job = await make_job(world)
    device = await make_device(world, ada, name=f"{NEEDLE}'s phone")
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease)).status_code == 200
    await work(world, job, 5)
    await fold(world)
    return Life(ada, device, [NEEDLE, ada.email, linked["address"]])


async def spend_all(world: World, person: Person) -> None:
    """Take what somebody has: to whom matters to no test here."""
    balance = (await person.get("/v1/payments/balance")).json()["available"]
    amount = MicroTokens(round(float(balance) * 1_000_000))
    if amount:
        async with world.parts.sessions.begin() as tx:
            await payments.transfer(
                Context(tx, SYSTEM, datetime.now(UTC)),
                code=TransferCode.PAYOUT_BOOKING,
                reference=f"test:{new_id()}",
                source=wallet(person.id),
                target=REVENUE,
                amount=amount,
            )


async def erase(world: World, person: Person) -> None:
    answer = await person.post(ERASE, PROOF)
    assert answer.status_code == 204, answer.text
    await processes.erase.function(DirectSteps(world), person.id)


async def tables_with(world: World, needle: str) -> list[str]:
    """Search every column of every table, as text."""
    found = []
    async with world.parts.sessions() as tx:
        for table in Base.metadata.sorted_tables:
            sql = f"SELECT it::text FROM {table.name} it WHERE it::text ILIKE :needle LIMIT 1"
            row = await tx.scalar(text(sql), {"needle": f"%{needle}%"})
            if row is not None:
                found.append(f"{table.name}: {row}")
    return found


async def test_nothing_that_names_somebody_is_left(world: World) -> None:
    life = await live(world)
    ada = life.person
    for needle in life.needles:
        assert await tables_with(world, needle)
    problem(await ada.post(ERASE, PROOF), 409, "accounts.erasure_blocked")
    await spend_all(world, ada)
    await erase(world, ada)
    for needle in life.needles:
        left = [it for it in await tables_with(world, needle) if not it.startswith("mails:")]
        assert left == [], needle
    assert [it.kind for it in await letters(world, ada.email)] == ["account_erased"]

    problem(await ada.get("/v1/users/me"), 401, "core.not_signed_in")
    assert (await life.device.get("/v1/users/me")).status_code == 401
    refused = await life.device.post("/v1/assignments/claim", {"max": 1})
    assert refused.status_code in (401, 403)
    body = {"email": ada.email, "password": PASSWORD}
    gone = await world.client.post("/v1/users/authenticate", json=body)
    problem(gone, 401, "accounts.wrong_credentials")
    problem(await world.client.get(f"/v1/users/{ada.id}"), 404, "accounts.user_not_found")


async def test_each_row_is_as_the_domains_say(world: World) -> None:
    life = await live(world)
    await spend_all(world, life.person)
    await erase(world, life.person)
    async with world.parts.sessions() as tx:
        for holding in personal.holdings():
            if holding.whose is None or holding.by_process is not None:
                continue
            values = {"user_id": life.person.id, "email": life.person.email}
            used = {it: value for it, value in values.items() if f":{it}" in holding.whose}
            rows = f"FROM {holding.table} WHERE {holding.whose}"
            if holding.is_deleted and holding.table != "mails":
                assert await tx.scalar(text(f"SELECT count(*) {rows}"), used) == 0, holding.table
            for columns in (it for it in holding.columns if it.erased is not None):
                for name in columns.names.split():
                    differs = f"{rows} AND {name} IS DISTINCT FROM ({columns.erased})"
                    count = await tx.scalar(text(f"SELECT count(*) {differs}"), used)
                    assert holding.is_deleted or count == 0, (holding.table, name)


async def test_books_and_answers_stay_whole(world: World) -> None:
    life = await live(world)
    admin = await world.person("admin", Role.ADMIN)
    await spend_all(world, life.person)
    path = f"/v1/admin/users/{life.person.id}"
    before = (await admin.get(f"{path}/books")).json()
    await erase(world, life.person)
    assert (await admin.get(f"{path}/books")).json() == before
    shown = (await admin.get(path)).json()
    assert (shown["state"], shown["email"], shown["first_name"]) == ("erased", None, None)
    assert shown["erased_at"] is not None
    for verb in ("suspend", "restore"):
        answer = await admin.post(f"{path}/{verb}", {"reason": "Nobody is there."})
        problem(answer, 404, "accounts.user_not_found")
    listed = (await admin.get(f"/v1/admin/users?query={life.person.id}&state=erased")).json()
    assert [it["id"] for it in listed["items"]] == [str(life.person.id)]
    asked = {"types": "user.erased", "subject": f"user:{life.person.id}", "all": True}
    (seen,) = (await admin.get("/v1/events", params=asked)).json()["items"]
    assert seen["subject"]["id"] == str(life.person.id)


async def test_the_address_is_free_again(world: World) -> None:
    ada = await world.person("ada")
    await erase(world, ada)
    body = {"email": ada.email, "password": "stapled by nobody at all"}
    again = await world.client.post("/v1/users", json=body)
    assert again.status_code == 201
    assert again.json()["id"] != str(ada.id)


async def blockers(person: Person) -> dict[str, int]:
    document = problem(await person.post(ERASE, PROOF), 409, "accounts.erasure_blocked")
    assert all(it["reason"].endswith(".") and it["remedy"] for it in document["blockers"])
    return {it["code"]: it["count"] for it in document["blockers"]}


async def test_all_that_is_in_the_way_is_named_in_one_answer(world: World) -> None:
    job = await make_job(world)
    assert await blockers(job.customer) == {"balance": 2, "jobs": 1}
    assert await blockers(job.developer) == {"jobs_of_others": 1}
    device = await make_device(world)
    (lease,) = await claim_of(device, job)
    await hand_in(device, lease)
    assert await blockers(device.owner) == {"results": 1}
    await fold(world)
    assert await blockers(device.owner) == {"balance": 1}


async def test_running_bounties_are_in_the_way_of_owner_and_entrant(world: World) -> None:
    bounty = await make_bounty(world)
    assert "bounties" in await blockers(bounty.owner)
    entrant = await enroll(world, bounty)
    assert await blockers(entrant) == {"balance": 1, "enrollments": 1}


async def test_the_last_admin_stays(world: World) -> None:
    admin = await world.person("admin", Role.ADMIN)
    async with world.parts.sessions.begin() as tx:
        others = update(User).where(User.role == Role.ADMIN, User.id != admin.id)
        await tx.execute(others.values(role=Role.MODERATOR))
    assert await blockers(admin) == {"last_admin": 1}


async def test_nobody_is_erased_without_a_proof(world: World) -> None:
    ada = await world.person("ada")
    wrong: list[tuple[Any, int]] = [
        ({"proof": {"kind": "password", "password": "another"}}, 403),
        ({"proof": None}, 422),
        ({}, 422),
        (PROOF | {"more": 1}, 422),
    ]
    for body, status in wrong:
        assert (await ada.post(ERASE, body)).status_code == status
    assert (await ada.get("/v1/users/me")).status_code == 200


async def test_two_at_once_erase_once(world: World) -> None:
    ada = await world.person("ada")
    answers = await asyncio.gather(*(ada.post(ERASE, PROOF) for _ in range(3)))
    assert 204 in {it.status_code for it in answers}
    assert {it.status_code for it in answers} <= {204, 401, 403, 404}


async def test_a_balance_that_moves_meanwhile_is_waited_for(world: World) -> None:
    ada = await world.rich("ada", "1")
    async with world.parts.sessions() as tx:
        query = text("UPDATE ledger_accounts SET balance = balance WHERE owner_id = :it")
        await tx.execute(query, {"it": ada.id})
        answer = await after(world.parts.sessions.kw["bind"], tx, ada.post(ERASE, PROOF))
    problem(answer, 409, "accounts.erasure_blocked")


async def test_what_a_request_under_way_adds_is_erased_a_minute_later(world: World) -> None:
    ada = await world.person("ada")
    answer = await ada.post(ERASE, PROOF)
    assert answer.status_code == 204
    async with world.parts.sessions.begin() as tx:
        insert = """INSERT INTO known_networks (user_id, sha256, last_at)
            VALUES (:it, decode('00', 'hex'), now())"""
        await tx.execute(text(insert), {"it": ada.id})
    await processes.erase.function(DirectSteps(world), UUID(str(ada.id)))
    async with world.parts.sessions() as tx:
        left = "SELECT count(*) FROM known_networks WHERE user_id = :it"
        assert await tx.scalar(text(left), {"it": ada.id}) == 0
