"""Profiles of a process that runs: this one, which hears of them as an API or a worker does."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from dml.core import nodes
from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import ProfileId
from dml.profiles import rules, sampling, service
from dml.profiles.models import Profile, ProfileFailure, ProfileFile, ProfileFormat
from tests.world import Person, World, problem

PROFILES = "/v1/admin/profiles"
SECONDS = 60


@pytest.fixture
async def process(world: World) -> AsyncIterator[str]:
    """The name of a process that can be profiled: this one."""
    name = nodes.new_name("api")
    living = asyncio.create_task(sampling.keep_alive(world.parts.sessions, name, "api", {}))
    await _until_known(world, name)
    yield name
    living.cancel()
    await asyncio.wait([living])


@pytest.fixture
async def admin(world: World) -> Person:
    return await world.person("admin", Role.ADMIN)


@pytest.fixture(autouse=True)
async def none_is_left(world: World) -> AsyncIterator[None]:
    yield
    async with world.parts.sessions.begin() as tx:
        await tx.execute(text("DELETE FROM profiles"))


async def _until_known(world: World, name: str) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            async with world.parts.sessions() as tx:
                if await nodes.find_alive(tx, name) is not None:
                    return
            await asyncio.sleep(0.05)


async def _silent(world: World, *kinds: str) -> str:
    """A process that says what it offers, and then does nothing."""
    name = nodes.new_name("worker")
    async with world.parts.sessions.begin() as tx:
        await nodes.renew(tx, name, "worker", {rules.FACT: list(kinds)})
    return name


async def _ask(admin: Person, process: str, kind: str = "cpu", seconds: int = 1) -> dict[str, Any]:
    body = {"process": process, "kind": kind, "seconds": seconds}
    answer = await admin.post(PROFILES, body)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{PROFILES}/{made['id']}"
    return made


async def _over(admin: Person, profile: dict[str, Any]) -> dict[str, Any]:
    """What comes of a profile; work is done meanwhile, to be seen in it."""
    async with asyncio.timeout(SECONDS):
        while profile["state"] in ("requested", "running"):
            kept = [known_by_its_name() for _ in range(10)]
            assert kept
            await asyncio.sleep(0.02)
            profile = (await admin.get(f"{PROFILES}/{profile['id']}")).json()
    return profile


def known_by_its_name() -> list[bytes]:
    return [bytes(10_000) for _ in range(300)]


@pytest.mark.parametrize("kind", ["cpu", "memory"])
async def test_a_process_profiles_itself(
    world: World, admin: Person, process: str, kind: str
) -> None:
    listed = (await admin.get("/v1/admin/processes", params={"limit": 100})).json()["items"]
    (found,) = (it for it in listed if it["name"] == process)
    assert found["profiles"] == ["cpu", "memory"]
    made = await _ask(admin, process, kind)
    assert (made["state"], made["flame_graph_bytes"]) == ("requested", None)
    path = f"{PROFILES}/{made['id']}"
    problem(await admin.get(f"{path}/speedscope"), 409, "profiles.not_finished")
    done = await _over(admin, made)
    assert (done["state"], done["failure"]) == ("finished", None)
    page = await admin.get(f"{path}/flame-graph")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in page.headers["content-security-policy"]
    assert len(page.content) == done["flame_graph_bytes"]
    assert "known_by_its_name" in page.text
    saved = await admin.get(f"{path}/speedscope")
    described = json.loads(saved.content)
    assert described["$schema"].endswith("file-format-schema.json")
    assert "known_by_its_name" in {it["name"] for it in described["shared"]["frames"]}
    for its in described["profiles"]:
        assert its["unit"] == {"cpu": "seconds", "memory": "bytes"}[kind]
        assert len(its["samples"]) == len(its["weights"])
    assert (await admin.get(PROFILES)).json()["items"][0] == done
    async with world.parts.sessions() as tx:
        query = "SELECT actor_id, body FROM events WHERE subject = :subject"
        log = (await tx.execute(text(query), {"subject": f"profile:{made['id']}"})).one()
    assert (log.actor_id, log.body["process"]) == (admin.id, process)


async def test_only_admins_may(world: World, process: str) -> None:
    for role in (Role.MEMBER, Role.MODERATOR):
        somebody = await world.person("somebody", role)
        body = {"process": process, "kind": "cpu", "seconds": 1}
        problem(await somebody.post(PROFILES, body), 403, "accounts.admins_only")
        for path in ("/v1/admin/processes", PROFILES, f"{PROFILES}/{uuid4()}/flame-graph"):
            problem(await somebody.get(path), 403, "accounts.admins_only")
    assert (await world.client.post(PROFILES, json={})).status_code == 401


async def test_what_cannot_be_profiled_is_refused_with_what_to_do(
    world: World, admin: Person, process: str
) -> None:
    async def refused(status: int, code: str, **changed: Any) -> Any:
        body = {"process": process, "kind": "cpu", "seconds": 1} | changed
        return problem(await admin.post(PROFILES, body), status, code)

    for seconds in (0, 61, 3_600, "10"):
        document = await refused(422, "http.422", seconds=seconds)
        assert document["errors"][0]["pointer"] == "/seconds"
    await refused(422, "http.422", kind="disk")
    await refused(422, "http.422", process="a\nb")
    await refused(404, "profiles.process_not_found", process="api-nobody")
    without = await _silent(world, "memory")
    document = await refused(409, "profiles.not_installed", process=without)
    assert document["kinds"] == ["memory"]
    assert "pip install 'dml[profiling]'" in document["detail"]
    async with world.parts.sessions.begin() as tx:
        await nodes.renew(tx, without, "worker", {})  # A release that knows of no profiles.
    await refused(409, "profiles.not_installed", process=without, kind="memory")
    problem(await admin.get(f"{PROFILES}/{uuid4()}"), 404, "profiles.not_found")


async def test_there_is_one_at_a_time_whoever_asks_at_once(world: World, admin: Person) -> None:
    silent = await _silent(world, "cpu")
    body = {"process": silent, "kind": "cpu", "seconds": 1}
    answers = await asyncio.gather(*(admin.post(PROFILES, body) for _ in range(4)))
    (made,) = (it.json() for it in answers if it.status_code == 202)
    for answer in answers:
        if answer.status_code != 202:
            document = problem(answer, 409, "profiles.under_way")
            assert document["profile_id"] == made["id"]


async def test_a_process_that_says_no_more_holds_up_the_next_for_a_minute_only(
    world: World, admin: Person
) -> None:
    silent = await _silent(world, "cpu")
    made = await _ask(admin, silent)
    async with world.parts.sessions.begin() as tx:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await tx.execute(update(Profile).values(ends_by=past))
    failed = (await admin.get(f"{PROFILES}/{made['id']}")).json()
    assert (failed["state"], failed["failure"]) == ("failed", "no_answer")
    async with world.parts.sessions.begin() as tx:  # It wakes up, too late.
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        assert await service.begin(ctx, ProfileId(made["id"]), silent) is None
    assert (await _ask(admin, silent))["state"] == "requested"
    assert (await admin.get(f"{PROFILES}/{made['id']}")).json()["state"] == "failed"


async def test_a_process_that_is_told_to_end_says_so(world: World, admin: Person) -> None:
    name = nodes.new_name("api")
    living = asyncio.create_task(sampling.keep_alive(world.parts.sessions, name, "api", {}))
    await _until_known(world, name)
    made = await _ask(admin, name, seconds=60)
    async with asyncio.timeout(SECONDS):
        while True:
            if (await admin.get(f"{PROFILES}/{made['id']}")).json()["state"] == "running":
                break
            await asyncio.sleep(0.05)
    living.cancel()
    await asyncio.wait([living])
    failed = (await admin.get(f"{PROFILES}/{made['id']}")).json()
    assert (failed["state"], failed["failure"]) == ("failed", "process_ended")


async def test_old_ones_and_those_beyond_the_last_twenty_are_forgotten(
    world: World, admin: Person
) -> None:
    silent = await _silent(world, "cpu")
    ids = list[str]()
    for _ in range(rules.KEPT_MAX + 2):
        made = await _ask(admin, silent)
        ids.append(made["id"])
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            begun = await service.begin(ctx, ProfileId(made["id"]), silent)
            assert begun is not None
            await tx.flush()
            await service.fail(ctx, begun.id, ProfileFailure.TOOL_FAILED)
            tx.add(
                ProfileFile(
                    profile_id=begun.id, format=ProfileFormat.SPEEDSCOPE, gzipped=b"", size_bytes=0
                )
            )
    listed = (await admin.get(PROFILES, params={"limit": 100})).json()["items"]
    assert [it["id"] for it in listed] == ids[: -rules.KEPT_MAX - 1 : -1]
    async with world.parts.sessions.begin() as tx:
        await service.forget_old(tx, datetime.now(UTC) + rules.KEPT)
        assert not (await tx.scalars(select(Profile.id))).all()
        assert not (await tx.scalars(select(ProfileFile.profile_id))).all()


async def test_where_ptrace_is_forbidden_it_is_said() -> None:
    """As in a container whose rules for system calls are stricter than usual."""
    program = """
import asyncio, errno, pyseccomp
from pathlib import Path
from dml.profiles import sampling
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in ("ptrace", "process_vm_readv"):
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
rules.load()
try:
    asyncio.run(sampling._take_cpu(Path("raw"), 1))
except sampling.NoProfile as error:
    print(error.failure)
"""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env=os.environ,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate()
    assert said.decode().strip() == "not_permitted"
