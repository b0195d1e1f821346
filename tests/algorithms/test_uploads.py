"""What comes in as a form: streamed, limited, and gone without a trace where it is refused."""

import asyncio
import hashlib
import itertools
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import text

from dml.accounts import sessions
from dml.algorithms.form import UploadForm
from dml.core.blobs import Blobs
from dml.core.context import SYSTEM, Context
from dml.core.ids import new_id
from dml.core.settings import Settings
from tests.algorithms.offers import (
    BOUNDARY,
    FORM_TYPE,
    GOOD,
    file_part,
    form,
    make_algorithm,
    part,
    send,
    spec_part,
)
from tests.inference.models import IMAGE_SPEC
from tests.world import Person, World, problem

LIMIT = 2_000_000


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def stored(settings: Settings) -> set[Path]:
    """All files that the blob store holds, finished or not."""
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.person("ada")


@pytest.fixture
async def path(ada: Person) -> str:
    return await make_algorithm(ada)


def a_form_of(size: int) -> UploadForm:
    """A form whose file has so many bytes, as it comes from a server, 64 KiB at a time."""
    middle = bytes(1 << 16)
    pieces = [b"\r\n" + form(), *[middle] * (size >> 16), file_part(b"")[:-2], spec_part()]

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop()[:], "more_body": pieces != []}

    scope = {"type": "http", "headers": [(b"content-type", FORM_TYPE.encode())]}
    return UploadForm(Request(scope, receive), limit=size)


async def versions(ada: Person, path: str) -> list[Any]:
    items: list[Any] = (await ada.get(f"{path}/versions")).json()["items"]
    return items


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1_000, 10**6])
@pytest.mark.parametrize("order", [1, -1])
async def test_a_form_may_come_in_any_pieces_and_order(
    ada: Person, path: str, size: int, order: int
) -> None:
    # With every beginning of the boundary inside, that a parser might take for its end.
    tricky = b"".join(f"\r\n--{BOUNDARY}"[:end].encode() for end in range(len(BOUNDARY) + 4))
    model = GOOD[:500] + tricky + b"\r\n--\r\r\n\n" + GOOD[500:600]
    body = form(*[spec_part(), file_part(model)][::order])
    answer = await send(ada, path, in_pieces(body, size))
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert answer.headers["location"] == f"{path}/versions/{shown['id']}"
    assert (shown["state"], shown["number"], shown["input_spec"]) == ("uploaded", 1, IMAGE_SPEC)
    assert (shown["sha256"], shown["size"]) == (hashlib.sha256(model).hexdigest(), len(model))


async def test_what_common_clients_send_is_taken(ada: Person, path: str) -> None:
    spec, model = json.dumps(IMAGE_SPEC), ("digits.onnx", GOOD, "application/octet-stream")
    as_field = await ada.ask(
        "POST", f"{path}/versions", data={"input_spec": spec}, files={"file": model}
    )
    assert as_field.status_code == 201, as_field.text
    as_file = ("spec.json", spec, "application/json")
    again = await ada.ask("POST", f"{path}/versions", files={"input_spec": as_file, "file": model})
    assert again.json() == as_field.json()  # The same file and spec are one version.
    padded = b"\r\n" + form(spec_part(), part("file", GOOD)) + b"and an epilogue"
    assert (await send(ada, path, padded)).json() == as_field.json()
    assert len(await versions(ada, path)) == 1


