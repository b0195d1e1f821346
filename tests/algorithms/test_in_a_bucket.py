"""The whole way of a model where blobs lie in a bucket: sent, compared, checked and downloaded."""

import asyncio
import hashlib
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx2
import pytest

from dml.core import worker
from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints import collector
from dml.entrypoints.server import create_app
from dml.inference.runner import Sandbox
from tests.algorithms.offers import GOOD, check, make_algorithm, upload
from tests.algorithms.uploading import LEAST, MODEL, announce, append, send_all, told
from tests.s3 import Bucket, bucket
from tests.worker_parts import make_parts
from tests.world import Person, World, problem


@pytest.fixture(scope="module")
def there() -> Iterator[Bucket]:
    with bucket() as opened:
        yield opened


@pytest.fixture(scope="module")
async def apart(
    there: Bucket, settings: Settings, database_url: str, world: World
) -> AsyncIterator[World]:
    """An API over the same database, with its blobs in the bucket."""
    where = {"blobs": there.url, "blobs_endpoint": there.endpoint}
    own = settings.model_copy(update=where)
    app = create_app(own, connect(database_url, name="test api of a bucket"))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client,
    ):
        yield World(app, client)


@pytest.fixture
def sandboxed(apart: World, sandbox: Sandbox) -> None:
    worker.provide(make_parts(apart.parts.settings, apart.parts, sandbox=sandbox))


@pytest.fixture
async def ada(apart: World) -> Person:
    return await apart.person("ada")


@pytest.fixture
async def path(ada: Person) -> str:
    return await make_algorithm(ada)


def put(url: str, content: bytes) -> int:
    """Do what a client does with the URL: no token, no header of ours."""
    headers = {"Content-Type": "application/octet-stream"}
    asked = urllib.request.Request(url, data=content, method="PUT", headers=headers)
    with urllib.request.urlopen(asked) as answer:
        found: int = answer.status
        return found


async def put_directly(ada: Person, at: str, content: bytes) -> None:
    direct = (await ada.get(at)).json()["direct"]
    assert datetime.fromisoformat(direct["expires_at"]) > datetime.now(UTC)
    assert await asyncio.to_thread(put, direct["url"], content) == 200


async def empty(apart: World, there: Bucket) -> None:
    await collector.empty_quarantine(apart.parts.sessions, apart.parts.blobs)
    assert not [it for it in there.names() if "quarantine" in it]


@pytest.mark.usefixtures("sandboxed")
async def test_parts_are_compared_kept_checked_and_downloaded(
    apart: World, ada: Person, path: str, there: Bucket
) -> None:
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).json()["offset"] == LEAST
    assert (await append(ada, at, LEAST, MODEL[LEAST:])).status_code == 200
    made = await ada.post(f"{at}/complete")
    assert made.status_code == 201, made.text
    assert (await ada.get(f"{made.headers['location']}/file")).content == MODEL
    assert (await check(apart, ada, made.headers["location"]))["state"] == "refused"
    await empty(apart, there)

    small = await upload(ada, path)  # By the form, as ever.
    assert (await check(apart, ada, small))["state"] == "checked"
    link = (await ada.post(f"{small}/file-links")).json()["url"]
    part = await apart.client.get(link, headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, GOOD[:10])


@pytest.mark.usefixtures("sandboxed")
async def test_a_file_that_is_put_past_the_api_is_read_and_compared(
    apart: World, ada: Person, path: str, there: Bucket
) -> None:
    at = await announce(ada, path, model=GOOD)
    problem(await ada.post(f"{at}/complete"), 409, "algorithms.upload_incomplete")
    await put_directly(ada, at, GOOD)
    made = await ada.post(f"{at}/complete")
    assert made.status_code == 201, made.text
    assert made.json()["sha256"] == hashlib.sha256(GOOD).hexdigest()
    assert (await ada.get(at)).json()["direct"] is None
    assert (await check(apart, ada, made.headers["location"]))["state"] == "checked"
    await empty(apart, there)


@pytest.mark.parametrize("sent", [MODEL[:-1], MODEL + b"x", MODEL[:-1] + b"?"], ids=len)
async def test_a_file_that_was_put_and_is_another_is_refused_and_nothing_is_kept(
    apart: World, ada: Person, path: str, there: Bucket, sent: bytes
) -> None:
    before, at = there.names(), await announce(ada, path)
    await put_directly(ada, at, sent)
    refused = problem(await ada.post(f"{at}/complete"), 422, "algorithms.upload_differs")
    assert refused["size"] == len(sent)
    problem(await ada.get(at), 404, "algorithms.upload_not_found")
    await empty(apart, there)
    assert there.names() == before


async def test_parts_count_before_what_was_put(ada: Person, path: str) -> None:
    at = await announce(ada, path)
    await put_directly(ada, at, bytes(len(MODEL)))
    await send_all(ada, at)
    assert (await ada.post(f"{at}/complete")).json()["sha256"] == told()["sha256"]


async def test_what_is_put_after_the_end_is_collected(
    apart: World, ada: Person, path: str, there: Bucket
) -> None:
    at = await announce(ada, path)
    url = (await ada.get(at)).json()["direct"]["url"]
    assert (await ada.ask("DELETE", at)).status_code == 204
    await asyncio.to_thread(put, url, b"too late")
    assert [it for it in there.names() if "quarantine" in it]
    await empty(apart, there)
