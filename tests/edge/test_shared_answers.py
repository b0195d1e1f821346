"""Lists that are the same for everybody are read once, and told to all who ask meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from dml.core.db import connect
from dml.core.settings import Settings
from dml.edge.shared_answers import KEPT_BYTES_MAX, QUERY_BYTES_MAX, KeptAnswers, SharedAnswers
from dml.entrypoints.server import create_app, with_device_layer
from tests.algorithms.test_search import lists, made_up
from tests.world import World

LONG: Final = 3_600.0
PATH: Final = "/list"


class Counting:
    """An app that tells how often it was asked, once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.status = 200
        self.body = b"%d"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        number = self.asked
        scope["route"] = "its route"
        await self.may_answer.wait()
        if self.status == 0:
            raise RuntimeError("a bug")
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        body = self.body.replace(b"%d", b"%d" % number)
        await send({"type": "http.response.body", "body": body[:1], "more_body": True})
        await send({"type": "http.response.body", "body": body[1:]})


async def ask(
    app: SharedAnswers,
    query: bytes = b"",
    *,
    method: str = "GET",
    path: str = PATH,
    **headers: str,
) -> bytes:
    """Ask as somebody who is nobody in particular; the answer is its body."""
    named = [(it.replace("_", "-").encode(), value.encode()) for it, value in headers.items()]
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": named,
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, _nothing, send)
    assert scope["route"] == "its route", "by which it is counted"
    return b"".join(it.get("body", b"") for it in sent)


async def _nothing() -> Any:
    return {"type": "http.disconnect"}


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def shared(counting: Counting) -> SharedAnswers:
    return sharing(counting)


def sharing(counting: Counting, seconds: float = LONG) -> SharedAnswers:
    return SharedAnswers(counting, kept=KeptAnswers([PATH], seconds=seconds))


async def test_the_same_question_is_read_once(shared: SharedAnswers) -> None:
    assert [await ask(shared), await ask(shared), await ask(shared, b"q=a")] == [b"1", b"1", b"2"]
    assert await ask(shared, b"q=a") == b"2"


async def test_it_is_read_anew_once_it_is_too_old(counting: Counting) -> None:
    for seconds in (0, 1e-9):
        shared = sharing(counting, seconds)
        assert await ask(shared) != await ask(shared)


async def test_all_who_ask_while_it_is_read_get_that(
    counting: Counting, shared: SharedAnswers
) -> None:
    counting.may_answer.clear()
    asking = [asyncio.create_task(ask(shared)) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()  # Whoever asked first hangs up.
    await asyncio.sleep(0)
    counting.may_answer.set()
    with suppress(asyncio.CancelledError):
        await asking[0]
    assert await asyncio.gather(*asking[1:]) == [b"1"] * 19


@pytest.mark.parametrize(
    "odd",
    [
        {"authorization": "Bearer x"},
        {"dml_act_for": "x"},
        {"cache_control": "max-age=0, No-Cache"},
        {"method": "POST"},
        {"path": "/other"},
        {"query": b"q=" + b"a" * QUERY_BYTES_MAX},
    ],
    ids=lambda it: next(iter(it)),
)
async def test_whoever_asks_in_person_or_for_something_else_is_answered_anew(
    shared: SharedAnswers, odd: dict[str, Any]
) -> None:
    assert await ask(shared) == b"1"
    assert [await ask(shared, **odd), await ask(shared, **odd)] == [b"2", b"3"]
    assert await ask(shared) == b"1"


async def test_what_failed_is_kept_for_nobody(counting: Counting, shared: SharedAnswers) -> None:
    counting.status = 503
    assert [await ask(shared), await ask(shared)] == [b"1", b"2"]
    counting.status = 0
    with pytest.raises(RuntimeError):
        await ask(shared)
    counting.status = 200
    assert [await ask(shared), await ask(shared)] == [b"4", b"4"]


async def test_only_so_much_is_kept(counting: Counting, shared: SharedAnswers) -> None:
    counting.body = b"%d" + b"a" * (KEPT_BYTES_MAX // 3)
    questions = [b"q=%d" % it for it in range(4)]
    for it in questions:
        await ask(shared, it)
    assert (await ask(shared, questions[3]))[:1] == b"4"
    assert (await ask(shared, questions[0]))[:1] == b"5", "it was asked for longest ago"
    counting.body = b"%d" + b"a" * KEPT_BYTES_MAX
    assert [(await ask(shared, b"all"))[:1] for _ in range(2)] == [b"6", b"7"]


@pytest.fixture(scope="module")
async def listing(settings: Settings, database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The API as it is outside of tests: its public lists may be old, here by a minute."""
    changes = {"public_lists_seconds": 60, "cors_origins": ["https://shop.test"]}
    engine = connect(database_url, name="test lists")
    app = create_app(settings.model_copy(update=changes), engine)
    transport = httpx2.ASGITransport(with_device_layer(app))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def test_a_public_list_is_shared_and_each_answer_is_whole(
    world: World, listing: httpx2.AsyncClient
) -> None:
    ada, word = await world.person("ada"), made_up()
    path = f"/v1/algorithms?tag={word}"
    first = await lists(world, ada, tags=[word])
    before = await listing.get(path)
    second = await lists(world, ada, tags=[word])
    again = await listing.get(path)
    assert [it["id"] for it in again.json()["items"]] == [first]
    assert again.headers["etag"] == before.headers["etag"]
    assert again.headers["x-request-id"] != before.headers["x-request-id"]
    # What is given in front of the app is as what comes out of it.
    within = await listing.get(path, headers={"Content-Length": "0", "X-Request-ID": "ada-1234"})
    assert within.content == again.content
    its = {"x-request-id": "ada-1234"}
    assert dict(within.headers) == dict(again.headers) | its == dict(before.headers) | its

    for fresh in ({"Cache-Control": "no-cache"}, {"Authorization": f"Bearer {ada.token}"}):
        newest = await listing.get(path, headers=fresh)
        assert [it["id"] for it in newest.json()["items"]] == [second, first], fresh

    known = await listing.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = await listing.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (
        200,
        b"",
        before.headers["etag"],
    )
    for origin in ("https://shop.test", "https://other.test"):
        told = (await listing.get(path, headers={"Origin": origin})).headers
        assert told.get("access-control-allow-origin") == (origin if "shop" in origin else None)


async def test_what_is_refused_is_refused_as_ever(listing: httpx2.AsyncClient) -> None:
    for wrong, status in (("limit=0", 422), ("mine=true", 401), ("state=draft", 403)):
        for accept in ("*/*", "text/html"):
            answer = await listing.get(f"/v1/algorithms?{wrong}", headers={"Accept": accept})
            assert answer.status_code == status, answer.text
            assert ("text/html" in answer.headers["content-type"]) == (accept == "text/html")
