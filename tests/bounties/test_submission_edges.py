"""What people send that is no submission: each is refused with its reason, and costs nothing."""

import asyncio
import gzip
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from pyarrow import parquet

from dml.bounties.models import BountyState, Judging
from dml.core.engine import Engine
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.scoring.reader import Reader
from tests.bounties import models, tables
from tests.bounties.entries import (
    ANY,
    CSV,
    ONNX,
    PARQUET,
    Contest,
    codes,
    end_of,
    make_contest,
    send,
    submit,
)
from tests.bounties.factories import Entrant, bring_to, enroll, make_bounty
from tests.world import World, problem

GOOD: Final = tables.predictions(0.8).decode()
LINES: Final = GOOD.splitlines()
WIDE: Final = {"per_day": 100, "concurrent": 20, "total": 1_000}


def lines(*changed: tuple[int, str]) -> bytes:
    """A good file in which some lines are others; the header is line 0."""
    made = list(LINES)
    for number, line in changed:
        made[number] = line
    return "\n".join([*made, ""]).encode()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("predictions.csv", GOOD)
    return file.getvalue()


def as_parquet(ids: Sequence[object], predictions: Sequence[object], **more: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"id": ids, "prediction": predictions, **more}), file)
    return file.getvalue()


def parquet_bomb() -> bytes:
    """Some kilobytes that unfold to six million rows."""
    column = pa.repeat(1, 6_000_000)
    return as_parquet(column, column)


def million_columns() -> bytes:
    header = ",".join(["id", "prediction", *(f"c{it}" for it in range(1_000_000))])
    return f"{header}\n1,tall\n".encode()


FILES: Final[dict[str, tuple[bytes, str]]] = {
    "a missing id": (lines()[: -len(LINES[-1]) - 1], CSV),
    "an unknown id": (lines((1, "4711,tall")), CSV),
    "an extra id": (lines() + b"4711,tall\n", CSV),
    "a repeated id": (lines((2, LINES[1])), CSV),
    "an id that is text": (lines((1, "one,tall")), CSV),
    "an empty id": (lines((1, ",tall")), CSV),
    "a class that is none": (lines((1, "1,huge")), CSV),
    "a class in other letters": (lines((1, "1,TALL")), CSV),
    "an empty class": (lines((1, "1,")), CSV),
    "not a number": (lines((1, "1,NaN")), CSV),
    "infinity": (lines((1, "1,inf")), CSV),
    "a formula": (lines((1, "1,=cmd|' /C calc'!A0")), CSV),
    "a formula as a column": (lines((0, "id,=HYPERLINK(A1)")), CSV),
    "a column too many": (lines((0, "id,prediction,more"), (1, "1,tall,x")), CSV),
    "a line too long": (lines((1, "1,tall,tall")), CSV),
    "a column too few": (b"id\n1\n", CSV),
    "no header": ("\n".join(LINES[1:]).encode(), CSV),
    "a column twice": (lines((0, "id,id")), CSV),
    "another name": (lines((0, "id,target")), CSV),
    "a million columns": (million_columns(), CSV),
    "UTF-16": (GOOD.encode("utf-16"), CSV),
    "Latin-1": (lines((1, "1,gro\xdf")).decode().encode("latin-1"), CSV),
    "NUL": (lines((1, "1,ta\0ll")), CSV),
    "an open quote": (lines((1, '1,"tall')), CSV),
    "a zip": (zipped(), CSV),
    "a gzip": (gzip.compress(GOOD.encode()), CSV),
    "JSON": (b'{"1": "tall"}', CSV),
    "Parquet as CSV": (as_parquet([1], ["tall"]), CSV),
    "CSV as Parquet": (GOOD.encode(), PARQUET),
    "a Parquet bomb": (parquet_bomb(), PARQUET),
    "half a Parquet file": (as_parquet([1, 2], ["tall", "tall"])[:-20], PARQUET),
    "Parquet of other types": (as_parquet(["1"], [b"tall"]), PARQUET),
    "Parquet with a null": (as_parquet([1, None], ["tall", "tall"]), PARQUET),
}
NUMBERS: Final = {
    "not a number": "NaN",
    "infinity": "inf",
    "minus infinity": "-Infinity",
    "text": "tall",
    "nothing": "",
    "a number beyond all": "1e999",
    "a formula": "=1+1",
}


