"""Accounts as admins manage them: found, looked at, suspended, restored."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from dml.accounts import rules, sessions
from dml.accounts.admin import service
from dml.core.context import SYSTEM, Actor, Context, Role
from dml.core.ids import new_id
from dml.jobs import processes
from dml.jobs.models import Assignment, AssignmentState
from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.client.test_marketplace import dml
from tests.conftest import Sessions
from tests.jobs.factories import claim, claim_of, hand_in, make_device, make_job
from tests.jobs.test_recall import DirectSteps
from tests.two_connections import after
from tests.world import PASSWORD, Person, World, make_user, problem

__all__ = ["listening", "market"]  # The fixtures.
WHY = "Your device sent results that it had made up."
PATH = "/v1/admin/users"


async def suspend(admin: Person, user: Person, reason: str = WHY) -> Any:
    answer = await admin.post(f"{PATH}/{user.id}/suspend", {"reason": reason})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stop(world: World, user: Person) -> None:
    """Do what the durable processes do once somebody is suspended."""
    steps = DirectSteps(world)
    assert await processes.stop_for_suspended.function(steps, user.id, 0) == "stopped"


async def test_admins_find_users_by_address_name_id_role_and_state(world: World) -> None:
    admin, word = await world.person("admin", Role.ADMIN), f"w{new_id().hex}"
    people = [await world.person(f"{word}-{it}") for it in ("a", "b", "c%_")]
    await people[0].patch("/v1/users/me", {"last_name": f"Love{word}lace"})

    async def found(**asked: Any) -> list[str]:
        answer = await admin.get(PATH, params=asked)
        assert answer.status_code == 200, answer.text
        return [it["id"] for it in answer.json()["items"]]

    newest_first = [str(it.id) for it in reversed(people)]
    assert await found(query=word.upper()) == newest_first
    assert await found(query=f"love{word}") == [str(people[0].id)]
    assert await found(query=f"{word}-c%_") == [str(people[2].id)]
    assert await found(query="%") == await found(query="%", limit=100) != newest_first
    assert await found(query=str(people[1].id)) == [str(people[1].id)]
    assert await found(query=word, role="moderator") == []
    await suspend(admin, people[1])
    assert await found(query=word, state="suspended") == [str(people[1].id)]
    assert await found(query=word, state="active") == [newest_first[0], newest_first[2]]
    odd = f"O'{word}\\:a$1/%s'; --"
    await people[2].patch("/v1/users/me", {"first_name": odd})
    assert await found(query=odd) == [str(people[2].id)]
    assert await found(query=odd.replace("$", "_")) == []
    page = (await admin.get(PATH, params={"query": word, "limit": 2})).json()
    assert await found(query=word, cursor=page["next_cursor"]) == [newest_first[2]]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_nobody_else_manages_accounts(world: World, role: Role) -> None:
    eve, ada = await world.person("eve", role), await world.person("ada")
    path = f"{PATH}/{ada.id}"
    for answer in (
        await eve.get(PATH),
        await eve.get(path),
        await eve.get(f"{path}/books"),
        await eve.post(f"{path}/suspend", {"reason": WHY}),
        await eve.post(f"{path}/restore", {"reason": WHY}),
        await eve.patch(path, {"role": "admin"}),
    ):
        problem(answer, 403, "accounts.admins_only")


async def test_an_admin_sees_what_a_user_owns(world: World) -> None:
    job = await make_job(world)
    admin = await world.person("admin", Role.ADMIN)
    answer = await admin.get(f"{PATH}/{job.customer.id}/books")
    books = answer.json()
    assert books["balance"] == (await job.customer.get("/v1/payments/balance")).json()
    held = {it["code"]: it["balance"] for it in books["accounts"]}
    assert held == {
        f"wallet:{job.customer.id}": books["balance"]["available"],
        f"escrow:job:{job.id}": books["balance"]["reserved"],
    }
    assert [it["code"] for it in books["transfers"]] == ["job_escrow", "deposit"]
    missing = f"{PATH}/{new_id()}"
    for path in (missing, f"{missing}/books"):
        problem(await admin.get(path), 404, "accounts.user_not_found")


async def test_a_suspended_user_is_out_at_once_and_told_why_only_with_the_password(
    world: World,
) -> None:
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")
    shown = await suspend(admin, ada)
    assert (shown["state"], shown["suspension_reason"]) == ("suspended", WHY)
    problem(await ada.get("/v1/users/me"), 401, "core.not_signed_in")

    async def sign_in(password: str) -> Any:
        body = {"email": ada.email, "password": password}
        return await world.client.post("/v1/users/authenticate", json=body)

    problem(await sign_in("wrong horse"), 401, "accounts.wrong_credentials")
    assert problem(await sign_in(PASSWORD), 403, "accounts.suspended")["why"] == WHY
    again = await admin.post(f"{PATH}/{ada.id}/suspend", {"reason": WHY})
    problem(again, 409, "accounts.already_suspended")

    restored = await admin.post(f"{PATH}/{ada.id}/restore", {"reason": "A fault of the app."})
    assert (restored.json()["state"], restored.json()["suspension_reason"]) == ("active", None)
    problem(await ada.get("/v1/users/me"), 401, "core.not_signed_in")  # Sessions do not return.
    assert (await sign_in(PASSWORD)).status_code == 200
    twice = await admin.post(f"{PATH}/{ada.id}/restore", {"reason": "Again."})
    problem(twice, 409, "accounts.not_suspended")
    told = (
        await admin.get("/v1/events", params={"subject": f"user:{ada.id}", "all": True})
    ).json()["items"]
    said = [(it["type"], it["reason"]) for it in told if "restored" in it["type"]]
    assert said == [("user.restored", "A fault of the app.")]


async def test_nobody_suspends_themselves_and_one_admin_is_always_left(
    committing: Sessions, own_engine: Any
) -> None:
    async with committing.begin() as tx:
        ids = [(await make_user(tx, f"admin-{it}", Role.ADMIN)).id for it in range(2)]
    async with committing() as one, committing() as other:
        now = datetime.now(UTC)
        first, second = (
            Context(it, Actor(who, Role.ADMIN), now) for it, who in ((one, ids[0]), (other, ids[1]))
        )
        with pytest.raises(rules.NotYourself):
            await service.suspend(first, ids[0], reason=WHY)
        await service.suspend(first, ids[1], reason=WHY)
        with pytest.raises(rules.AdminsOnly):
            await after(own_engine, one, service.suspend(second, ids[0], reason=WHY))
    async with committing() as tx:
        ctx = Context(tx, SYSTEM, now)
        with pytest.raises(rules.LastAdmin):
            await service.suspend(ctx, ids[0], reason=WHY)
        with pytest.raises(rules.LastAdmin):
            await service.change_role(ctx, ids[0], Role.MEMBER)


async def test_a_sign_in_beside_a_suspension_waits_and_is_refused(
    committing: Sessions, own_engine: Any
) -> None:
    async with committing.begin() as tx:
        ada, admin = await make_user(tx, "ada"), await make_user(tx, "admin", Role.ADMIN)
    async with committing() as one, committing() as other:
        now = datetime.now(UTC)
        await service.suspend(Context(one, Actor(admin.id, Role.ADMIN), now), ada.id, reason=WHY)
        signing_in = sessions.open_session(Context(other, SYSTEM, now), ada.id, days=1)
        with pytest.raises(rules.Suspended):
            await after(own_engine, one, signing_in)


async def test_devices_of_a_suspended_owner_get_nothing_and_lose_their_leases(
    world: World,
) -> None:
    job, admin = await make_job(world), await world.person("admin", Role.ADMIN)
    owner = await world.person("owner")
    device, idle = await make_device(world, owner), await make_device(world, owner)
    (lease,) = await claim_of(device, job)
    await suspend(admin, owner)
    answer = await idle.post("/v1/assignments/claim", {"max": 1})  # No process has run yet.
    assert answer.json()["items"] == []
    assert "suspended" in answer.json()["reason"]
    await stop(world, owner)
    problem(await hand_in(device, lease), 409, "jobs.lease_over")
    async with world.parts.sessions() as tx:
        state = select(Assignment.state).where(Assignment.id == lease["id"])
        assert await tx.scalar(state) is AssignmentState.EXPIRED
    await admin.post(f"{PATH}/{owner.id}/restore", {"reason": "A mistake."})
    assert [it["job_id"] for it in await claim(device)] == [str(job.id)]


async def test_jobs_of_a_suspended_customer_pause_and_honour_what_is_under_way(
    world: World,
) -> None:
    job, admin = await make_job(world), await world.person("admin", Role.ADMIN)
    device, late = await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    await suspend(admin, job.customer)
    await stop(world, job.customer)
    await stop(world, job.customer)  # Whatever is repeated.
    assert await claim(late) == []
    assert (await hand_in(device, lease)).status_code == 200
    told = (await admin.get(f"{job.path}/timeline")).json()["entries"]
    (paused,) = [it for it in told if it["action"] == "paused"]
    assert "suspended" in paused["reason"]
    await admin.post(f"{PATH}/{job.customer.id}/restore", {"reason": "A mistake."})
    await stop(world, job.customer)  # One that came late leaves the restored alone.


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "nul \0", None])
async def test_a_suspension_needs_a_reason(world: World, reason: str | None) -> None:
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")
    body = {} if reason is None else {"reason": reason}
    assert (await admin.post(f"{PATH}/{ada.id}/suspend", body)).status_code == 422
    assert (await ada.get("/v1/users/me")).status_code == 200


async def test_the_commands_find_suspend_and_restore(market: Market) -> None:
    world = market.world
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")

    async def typed(*words: str) -> Any:
        command = ("admin", "users", *words, "--json")
        ended = await dml(*command, DML_TOKEN=admin.token, DML_SERVER=market.url)
        assert ended.code == 0, ended
        return json.loads(ended.out)

    shown, done = await asyncio.gather(
        typed("show", ada.email), typed("suspend", ada.email, "--reason", WHY, "--yes")
    )
    assert shown["books"]["balance"]["total"] == "0"
    assert (done["id"], done["state"]) == (str(ada.id), "suspended")
    restored, listed = await asyncio.gather(
        typed("restore", str(ada.id), "--reason", "A mistake."), typed("list", "--query", ada.email)
    )
    assert (restored["state"], [it["id"] for it in listed]) == ("active", [str(ada.id)])
