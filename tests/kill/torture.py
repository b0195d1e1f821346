"""The kill suite: `python -m tests.kill.torture --minutes 10 --seed 7 --json`.

The simulator plays a crowd against two API processes and two workers of `dml up`, while a seeded
schedule kills and pauses each kind of process. Then all that the devices saw accepted is compared
with the database, row by row, `dml doctor` looks, and PostgreSQL's log must know of no deadlock.
The seed fixes the order of the blows and the pauses between them, not what the machine does then.
"""

import argparse
import asyncio
import json
import random
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from dml.entrypoints import doctor
from dml.entrypoints.embedded import life
from tests.kill import kept_rows
from tests.kill.blows import Blows
from tests.kill.kept_rows import Comparison
from tests.kill.marketplace import Marketplace, supervised, until
from tests.kill.processes import DML, end

BEGIN_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 120.0
CALM_SECONDS: Final = 5.0  # Before the crowd goes, nothing is hit any more.
CONNECTIONS: Final = 64
Say = Callable[[str], object]


@dataclass(frozen=True)
class Size:
    """How long, how many, and how often something is hit, in seconds between blows."""

    minutes: float
    devices: int
    jobs: int
    between: tuple[float, float]

    @classmethod
    def of(cls, minutes: float) -> "Size":
        """More devices and jobs than can be served in this time, and all kinds of blows."""
        is_short = minutes < 2
        return cls(
            minutes,
            devices=4_000 if is_short else 20_000,
            jobs=max(5, int(10 * minutes)),
            between=(0.5, 2.5) if is_short else (4, 14),
        )


@dataclass
class Report:
    """What came of it."""

    seed: int
    seconds: float = 0
    kills: dict[str, int] = field(default_factory=dict)
    compared: Comparison = field(default_factory=Comparison)
    deadlocks: int = 0
    doctor: list[str] = field(default_factory=list)
    crowd: dict[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """What else is not as it must be, in words."""
        return [*self.compared.wrong, *self.crowd.get("faults", ["the simulator told nothing"])]

    @property
    def is_right(self) -> bool:
        compared = self.compared
        return not (compared.lost or compared.twice or self.deadlocks or self.doctor or self.wrong)

    def as_json(self) -> dict[str, Any]:
        compared, crowd = self.compared, self.crowd
        return {
            "ok": self.is_right,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "kills": self.kills,
            "accepted_seen": compared.accepted_seen,
            "kept": compared.kept,
            "kept_unseen": compared.unsure,
            "lost": len(compared.lost),
            "twice": len(compared.twice),
            "deadlocks": self.deadlocks,
            "ledger_sum": crowd.get("ledger_sum"),
            "doctor": self.doctor,
            "wrong": [*compared.lost, *compared.twice, *self.wrong][:50],
            "pairs_a_second": crowd.get("pairs_a_second"),
            "verbs": crowd.get("verbs"),
            "devices_told": crowd.get("devices_told"),
        }


async def torture(size: Size, seed: int, say: Say) -> Report:
    """Run it once, from an empty database to the verdict."""
    began, report = monotonic(), Report(seed)
    async with supervised() as market:
        folder = market.settings.home.parent
        blows = Blows(market, random.Random(seed))
        crowd = await _let_come(market, size, seed, folder)
        try:
            record = folder / "record"
            await until(lambda: _has_lines(record), seconds=BEGIN_SECONDS, what="a crowd comes")
            await _hit(blows, crowd, size, say)
            await market.ready()
            code = await asyncio.wait_for(crowd.wait(), size.minutes * 60 + SETTLE_SECONDS)
        finally:
            if crowd.returncode is None:
                await end(crowd)
            report.kills = dict(blows.done)
        if code not in (0, 1):
            raise RuntimeError(
                f"the simulator ended with {code}:\n{life.tail(folder / 'crowd.log')}"
            )
        report.crowd = json.loads((folder / "crowd.json").read_text().splitlines()[-1])
        say("the crowd has gone; every job settles …")
        await until(lambda: _all_ended(market), seconds=SETTLE_SECONDS, what="every job ends")
        report.compared = kept_rows.compare(market.database_url, record)
        report.doctor = (await doctor.examine(market.database_url)).complaints
        report.deadlocks = market.postgres_log.read_text(errors="replace").count(
            "deadlock detected"
        )
    report.seconds = monotonic() - began
    return report


async def _let_come(market: Marketplace, size: Size, seed: int, folder: Path) -> Process:
    """Start the simulator as a process of its own."""
    arguments = [
        *("sim", str(size.devices), "--exact", "--json", "--seed", str(seed)),
        *("--jobs", str(size.jobs), "--connections", str(CONNECTIONS)),
        *("--work-seconds", "0.1", "--seconds", str(60 * size.minutes)),
        *("--drop-outs", "0.02", "--liars", "0.04", "--slow", "0.02"),
        *("--server", f"http://127.0.0.1:{market.settings.port}"),
        *("--record", str(folder / "record")),
    ]
    with (folder / "crowd.json").open("wb") as out, (folder / "crowd.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *DML,
            *arguments,
            env=market.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )


def _has_lines(record: Path) -> bool:
    return record.exists() and record.stat().st_size > 0


async def _hit(blows: Blows, crowd: Process, size: Size, say: Say) -> None:
    """Hit the marketplace for as long as the crowd is there, but for the last seconds."""
    began = monotonic()
    over = began + 60 * size.minutes - CALM_SECONDS
    for kind in blows.schedule():
        pause = blows.chance.uniform(*size.between)
        if crowd.returncode is not None or monotonic() + pause > over:
            return
        await asyncio.sleep(pause)
        say(f"{monotonic() - began:6.1f} s  {kind}")
        await blows.strike(kind)


async def _all_ended(market: Marketplace) -> bool:
    return bool(market.rows("SELECT count(*) FROM jobs WHERE ended_at IS NULL") == [(0,)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to hit it (10)")
    parser.add_argument("--seed", type=int, help="the order of the blows (random, and printed)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = parser.parse_args()
    if not 0.25 <= asked.minutes <= 24 * 60:
        parser.error("--minutes must be from 0.25 to 1440")
    seed = random.SystemRandom().randrange(1, 2**32) if asked.seed is None else asked.seed
    stream = sys.stderr if asked.json else sys.stdout

    def say(text: str) -> None:
        stream.write(f"{text}\n")
        stream.flush()

    say(f"seed {seed}")
    report = asyncio.run(torture(Size.of(asked.minutes), seed, say))
    document = report.as_json()
    sys.stdout.write(json.dumps(document, indent=None if asked.json else 1) + "\n")
    return 0 if report.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
