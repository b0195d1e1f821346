"""Every route, asked in every wrong way: by nobody, with reserved words, with what is too much."""

import asyncio
import gzip
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import update

from dml.accounts.models import Session
from dml.accounts.photos.rules import PHOTO_BYTES_MAX
from dml.core.context import Role
from dml.core.errors import all_refusals
from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.edge.http import transaction
from dml.edge.problems import HTTP_PROBLEMS, STATUS
from dml.edge.streams import while_admitted
from dml.entrypoints.docs import FILES
from dml.entrypoints.graphiql import FILES as GRAPHIQL
from tests.devices.factories import pair
from tests.edge.walking import filled
from tests.world import Person, World, problem

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
RESERVED: Final = ("versions", "test-set", "submissions", "attachments", "file")
PIECE: Final = b"x" * 65_536
JSON: Final = {"content-type": "application/json"}


def routes(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Every path with its method, and what OpenAPI says of it."""
    return [
        (path, method.upper(), operation)
        for path, operations in world.app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def named(path: str, word: str) -> str:
    return re.sub(r"\{[^}]+\}", word, path)


async def test_who_needs_a_token_is_told_that_before_all_else(world: World) -> None:
    asked = 0
    for path, method, operation in routes(world):
        if "401" not in operation["responses"] or "security" not in operation:
            continue
        if "WWW-Authenticate" in (await world.client.request(method, named(path, "x"))).headers:
            asked += 1
            for body, headers in ((b"{", JSON), (b"[1]", JSON), (b"a", {"content-type": "a/b"})):
                for token in ({}, {"Authorization": "Bearer rubbish"}):
                    answer = await world.client.request(
                        method, named(path, "rubbish"), content=body, headers=headers | token
                    )
                    assert answer.status_code == 401, (method, path, answer.text)
        else:
            token = {"Authorization": "Bearer rubbish"}
            answer = await world.client.request(method, named(path, "rubbish"), headers=token)
            assert answer.status_code == 401, (method, path, answer.text)
    assert asked > 60


ODD: Final = (
    (b"", JSON),
    (b'{"a": 1, "a": 2}', JSON),
    (b"{", {"content-type": "a/b"}),
)


@pytest.mark.parametrize("token", ["nobody's", "no", "Bearer rubbish", "Basic YTpi"])
async def test_a_bad_token_is_told_before_anything_that_is_wrong_with_the_request(
    world: World, token: str
) -> None:
    asked, sent = 0, {"authorization": token} if token != "no" else {}
    if token == "nobody's":
        person = await world.person()
        await end_sessions(world, person)
        sent = {"authorization": f"Bearer {person.token}"}
    for path, method, operation in routes(world):
        security = operation.get("security")
        if not security or ({} in security and token not in ("nobody's", "Bearer rubbish")):
            continue  # Nobody has to be known here, and who sends no token is nobody.
        for words, query in (("rubbish", ""), ("{x}", "?more=1"), (str(new_id()), "?a=1&a=2")):
            for body, kind in (
                (b"", JSON),
                (b'{"a":1,"a":2}', JSON),
                (b"{", {"content-type": "a/b"}),
            ):
                answer = await world.client.request(
                    method, named(path, words) + query, content=body, headers=kind | sent
                )
                assert answer.status_code == 401, (method, path, words, query, answer.text)
                asked += 1
    assert asked > (500 if token in ("nobody's", "Bearer rubbish") else 400)


@pytest.mark.parametrize("declared", [True, False])
async def test_no_path_takes_more_of_a_body_than_its_route_does(
    world: World, settings: Settings, declared: bool
) -> None:
    person = await world.person()
    paths = {path for path, _, _ in routes(world)}
    tried = {named(path, word) for path in paths for word in RESERVED}
    tried |= {f"{named(path, 'x')}/{word}" for path in [*paths, ""] for word in RESERVED}
    asked = [(method, path) for path in sorted(tried) for method in METHODS]
    for method, path in asked[::3] if declared else asked[:: len(asked) // 300]:
        taken = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal taken
            while taken < 8 * settings.body_limit_bytes:
                taken += len(PIECE)
                yield PIECE

        length = {"content-length": "150000000"} if declared else {}
        token = {"Authorization": f"Bearer {person.token}"}
        await world.client.request(method, path, content=pieces(), headers=JSON | length | token)
        most = PHOTO_BYTES_MAX if (method, path) == A_PHOTO else settings.body_limit_bytes
        assert taken <= (0 if declared else most) + 2 * len(PIECE)


A_PHOTO: Final = ("PUT", "/v1/users/me/photo")  # Other files belong to what is not there.
BESIDE: Final = ("/", "/docs", "/openapi.json", "/metrics", f"{FILES}/swagger-ui.css", FILES)
TOLD_BY_HEAD: Final = ("content-type", "content-length", "etag", "location", "www-authenticate")


ENDLESS: Final = "/v1/events/stream"  # GET would not end; its HEAD is tested beside it.


async def test_head_answers_as_get_does_without_a_body(world: World) -> None:
    admin = await world.person("admin", Role.ADMIN)
    device = await (await pair(world, admin)).token()
    paths = [path for path, method, _ in routes(world) if method == "GET"]
    answered = Counter[int]()
    for path in [*paths, *BESIDE]:
        if path == ENDLESS:
            continue
        for bearer in (None, admin.token, device):
            token = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            got = await world.client.get(filled(path), headers=token)
            head = await world.client.head(filled(path), headers=token)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            for name in TOLD_BY_HEAD:
                if name != "content-length" or path != "/metrics":  # It counts each request.
                    assert head.headers.get(name) == got.headers.get(name), (path, name)
            answered[got.status_code] += 1
    assert answered[200] > 30
    assert answered[401] > 60


async def test_what_is_not_allowed_is_told_with_all_that_is(world: World) -> None:
    methods: dict[str, set[str]] = {}
    for path, method, _ in routes(world):
        methods.setdefault(path, set()).add(method)
    for path, known in methods.items():
        refused = await world.client.request("TRACE", named(path, "x"))
        problem(refused, 405, "http.405")
        allowed = set(refused.headers["allow"].split(", "))
        assert known == allowed - {"HEAD"}, path
        assert ("HEAD" in allowed) == ("GET" in allowed)


async def test_a_body_of_another_type_is_told_so(world: World) -> None:
    person = await world.person()
    body = b'{"email": "a@example.org", "password": "correct horse"}'
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}):
        refused = await world.client.post("/v1/users", content=body, headers=headers)
        assert "application/json" in problem(refused, 415, "http.415")["detail"]
        refused = await person.ask("PATCH", "/v1/users/me", content=body, headers=headers)
        problem(refused, 415, "http.415")
    problem(await world.client.post("/v1/users", content=b"", headers=JSON), 422, "http.422")


async def test_a_slash_too_many_is_the_same_or_a_404_and_no_redirect_to_a_strangers_host(
    world: World,
) -> None:
    admin = await world.person("admin", Role.ADMIN)
    strange = {"Host": "evil.example.org", "Authorization": f"Bearer {admin.token}"}
    assert (await world.client.get("/", headers=strange)).status_code == 200
    asked = {(filled(path), method) for path, method, _ in routes(world)}
    asked |= {(path, "GET") for path in BESIDE}
    asked |= {(path, "HEAD") for path, method in asked if method == "GET"}
    for path, method in sorted(asked):
        for odd in (f"{path}/", f"{path}//", f"/{path}", f"//evil.example.org{path}/"):
            url = f"http://evil.example.org{odd}"
            answer = await world.client.request(method, url, headers=strange)
            assert "location" not in answer.headers, (method, odd)
            if answer.status_code != 404:
                same = await world.client.request(method, path, headers=strange)
                assert (answer.status_code, answer.content) == (same.status_code, same.content)
                assert path.startswith(FILES), (method, odd)


async def test_every_problem_is_explained(world: World) -> None:
    codes = [f"http.{it}" for it in {*HTTP_PROBLEMS, 400, 404, 405, 413, 415, 431}]
    for code in [*codes, *(it.code for it in all_refusals())]:
        told = await world.client.get(f"/problems/{code}")
        assert told.status_code == 200, code
        assert told.json()["detail"]
    assert set(STATUS.values()) - {401, 403, 409, 410, 412, 429} <= HTTP_PROBLEMS.keys()
    problem(await world.client.get("/problems/http.999"), 404, "entrypoints.no_such_problem")


async def test_what_is_private_is_not_stored_and_not_sent_twice(world: World) -> None:
    person = await world.person()
    mine = await person.get("/v1/users/me")
    assert mine.headers["cache-control"] == "no-store"
    for known in (mine.headers["etag"], f'W/{mine.headers["etag"]}, "other"', "*"):
        again = await person.get("/v1/users/me", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == mine.headers["etag"]
    changed = await person.get("/v1/users/me", headers={"If-None-Match": '"no"'})
    assert changed.status_code == 200
    body = {"email": "nobody@example.org", "password": "wrong wrong"}
    signing_in = await world.client.post("/v1/users/authenticate", json=body)
    assert signing_in.headers["cache-control"] == "no-store"


async def test_the_docs_run_no_script_but_files_of_this_server(world: World) -> None:
    page = await world.client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'; " in policy
    assert not re.search(r"<script[^>]*>[^<]", page.text)
    for name in ("docs.js", "docs.css", "swagger-ui-bundle.js"):
        file = await world.client.get(f"{FILES}/{name}")
        known = {"If-None-Match": file.headers["etag"]}
        again = await world.client.get(f"{FILES}/{name}", headers=known)
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


@pytest.mark.parametrize("path", [f"{FILES}/swagger-ui.css", f"{GRAPHIQL}/graphiql.min.js"])
async def test_a_file_of_a_page_is_sent_compressed_to_who_takes_that(
    world: World, path: str
) -> None:
    plain = await world.client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with world.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join([it async for it in answer.aiter_raw()])
    assert gzip.decompress(sent) == plain.content
    assert len(sent) == int(answer.headers["content-length"]) < len(plain.content) / 2
    for name in ("etag", "cache-control", "content-type", "vary"):
        assert answer.headers[name] == plain.headers[name]
    known = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]}
    assert (await world.client.get(path, headers=known)).status_code == 304
    head = await world.client.head(path, headers={"Accept-Encoding": "gzip"})
    assert (head.content, head.headers["content-length"]) == (b"", str(len(sent)))


async def end_sessions(world: World, person: Person) -> None:
    async with world.parts.sessions.begin() as tx:
        ended = update(Session).where(Session.user_id == person.id)
        await tx.execute(ended.values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))


async def test_a_stream_ends_with_its_session(world: World) -> None:
    person = await world.person()

    async def events() -> AsyncGenerator[bytes]:
        yield b"event: first\n"
        await asyncio.sleep(0.5)  # In the midst of an event nobody is cut off.
        yield b"\n\n"
        await asyncio.sleep(60)
        yield b"event: never\n\n"

    def begin(*, since: datetime | None = None) -> Any:
        return transaction(world.parts, person.token, since=since)

    stream = while_admitted(begin, events(), every_seconds=0.2)
    assert await anext(stream) == b"event: first\n"
    await end_sessions(world, person)
    assert await anext(stream) == b"\n\n"
    async with asyncio.timeout(5):
        rest = [it async for it in stream]
    assert len(rest) == 1
    assert rest[0].startswith(b"event: refused\n")
    assert b"core.not_signed_in" in rest[0]
