"""Exports: all that is kept of somebody in one file, for them alone, for a week."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from sqlalchemy import update

from dml.accounts.privacy import processes, rules, service
from dml.accounts.privacy.models import KEPT, DataExport
from dml.core import worker
from dml.core.ids import ExportId, new_id
from dml.core.processes import StepFailed
from tests.accounts.privacy.test_erasing import NEEDLE, erase, live, spend_all
from tests.accounts.recovery.mailbox import letters
from tests.jobs.test_recall import DirectSteps
from tests.worker_parts import make_parts
from tests.world import Person, World, problem

PATH = "/v1/users/me/exports"


async def ask(person: Person) -> dict[str, Any]:
    answer = await person.post(PATH)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    made: dict[str, Any] = answer.json()
    return made


async def make(world: World, person: Person, export_id: str) -> None:
    """Do what the process does."""
    worker.provide(make_parts(world.parts.settings, world.parts))
    await processes.export.function(DirectSteps(world), ExportId(export_id), person.id)  # type: ignore[arg-type]


async def fetch(person: Person, export_id: str) -> dict[str, Any]:
    answer = await person.get(f"{PATH}/{export_id}/file")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(answer.content)) as archive:
        names = [it for it in archive.namelist() if it.endswith(".json")]
        found = {it.removesuffix(".json"): json.loads(archive.read(it)) for it in names}
        return found | {"README": archive.read("README.txt").decode()}


async def test_it_holds_what_is_kept_of_its_user_and_of_nobody_else(world: World) -> None:
    life = await live(world)
    ada = life.person
    made = await ask(ada)
    assert (made["state"], made["size"]) == ("preparing", None)
    problem(await ada.get(f"{PATH}/{made['id']}/file"), 409, "accounts.export_not_ready")
    await make(world, ada, made["id"])
    shown = (await ada.get(f"{PATH}/{made['id']}")).json()
    assert shown["state"] == "ready"
    assert shown["size"] > 1_000
    found = await fetch(ada, made["id"])

    (user,) = found["users"]
    assert user["email"] == ada.email
    assert user["first_name"] == f"{NEEDLE}a"
    assert "password_hash" not in user
    (device,) = found["devices"]
    assert device["name"] == f"{NEEDLE}'s phone"
    assert found["webhooks"][0]["url"] == f"http://127.0.0.1:9/{NEEDLE}"
    assert found["wallets"][0]["address"] in life.needles
    assert found["algorithms"][0]["model_card"] == f"By {NEEDLE}."
    (body,) = [it["body"] for it in found["results"]]
    assert body["labels"] == {"cat": 2, "dog": 1}
    (one,) = found["work"]
    assert (one["body"], one["device_id"]) == (body, device["id"])
    assert found["files"][0]["path"].startswith("/v1/algorithms/")
    assert {"session.created", "wallet.linked"} <= {it["type"] for it in found["events"]}
    assert [it["amount"] for it in found["ledger_transfers"]] == [100_000]
    assert "users.json (1): Your account." in found["README"]
    secrets = ("sha256", "secret", "sealed", "successor_salt", "previous_secret")
    for table in ("refresh_tokens", "personal_tokens", "identities", "webhooks"):
        assert not [it for row in found.get(table, []) for it in secrets if it in row], table

    assert "export_ready" in [it.kind for it in await letters(world, ada.email)]
    seen = (await ada.get("/v1/events?types=export.*")).json()["items"]
    assert {it["type"] for it in seen} == {"export.requested", "export.ready"}


async def test_nobody_else_gets_it_nor_by_a_token(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    made = await ask(ada)
    await make(world, ada, made["id"])
    for path in (f"{PATH}/{made['id']}", f"{PATH}/{made['id']}/file"):
        problem(await eve.get(path), 404, "accounts.export_not_found")
    assert (await eve.get(PATH)).json()["items"] == []
    body = {"name": "all", "scopes": ["account:read"], "days": 1}
    token = (await ada.post("/v1/users/me/tokens", body)).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    by_token = await world.client.get(f"{PATH}/{made['id']}/file", headers=bearer)
    assert by_token.status_code == 403


async def test_one_at_a_time_and_three_a_day(world: World) -> None:
    ada = await world.person("ada")
    answers = await asyncio.gather(*(ada.post(PATH) for _ in range(3)))
    assert sorted(it.status_code for it in answers) == [202, 409, 409]
    (first,) = [it.json()["id"] for it in answers if it.status_code == 202]
    problem(await ada.post(PATH), 409, "accounts.export_under_way")
    await make(world, ada, first)
    for _ in range(rules.EXPORTS_A_DAY - 1):
        await make(world, ada, (await ask(ada))["id"])
    problem(await ada.post(PATH), 409, "accounts.too_many_exports")
    assert len((await ada.get(PATH)).json()["items"]) == rules.EXPORTS_A_DAY


async def test_one_that_fails_says_so_and_does_not_count(world: World) -> None:
    ada = await world.person("ada")

    class Failing(DirectSteps):
        async def call(self, *_: Any, **__: Any) -> Any:
            raise StepFailed("no disk")

    for _ in range(rules.EXPORTS_A_DAY + 1):
        made = await ask(ada)
        ended = await processes.export.function(Failing(world), made["id"], ada.id)
        assert ended == "failed"
        assert (await ada.get(f"{PATH}/{made['id']}")).json()["state"] == "failed"
    problem(await ada.get(f"{PATH}/{made['id']}/file"), 409, "accounts.export_not_ready")


async def test_it_is_gone_after_a_week(world: World) -> None:
    ada = await world.person("ada")
    made = await ask(ada)
    await make(world, ada, made["id"])
    async with world.parts.sessions.begin() as tx:
        old = update(DataExport).where(DataExport.id == made["id"])
        await tx.execute(old.values(created_at=datetime.now(UTC) - KEPT))
    problem(await ada.get(f"{PATH}/{made['id']}/file"), 404, "accounts.export_not_found")
    async with world.parts.sessions.begin() as tx:
        await service.forget_expired(tx, datetime.now(UTC) + timedelta(seconds=1))
        assert await tx.get(DataExport, made["id"]) is None


async def test_it_goes_with_its_user_even_where_it_is_being_made(world: World) -> None:
    ada = await world.person("ada")
    done = await ask(ada)
    await make(world, ada, done["id"])
    under_way = await ask(ada)
    await spend_all(world, ada)
    await erase(world, ada)
    await DirectSteps(world).change(processes.finish, under_way["id"], ("00" * 32, 1))
    async with world.parts.sessions.begin() as tx:
        for it in (done, under_way):
            assert await tx.get(DataExport, it["id"]) is None


async def test_an_id_of_nothing_is_not_found(world: World) -> None:
    ada = await world.person("ada")
    problem(await ada.get(f"{PATH}/{new_id()}"), 404, "accounts.export_not_found")
    assert (await ada.get(f"{PATH}/what")).status_code == 422