async def ends(entrant: Entrant, paths: Sequence[str]) -> list[Any]:
    return list(await asyncio.gather(*(end_of(entrant, it, seconds=60) for it in paths)))


async def all_refused(contest: Contest, files: dict[str, tuple[bytes, str]]) -> dict[str, Any]:
    """Submit each of them, as many at once as may be; the answer is what became of each."""
    (ada,) = contest.entrants
    names, shown = list(files), []
    for start in range(0, len(names), WIDE["concurrent"]):
        some = [files[it] for it in names[start : start + WIDE["concurrent"]]]
        shown += await ends(ada, [await submit(contest, ada, *it) for it in some])
    for name, it in zip(names, shown, strict=True):
        assert (name, it["state"]) == (name, "failed")
        assert it["refusals"] != []
        assert not any(code.startswith("platform.") for code in codes(it)), (name, it)
        assert it["end_reason"]
        assert (it["shown_score"], it["commitment"]) == (None, None)
    left = (await ada.get(contest.submissions)).json()["limits"]
    assert left["today"]["remaining"] == WIDE["per_day"]
    return dict(zip(names, shown, strict=True))


async def test_a_file_that_holds_no_predictions_is_refused_with_its_place(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, limits=WIDE)
    shown = await all_refused(contest, FILES)
    for name in ("an unknown id", "a class that is none", "not a number", "a formula"):
        (refusal,) = shown[name]["refusals"]
        assert "row 1" in refusal["detail"].lower(), refusal
    assert "column" in shown["a class that is none"]["refusals"][0]["detail"].lower()
    (ada,) = contest.entrants
    dry = await end_of(ada, await submit(contest, ada, *FILES["a zip"], dry_run=True))
    assert dry["state"] == "failed"


async def test_what_is_no_finite_number_is_refused(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, metric="roc_auc.v1", limits=WIDE)
    whole = {number: str(number % 7) for number, *_ in tables.rows()}
    files = {
        name: (tables.table((whole | {1: told}).items()), CSV) for name, told in NUMBERS.items()
    }
    shown = await all_refused(contest, files)
    for it in shown.values():
        assert "row 1" in it["refusals"][0]["detail"].lower(), it


async def test_a_hostile_model_is_refused_with_its_reason(
    judged: World, node: Engine, at_work: WorkerParts, reader: Reader
) -> None:
    contest = await make_contest(judged, limits=WIDE)
    files = {name: (model, ONNX) for name, (model, _) in models.HOSTILE.items()}
    shown = await all_refused(contest, files)
    told = {name: codes(it) for name, it in shown.items()}
    assert told == {name: [code] for name, (_, code) in models.HOSTILE.items()}
    # No socket, no file, no other process: where a model runs, all of these were tried.
    assert await asyncio.to_thread(reader.self_test) is None


