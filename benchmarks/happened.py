"""What it costs to say what happened, and how soon a thousand followers hear of it.

    python -m benchmarks.happened PORT TOKEN NUMBER

follows as so many, prints a line when all are connected, and at the end of its input each event's
seconds from the begin of its transaction to its receipt, for each follower.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import asyncpg
import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from benchmarks import devices, ledger
from benchmarks.device_path import Say, customer_token, scene_of
from benchmarks.figures import Figure, absolute, compared
from benchmarks.market import opened
from dml.core import events
from dml.core.context import SYSTEM, Context
from dml.core.db import connect
from dml.core.ids import CreditId, UserId, new_id
from dml.core.money import MicroTokens
from dml.payments import service
from dml.payments.events import CreditCredited
from dml.payments.models import Movement

FOLLOWERS: Final = 1_000
EVERY_SECONDS: Final = 0.25  # Between two events that all of them hear.
USER: Final = UserId(new_id())
# An audit entry as it was before it was an event, too.
_OLD_TABLE: Final = """
    CREATE TABLE benchmark_entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL, actor_id uuid, subject text NOT NULL, action text NOT NULL,
        from_state text, to_state text, reason text, facts jsonb);
    CREATE INDEX ON benchmark_entries (subject, id)
"""
_OLD_ENTRY: Final = text("""
    INSERT INTO benchmark_entries (at, subject, action, reason, facts)
    VALUES (:at, :subject, 'credited', 'because', CAST(:facts AS jsonb)) RETURNING id
""")


def cost(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Transfers a second that are told as events, against those that leave an audit entry."""
    with opened(home, "events") as market:
        rates = asyncio.run(_take_turns(market.url, rounds, seconds))
    say(f"transfers with an event, with an audit entry: {rates}")
    return [compared("event_vs_audit_entry", rates["event"], rates["entry"], "≥ 0.9", "tx/s")]


async def _take_turns(url: str, rounds: int, seconds: float) -> dict[str, float]:
    engine = connect(url, name="benchmark events")
    plain = await asyncpg.connect(url)
    await plain.execute(_OLD_TABLE)
    await plain.close()
    await ledger.prepare(engine, 0)
    ways = {"event": _with_event(engine), "entry": _with_entry(engine)}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(round(rounds * seconds / ledger.SLICE_SECONDS)):
        for name, way in ways.items():
            rates[name].append(await ledger.rate(way, 1))
    await engine.dispose()
    return {name: round(median(them), 1) for name, them in rates.items()}


def _with_event(engine: AsyncEngine) -> ledger.Turn:
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def turn(movements: list[Movement]) -> None:
        async with sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await service.transfer_many(ctx, movements)
            told = CreditCredited(CreditId(new_id()), USER, MicroTokens(1))
            await events.record(ctx, told, [events.user(USER)], reason="because")

    return turn


def _with_entry(engine: AsyncEngine) -> ledger.Turn:
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def turn(movements: list[Movement]) -> None:
        async with sessions.begin() as tx:
            now = datetime.now(UTC)
            await service.transfer_many(Context(tx, SYSTEM, now), movements)
            facts = json.dumps({"amount": "0.000001", "user_id": str(USER)})
            await _add_entry(tx, {"at": now, "subject": f"credit:{new_id()}", "facts": facts})

    return turn


async def _add_entry(tx: AsyncSession, values: dict[str, object]) -> None:
    await tx.execute(_OLD_ENTRY, values)


def followed(home: Path, _: int, seconds: float, say: Say) -> list[Figure]:
    """How soon a thousand followers hear of an event, while devices load the same process."""
    with scene_of(home, "followed") as (market, scene):
        token = customer_token(market)
        stop = threading.Event()
        telling = threading.Thread(
            target=_happen, args=(market.port, scene.jobs[0], token, stop), daemon=True
        )
        with _following(market.port, token, FOLLOWERS) as heard:
            telling.start()
            told = devices.drive(market, scene, seconds=seconds * 2)
            stop.set()
            telling.join(30)
            time.sleep(1)
    p99 = quantiles(heard, n=100)[98]
    say(f"{len(heard)} receipts at {told['pairs_per_second']:.0f} pairs/s: p99 {p99:.3f} s")
    return [absolute("event_to_receipt_p99_seconds", p99, "≤ 1", "s")]


def _happen(port: int, job_id: object, token: str, stop: threading.Event) -> None:
    """Pause and resume a job of the customer who follows."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        is_paused = False
        while not stop.wait(EVERY_SECONDS) or is_paused:
            verb = "resume" if is_paused else "pause"
            answer = client.post(f"/v1/jobs/{job_id}/{verb}")
            if answer.status_code != 503:  # It is at full load: then the same again.
                answer.raise_for_status()
                is_paused = not is_paused


@contextmanager
def _following(port: int, token: str, number: int) -> Generator[list[float]]:
    """Let so many follow while the block runs, and give the seconds that they waited."""
    command = (sys.executable, "-m", "benchmarks.happened", str(port), token, str(number))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "following\n":
        raise RuntimeError("the followers could not connect")
    heard: list[float] = []
    yield heard
    told, _ = process.communicate("")
    heard += json.loads(told)
    if not heard:
        raise RuntimeError("the followers heard nothing")


async def main(port: int, token: str, number: int) -> None:
    request = (
        "GET /v1/events/stream?types=job.* HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    streams = []
    for _ in range(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        if b" 200 " not in await reader.readline():
            return
        streams.append((reader, writer))
    waited: list[float] = []

    async def listen(reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b'data: {"id"'):
                at = datetime.fromisoformat(json.loads(line[6:])["at"])
                waited.append((datetime.now(UTC) - at).total_seconds())

    tasks = [asyncio.create_task(listen(reader)) for reader, _ in streams]
    print("following", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(json.dumps(waited), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
