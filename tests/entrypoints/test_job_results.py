"""`dml job results`: the same answer before and after a job is archived, and what proves it."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.entrypoints.cli import job_results
from dml.entrypoints.cli.job_results import Form
from dml.jobs.models import JobState
from dml.refused import ExitCode, Refused
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    result,
    settle,
    work,
)
from tests.jobs.test_archiving import a_marketplace, archive, files_of, make_ended
from tests.world import World

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
async def apart(
    settings: Settings, module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    own = settings.model_copy(update={"home": tmp_path_factory.mktemp("results")})
    async with a_marketplace(own, module_database) as world:
        yield world


async def ask(world: World, job_id: object, form: Form) -> int:
    return await asyncio.to_thread(job_results.run, world.parts.settings, str(job_id), form)


async def say(world: World, job: Ordered, form: Form, capture: Capture) -> str:
    capture.readouterr()
    assert await ask(world, job.id, form) == 0
    return capture.readouterr().out


async def complain(world: World, job: Ordered, capture: Capture) -> list[str]:
    capture.readouterr()
    assert await ask(world, job.id, Form.VERIFY) == 1
    *complaints, _ = capture.readouterr().out.splitlines()
    return [it.removeprefix("✗ ") for it in complaints]


def rows_of(said: str) -> list[Any]:
    return sorted((json.loads(line) for line in said.splitlines()), key=lambda row: row["id"])


async def test_the_answer_is_the_same_at_hand_half_archived_and_archived(
    apart: World, capsys: Capture
) -> None:
    job, _ = await make_ended(apart, 7)
    forms = (Form.JSON, Form.CSV, Form.RAW)
    before = [await say(apart, job, form, capsys) for form in forms]
    assert json.loads(before[0]) == await job.results()
    assert list(csv.reader(io.StringIO(before[1]))) == [
        ["month", "label", "items"],
        ["2026-03", "cat", "14"],
        ["undated", "dog", "7"],
        ["", "(uncertain)", "7"],
    ]
    rows = rows_of(before[2])
    assert [row["result"] for row in rows] == [result()] * 7
    assert "All adds up" in await say(apart, job, Form.VERIFY, capsys)
    assert "Nothing is archived yet" in await say(apart, job, Form.TABLE, capsys)
    await archive(apart, job)
    after = [await say(apart, job, form, capsys) for form in forms]
    assert after[:2] == before[:2]
    assert rows_of(after[2]) == rows
    chain = (await files_of(apart, job))[-1].chain
    kept = "7 assignments are archived in 3 files"
    for form in (Form.TABLE, Form.VERIFY):
        said = await say(apart, job, form, capsys)
        assert kept in said
        assert chain in said
    assert "2026-03" in await say(apart, job, Form.TABLE, capsys)


async def test_a_job_under_way_can_be_looked_at_too(apart: World, capsys: Capture) -> None:
    job = await make_job(apart, max_devices=20)
    await work(apart, job, 6)
    await fold(apart)
    device = await make_device(apart)
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease)).status_code == 200
    said = await say(apart, job, Form.TABLE, capsys)
    assert "(open): 6 of 20 results are counted, 6 are shown" in " ".join(said.split())
    assert "All adds up" in await say(apart, job, Form.VERIFY, capsys)
    assert len(rows_of(await say(apart, job, Form.RAW, capsys))) == 7
    await fold(apart)
    assert await settle(apart, job, JobState.CANCELLED) == "settled"


async def test_what_is_wrong_with_archives_is_said(apart: World, capsys: Capture) -> None:
    job, devices = await make_ended(apart, 5)
    await archive(apart, job, limit=4)
    first, last = await files_of(apart, job)
    path = apart.parts.settings.home / "blobs" / "sha256" / first.sha256[:2] / first.sha256
    whole = path.read_bytes()
    short = [
        "the answer has 5 results, its results say 1",
        "the answer has 20 items, its results say 4",
        "the answer has 5 uncertain, its results say 1",
        "the answer counts 5 in month 0 for label 1, its results say 1",
        "the answer counts 10 in month 24314 for label 0, its results say 2",
    ]
    path.write_bytes(whole[:-1] + b"?")
    assert await complain(apart, job, capsys) == [
        f"archive 1: {first.sha256} was changed",
        *short,
    ]
    path.unlink()
    assert await complain(apart, job, capsys) == [
        f"archive 1: {first.sha256} is not in the blob store",
        *short,
    ]
    assert await ask(apart, job.id, Form.RAW) == ExitCode.NOT_REACHED
    assert "cannot look" in capsys.readouterr().err
    path.write_bytes(whole)
    wrongs = {
        "UPDATE archived_assignments SET body_sha256 = sha256('') "
        f"WHERE device_id = '{devices[0].id}'": "of which something else is known",
        f"UPDATE job_archives SET items = items + 1 WHERE id = '{last.id}'": "holds assignments, "
        "results, items and uncertain (1, 1, 4, 1), not (1, 1, 5, 1)",
        f"UPDATE job_archives SET pages = '{{}}' WHERE id = '{last.id}'": "has bodies that its "
        "owners cannot read",
        f"UPDATE job_archives SET chain = sha256 WHERE id = '{last.id}'": "archive 2 is not the 2.",
        f"UPDATE job_archives SET number = 3 WHERE id = '{last.id}'": "archive 3 is not the 2.",
        f"UPDATE job_counts SET counted = 9 WHERE job_id = '{job.id}' AND month = 0": "the answer "
        "counts 9 in month 0 for label 1, its results say 5",
    }
    for wrong, complaint in wrongs.items():
        undo = await _do_and_say_how_to_undo(apart, wrong, job)
        assert any(complaint in it for it in await complain(apart, job, capsys)), complaint
        await undo()
    assert "All adds up" in await say(apart, job, Form.VERIFY, capsys)


async def _do_and_say_how_to_undo(world: World, wrong: str, job: Ordered) -> Any:
    tables = {
        "archived_assignments": "archive_id IN (SELECT id FROM job_archives WHERE job_id = :id)",
        "job_archives": "job_id = :id",
        "job_counts": "job_id = :id",
    }
    copies = {table: f"copy_of_{table}_{uuid4().hex[:8]}" for table in tables}
    async with world.parts.sessions.begin() as tx:
        for table, copy in copies.items():
            query = f"CREATE TABLE {copy} AS SELECT * FROM {table} WHERE {tables[table]}"
            await tx.execute(text(query.replace(":id", f"'{job.id}'")))
        await tx.execute(text(wrong))

    async def undo() -> None:
        async with world.parts.sessions.begin() as tx:
            for table in tables:
                await tx.execute(text(f"DELETE FROM {table} WHERE {tables[table]}"), {"id": job.id})
            for table, copy in copies.items():
                await tx.execute(text(f"INSERT INTO {table} SELECT * FROM {copy}"))
                await tx.execute(text(f"DROP TABLE {copy}"))

    return undo


async def test_what_cannot_be_looked_at_is_said_in_a_line(apart: World, capsys: Capture) -> None:
    for job_id, says in ((new_id(), "There is no such job"), ("7", "7 is no id of a job")):
        with pytest.raises(Refused, match=says):
            await ask(apart, job_id, Form.TABLE)
        assert capsys.readouterr().out == ""
    away = apart.parts.settings.model_copy(
        update={"database_url": SecretStr("postgresql://dml:x@127.0.0.1:9/dml")}
    )
    code = await asyncio.to_thread(job_results.run, away, str(new_id()), Form.TABLE)
    assert code == ExitCode.NOT_REACHED
    assert "cannot look" in capsys.readouterr().err