async def test_a_model_is_taken_only_where_there_are_features(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    bare = "\n".join(["id,target", *(f"{number},{label}" for number, label, *_ in tables.rows())])
    contest = await make_contest(judged, hidden=bare.encode())
    (ada,) = contest.entrants
    answer = await send(ada, contest.submissions, models.model(), ONNX)
    problem(answer, 409, "bounties.models_not_taken")
    assert (await send(ada, contest.submissions, b"a table", CSV)).status_code == 201


@pytest.fixture
async def contest(world: World) -> Contest:
    """A bounty that takes submissions where no worker is."""
    bounty = await make_bounty(world, judging=Judging.METRIC)
    entrant = await enroll(world, bounty)
    await bring_to(bounty, BountyState.SUBMITTING)
    return Contest(bounty, (entrant,))


def stored(settings: Settings) -> set[Path]:
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


@pytest.mark.parametrize(
    "type_", [ANY, "application/zip", "application/json", "multipart/form-data; boundary=x", ""]
)
async def test_another_type_of_body_is_refused(contest: Contest, type_: str) -> None:
    (ada,) = contest.entrants
    answer = await send(ada, contest.submissions, b"x", type_)
    assert "text/csv" in problem(answer, 415, "http.415")["detail"]


async def test_a_body_that_is_empty_or_too_large_is_refused_and_leaves_nothing(
    contest: Contest, settings: Settings
) -> None:
    before, read = stored(settings), 0
    (ada,) = contest.entrants

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1_000_000
            yield bytes(1_000_000)

    problem(await send(ada, contest.submissions, b""), 422, "edge.file_empty")
    for type_, limit in (
        (CSV, settings.predictions_limit_bytes),
        (ONNX, settings.model_limit_bytes),
    ):
        read = 0
        refused = problem(
            await send(ada, contest.submissions, endless(), type_), 413, "edge.file_too_large"
        )
        assert refused["limit_bytes"] == limit
        assert read <= limit + 2_000_000
    assert stored(settings) == before
    assert (await ada.get(contest.submissions)).json()["items"] == []


async def test_strangers_and_who_has_nothing_left_are_refused_before_a_byte_is_read(
    world: World, contest: Contest
) -> None:
    read = []

    async def watched() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x"

    (ada,) = contest.entrants
    headers = {"content-type": CSV}
    nobody = await world.client.post(contest.submissions, content=watched(), headers=headers)
    problem(nobody, 401, "core.not_signed_in")
    eve = await world.person("eve")
    for person in (eve, contest.owner):
        answer = await send(person, contest.submissions, watched())
        problem(answer, 403, "bounties.not_enrolled")
    for number in range(3):
        await submit(contest, ada, b"%d" % number)
    answer = await send(ada, contest.submissions, watched())
    problem(answer, 429, "bounties.too_many_concurrent_submissions")
    assert read == []


async def test_a_client_that_hangs_up_leaves_nothing(
    world: World, contest: Contest, settings: Settings
) -> None:
    before = stored(settings)
    (ada,) = contest.entrants
    pieces = [
        {"type": "http.request", "body": bytes(500_000), "more_body": True},
        {"type": "http.disconnect"},
    ]
    told = []

    async def receive() -> Any:
        return pieces.pop(0)

    async def answer(message: Any) -> None:
        told.append(message.get("status"))

    headers = {"content-type": CSV, "authorization": f"Bearer {ada.token}"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": contest.submissions,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await world.app(scope, receive, answer)
    assert told[0] == 422  # Nobody hears it; and it is no crash of ours.
    assert stored(settings) == before
    assert (await ada.get(contest.submissions)).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\0b"},
        {"dry_run": "perhaps"},
        {"score": "1"},
    ],
)
async def test_what_is_asked_wrongly_is_refused(contest: Contest, query: dict[str, str]) -> None:
    (ada,) = contest.entrants
    problem(await send(ada, contest.submissions, b"x", **query), 422, "http.422")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "cursor=x", "state=lost", "enrollment_id=1", "sort=score"]
)
async def test_a_list_is_asked_for_in_its_own_words(contest: Contest, query: str) -> None:
    (ada,) = contest.entrants
    problem(await ada.get(f"{contest.submissions}?{query}"), 422, "http.422")


async def test_ids_that_are_none_are_refused(contest: Contest) -> None:
    (ada,) = contest.entrants
    for path in ("1", "nothing", "a\0b"):
        answer = await ada.get(f"{contest.submissions}/{path.replace(chr(0), '%00')}")
        problem(answer, 422, "http.422")


async def test_a_name_is_kept_as_it_was_sent(contest: Contest) -> None:
    (ada,) = contest.entrants
    answer = await send(ada, contest.submissions, b"x", name="=1+1 “best” \U0001f3c6")
    assert answer.json()["name"] == "=1+1 “best” \U0001f3c6"
    unnamed = await send(ada, contest.submissions, b"y")
    assert unnamed.json()["name"].endswith(".csv")
