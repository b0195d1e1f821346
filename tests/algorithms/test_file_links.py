"""Links by which a model is downloaded without signing in: for one file, and for some minutes."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from dml.algorithms.file_links import rules
from dml.core import base64url
from dml.core.context import Role
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from tests.algorithms.offers import GOOD, check, make_algorithm, upload
from tests.world import Person, World, problem


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.person("ada")


@pytest.fixture
async def version(ada: Person) -> str:
    return await upload(ada, await make_algorithm(ada))


async def link(person: Person, version: str) -> dict[str, Any]:
    answer = await person.post(f"{version}/file-links")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_link_opens_the_file_for_whoever_has_it(
    world: World, ada: Person, version: str, settings: Settings
) -> None:
    made = await link(ada, version)
    ends = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=settings.file_link_seconds - 5) < ends
    assert made["url"].startswith(f"{version}/linked-file?")
    answer = await world.client.get(made["url"])
    assert (answer.status_code, answer.content) == (200, GOOD)
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "attachment" in answer.headers["content-disposition"]
    etag = answer.headers["etag"]
    assert etag == f'"{(await ada.get(version)).json()["sha256"]}"'
    known = await world.client.get(made["url"], headers={"if-none-match": etag})
    assert known.status_code == 304
    part = await world.client.get(made["url"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, GOOD[10:20])


async def test_moderators_make_links_and_others_do_not(
    world: World, ada: Person, version: str
) -> None:
    moderator = await world.person("mia", Role.MODERATOR)
    made = await link(moderator, version)
    assert (await world.client.get(made["url"])).content == GOOD
    eve = await world.person("eve")
    problem(await eve.post(f"{version}/file-links"), 404, "algorithms.not_found")
    problem(await world.client.post(f"{version}/file-links"), 401, "core.not_signed_in")


async def test_a_link_is_for_one_file_and_one_moment(
    world: World, ada: Person, version: str
) -> None:
    made, other = await link(ada, version), await upload_another(world, ada, version)
    query = parse_qs(urlsplit(made["url"]).query)
    expires, signature = int(query["expires"][0]), query["signature"][0]
    last = signature[:-1] + chr(ord(signature[-1]) ^ 1)
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for path, ends, proof in (
        (other, expires, signature),
        (version, expires + 1, signature),
        (version, expires - 1, signature),
        (version, expires, flipped),
        (version, expires, last),
        (version, expires, "A" * 43),
    ):
        answer = await world.client.get(f"{path}/linked-file?expires={ends}&signature={proof}")
        problem(answer, 403, "algorithms.bad_file_link")
    for asked in (
        "",
        "?expires=1",
        f"?signature={signature}",
        f"?expires={expires}&signature={signature[:22]}",
        f"?expires={expires}&signature={signature}x",
        f"?expires=1e9&signature={signature}",
        f"?expires={expires}&expires={expires}&signature={signature}",
        f"?expires={expires}&signature={signature}&more=1",
    ):
        answer = await world.client.get(f"{version}/linked-file{asked}")
        problem(answer, 422, "http.422")


async def upload_another(world: World, ada: Person, version: str) -> str:
    """Another version of the same algorithm."""
    async with world.parts.sessions.begin() as tx:
        checked = text("UPDATE algorithm_versions SET state = 'checked' WHERE id = :id")
        await tx.execute(checked, {"id": version.rpartition("/")[2]})
    return await upload(ada, version.split("/versions/")[0], scale=2)


async def test_a_link_ends_with_its_time_and_with_its_file(
    world: World, ada: Person, version: str, worker_parts: WorkerParts
) -> None:
    algorithm_id, version_id = version.split("/")[3], version.split("/")[5]
    over = int(time.time())
    said = f"{algorithm_id}/{version_id}/{over}".encode()
    proof = base64url.encode(world.parts.keys.mac(rules.PURPOSE, said))
    answer = await world.client.get(f"{version}/linked-file?expires={over}&signature={proof}")
    problem(answer, 403, "algorithms.bad_file_link")

    assert (await check(world, ada, version))["state"] == "checked"
    made = await link(ada, version)
    assert (await ada.ask("DELETE", version)).status_code == 204
    problem(await world.client.get(made["url"]), 404, "algorithms.file_forgotten")
    problem(await ada.post(f"{version}/file-links"), 404, "algorithms.file_forgotten")


async def test_a_signature_is_in_no_log(
    world: World, ada: Person, version: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await link(ada, version)
    signature = parse_qs(urlsplit(made["url"]).query)["signature"][0]
    await world.client.get(made["url"])
    await world.client.get(made["url"].replace(signature, signature[:-2]))
    logged = capfd.readouterr()
    assert signature[:-2] not in logged.out + logged.err