@pytest.mark.parametrize(
    ("body", "code", "pointers"),
    [
        (form(), "bad_form", ["/input_spec", "/file"]),
        (form(spec_part()), "bad_form", ["/file"]),
        (form(file_part()), "bad_form", ["/input_spec"]),
        (form(spec_part(), file_part(), file_part()), "bad_form", ["/file"]),
        (form(spec_part(), spec_part(), file_part()), "bad_form", ["/input_spec"]),
        (form(spec_part(), file_part(), part("notes", b"x")), "bad_form", ["/notes"]),
        (form(spec_part(), file_part(), part("a/b~c", b"x")), "bad_form", ["/a~1b~0c"]),
        (form(spec_part(), file_part(), part("\udcff", b"x")), "bad_form", ["/\ufffd"]),
        (form(spec_part(), file_part(), part(None, b"x")), "bad_form", [""]),
        (form(spec_part(), file_part(), part("", b"x")), "bad_form", [""]),
        (form(part("input_spec", b" " * 20_000), file_part()), "bad_form", ["/input_spec"]),
        (form(spec_part(), file_part(b"")), "file_empty", ["/file"]),
        (form(part("input_spec", b"x"), file_part(b"")), "file_empty", ["/file"]),
        (b"", "bad_form", [""]),
        (b"{}", "bad_form", [""]),
        (b"--" + b"x" * 100, "bad_form", [""]),
        (form(spec_part(), file_part())[:-4], "bad_form", [""]),
        (form(spec_part(), file_part())[: -len(BOUNDARY) - 8], "bad_form", [""]),
        (b"".join([spec_part(), file_part()]), "bad_form", [""]),
        (f"--{BOUNDARY}\r\nno header\r\n\r\n".encode(), "bad_form", [""]),
        (form(part("file", b"x", "\r\nX: " + "y" * 9_000)), "bad_form", [""]),
        (form(part("file", b"x", "\r\nX: y" * 9)), "bad_form", [""]),
    ],
)
async def test_what_is_no_such_form_is_refused_and_leaves_nothing(
    ada: Person, path: str, settings: Settings, body: bytes, code: str, pointers: list[str] | None
) -> None:
    before = stored(settings)
    for sent in (body, in_pieces(body, 100)):
        refused = problem(await send(ada, path, sent), 422, f"algorithms.{code}")
        told = refused.get("errors")
        assert (told and [it["pointer"] for it in told]) == pointers
    assert stored(settings) == before
    assert await versions(ada, path) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (b"", "Expecting value"),
        (b"nothing", "Expecting value"),
        (b"\xff\xfe\xfd", "is no UTF-8"),
        (b"[" * 15_000, "nested too deeply"),
        (b"null", "must be an object"),
        (b"[]", "must be an object"),
        (b"{}", "missing"),
        (json.dumps(IMAGE_SPEC | {"code": "import os"}).encode(), "code is unknown"),
        (json.dumps(IMAGE_SPEC | {"half \ud800": 1}).encode(), "half of a character"),
        (json.dumps(IMAGE_SPEC | {"kind": "smell"}).encode(), "kind must be one of"),
        (json.dumps(IMAGE_SPEC | {"width": 0}).encode(), "width"),
        (json.dumps(IMAGE_SPEC | {"width": 10**9}).encode(), "width"),
        (json.dumps(IMAGE_SPEC | {"scale": float("nan")}).encode(), "NaN"),
        (json.dumps(IMAGE_SPEC | {"mean": float("-inf")}).encode(), "-Infinity"),
        (json.dumps(IMAGE_SPEC).replace('"width": 8', f'"width": {"9" * 5_000}').encode(), ""),
        (json.dumps(IMAGE_SPEC | {"std": 0}).encode(), "std"),
        (
            json.dumps(IMAGE_SPEC | {"output": {"name": "nul \0", "activation": "none"}}).encode(),
            "NUL",
        ),
    ],
)
async def test_what_is_no_input_spec_is_refused_and_leaves_nothing(
    ada: Person, path: str, settings: Settings, spec: bytes, told: str
) -> None:
    before = stored(settings)
    for parts in ([part("input_spec", spec), file_part()], [file_part(), part("input_spec", spec)]):
        answer = await send(ada, path, form(*parts))
        refused = problem(answer, 422, "algorithms.bad_input_spec")
        (error,) = refused["errors"]
        assert error["pointer"] == "/input_spec"
        assert told in error["detail"]
    assert stored(settings) == before
    assert await versions(ada, path) == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("application/octet-stream", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 422),
        ("multipart/form-data; boundary=", 422),
        (f"multipart/form-data; boundary={'x' * 300}", 422),
    ],
)
async def test_another_type_of_body_is_refused(
    ada: Person, path: str, content_type: str, status: int
) -> None:
    answer = await send(ada, path, form(spec_part(), file_part()), **{"content-type": content_type})
    problem(answer, status, "http.415" if status == 415 else "algorithms.bad_form")


async def test_a_body_that_says_it_is_too_large_is_refused_unread(ada: Person, path: str) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("nobody should read this")
        yield b""

    for length in (str(LIMIT + 70_000), "9" * 30):
        answer = await send(ada, path, unread(), **{"content-length": length})
        refused = problem(answer, 413, "algorithms.file_too_large")
        assert refused["limit_bytes"] == LIMIT


@pytest.mark.parametrize("length", [None, "10", "-1", "²", "1e9", "0"])
async def test_a_body_that_grows_too_large_is_refused_whatever_it_says(
    ada: Person, path: str, settings: Settings, length: str | None
) -> None:
    before, read = stored(settings), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield spec_part()
        yield file_part(b"")[:-2]
        while True:
            read += 50_000
            yield bytes(50_000)

    said = {} if length is None else {b"content-length": length.encode("latin-1")}
    headers: Any = {b"content-type": FORM_TYPE.encode(), **said}
    headers[b"authorization"] = f"Bearer {ada.token}".encode()
    answer = await ada.client.post(f"{path}/versions", content=endless(), headers=headers)
    problem(answer, 413, "algorithms.file_too_large")
    assert read < LIMIT + 200_000
    assert stored(settings) == before


async def test_the_limit_is_exact_and_also_holds_for_what_surrounds_the_file(
    ada: Person, path: str
) -> None:
    assert (await send(ada, path, form(spec_part(), file_part(bytes(LIMIT))))).status_code == 201
    over = form(spec_part(), file_part(bytes(LIMIT + 1)))
    problem(await send(ada, path, over), 413, "algorithms.file_too_large")
    epilogue = form(spec_part(), file_part()) + bytes(LIMIT + 65_536)
    chunked = in_pieces(epilogue, 50_000)
    problem(await send(ada, path, chunked), 413, "algorithms.file_too_large")


async def test_strangers_are_refused_before_a_byte_is_read(world: World, path: str) -> None:
    eve, read = await world.person("eve"), []

    async def watched() -> AsyncIterator[bytes]:
        read.append(1)
        yield form(spec_part(), file_part())

    headers = {"content-type": FORM_TYPE}
    nobody = await world.client.post(f"{path}/versions", content=watched(), headers=headers)
    problem(nobody, 401, "core.not_signed_in")
    forged = headers | {"authorization": "Bearer x"}
    answer = await world.client.post(f"{path}/versions", content=watched(), headers=forged)
    problem(answer, 401, "core.not_signed_in")
    problem(await send(eve, path, watched()), 404, "algorithms.not_found")
    problem(await send(eve, f"/v1/algorithms/{new_id()}", watched()), 404, "algorithms.not_found")
    assert read == []


async def test_only_the_developer_uploads_and_not_into_an_archive(
    world: World, ada: Person, path: str
) -> None:
    eve = await world.person("eve")
    async with world.parts.sessions.begin() as tx:  # As an approval would.
        listing = text("UPDATE algorithms SET state = 'listed' WHERE id = :id")
        await tx.execute(listing, {"id": path.rsplit("/", 1)[1]})
    body = form(spec_part(), file_part())
    problem(await send(eve, path, body), 403, "algorithms.not_developer")
    await ada.post(f"{path}/archive")
    problem(await send(ada, path, body), 409, "algorithms.archived")


async def test_a_client_that_hangs_up_leaves_nothing(
    world: World, ada: Person, path: str, settings: Settings
) -> None:
    before = stored(settings)
    body = form(spec_part(), file_part(bytes(1_000_000)))
    pieces = [
        {"type": "http.request", "body": body[:500_000], "more_body": True},
        {"type": "http.disconnect"},
    ]
    statuses = []

    async def receive() -> Any:
        return pieces.pop(0)

    async def answer(message: Any) -> None:
        statuses.append(message.get("status"))

    headers = {"content-type": FORM_TYPE, "authorization": f"Bearer {ada.token}"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{path}/versions",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await world.app(scope, receive, answer)
    assert statuses[0] == 422  # Nobody hears it; and it is no crash of ours.
    assert stored(settings) == before
    assert await versions(ada, path) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(
    ada: Person, path: str, settings: Settings
) -> None:
    before, stuck = stored(settings), asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield form(spec_part(), file_part(bytes(1_000_000)))[:900_000]
        stuck.set()
        await asyncio.sleep(60)

    sending = asyncio.create_task(send(ada, path, stalled()))
    await stuck.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    for _ in range(100):
        if stored(settings) == before:
            break
        await asyncio.sleep(0.02)
    assert stored(settings) == before
    assert await versions(ada, path) == []


async def test_no_transaction_is_open_while_a_file_comes(
    world: World, ada: Person, path: str
) -> None:
    busy = text(
        "SELECT pid, xact_start FROM pg_stat_activity WHERE datname = current_database() "
        "AND state LIKE 'idle in transaction%'"
    )
    seen = list[set[tuple[int, datetime]]]()

    async def watched() -> AsyncIterator[bytes]:
        for piece in (spec_part(), file_part()[:100], file_part()[100:], form()):
            await asyncio.sleep(0.1)
            async with world.parts.sessions() as tx:
                seen.append({(it.pid, it.xact_start) for it in await tx.execute(busy)})
            yield piece

    assert (await send(ada, path, watched())).status_code == 201
    # What the API does beside may have one open for a moment: none is open from piece to piece.
    assert not [it for it in itertools.pairwise(seen) if set.intersection(*it)]
    assert len(seen) == 4


async def test_a_token_that_expires_while_the_file_comes_is_good_enough(
    world: World, ada: Person, path: str
) -> None:
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        opened = await sessions.open_session(ctx, ada.id, days=1)
    short = sessions.access_token(world.parts.keys, opened.session, ctx.now, seconds=2)

    async def slow() -> AsyncIterator[bytes]:
        yield spec_part() + file_part()
        await asyncio.sleep(3.1)
        yield form()

    answer = await send(ada, path, slow(), Authorization=f"Bearer {short}")
    assert answer.status_code == 201, answer.text
    again = await send(ada, path, slow(), Authorization=f"Bearer {short}")
    problem(again, 401, "core.not_signed_in")


async def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    size = 100 << 20
    tracemalloc.start()
    kept = await Blobs.in_folder(tmp_path).put(a_form_of(size).file(), limit=size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.size == size
    assert peak < 16 << 20
