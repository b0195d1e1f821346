"""Accounts: what a token adds to a request, and what a crowd that signs in does to the others."""

import itertools
import threading
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import ordinary
from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared, only_told
from benchmarks.market import Market, opened
from benchmarks.ordinary import ENTRANTS, Endpoint, Measured
from dml.sim.engine import Engine
from dml.sim.figures import Run

AT_ONCE: Final = 100  # Who sign in.
OTHERS: Final = 8  # Connections of others,
OTHERS_RATE: Final = 40.0  # and their requests a second: few, so that none waits for another.
_PATH: Final = "/v1/algorithms"


def sign_ins(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """One process: a list with a token and without, in turns; then a list beside 100 sign-ins."""
    with ExitStack() as stack:
        market = stack.enter_context(opened(home, "sign_ins"))
        market.environment |= ordinary.UNLIMITED
        token = ordinary.fill(market)
        market.start(apis=1)
        pid = market.apis[0].pid
        signed = f"Authorization: Bearer {token}\r\n"
        asked = {
            "without": Endpoint(pid, market.port, [ordinary.get(_PATH, ordinary.FRESH)]),
            "with": Endpoint(pid, market.port, [ordinary.get(_PATH, ordinary.FRESH + signed)]),
        }
        told = {name: Measured() for name in asked}
        for _ in range(rounds):
            for name, endpoint in asked.items():
                ordinary.one_round(market, endpoint, seconds, told[name])
        added = [a - b for a, b in zip(told["with"].api_us, told["without"].api_us, strict=True)]
        say(f"a token adds {', '.join(f'{it:.0f}' for it in added)} µs in the API's process")
        crowds = _beside_crowd(market, asked["without"], rounds, seconds, say)
    postgres = [
        a - b for a, b in zip(told["with"].postgres_us, told["without"].postgres_us, strict=True)
    ]
    return [
        absolute("token_api_us", median(added), "≤ 60", "µs"),
        only_told("token_postgres_us", median(postgres), "µs"),
        *crowds,
    ]


def _beside_crowd(
    market: Market, others: Endpoint, rounds: int, seconds: float, say: Say
) -> list[Figure]:
    """Ask for a list at a steady rate: alone, and while 100 sign in again and again."""
    alone, beside, signed_in = [], [], []
    before = _peak_mb(others.pid)
    for _ in range(rounds):
        alone.append(_p99(_steadily(others, seconds)))
        crowd = _Crowd(market)
        crowd.start()
        beside.append(_p99(_steadily(others, seconds)))
        signed_in.append(crowd.stop() / seconds)
    grown = _peak_mb(others.pid) - before
    say(
        f"{median(signed_in):.1f} sign-ins/s, p99 of others {median(alone) * 1e3:.0f} ms alone, "
        f"{median(beside) * 1e3:.0f} ms beside them"
    )
    return [
        compared("p99_beside_sign_ins", median(beside) * 1e3, median(alone) * 1e3, "≤ 2", "ms"),
        only_told("sign_ins_per_second", median(signed_in), "/s"),
        absolute("sign_ins_peak_mb", grown, "≤ 200", "MB"),
    ]


class _Crowd(threading.Thread):
    """A hundred users who sign in at once, each again when it is done, until `stop`."""

    def __init__(self, market: Market) -> None:
        super().__init__(daemon=True)
        requests = [ordinary.sign_in(f"entrant-{it}@example.org") for it in range(ENTRANTS)]
        self._asked = Endpoint(0, market.port, requests)
        self._engine = Engine(
            [("127.0.0.1", market.port)], connections=AT_ONCE, timeout_seconds=120
        )
        self._run = Run()

    def run(self) -> None:
        with self._engine as engine:
            self._run = engine.run(ordinary.forever(self._asked), at_once=AT_ONCE)

    def stop(self) -> int:
        """Let those who wait be answered, and return how many signed in."""
        self._engine.stop()
        self.join()
        figures = self._run.verbs["ask"]
        if figures.refused:
            raise RuntimeError(f"sign-ins were refused: {dict(figures.statuses)}")
        return figures.succeeded


def _steadily(asked: Endpoint, seconds: float) -> Run:
    scripts = itertools.islice(ordinary.forever(asked), int(OTHERS_RATE * seconds))
    with Engine([("127.0.0.1", asked.port)], connections=OTHERS) as engine:
        return engine.run(scripts, rate=OTHERS_RATE)


def _p99(run: Run) -> float:
    figures = run.verbs["ask"]
    if figures.refused:
        raise RuntimeError(f"a list was refused: {dict(figures.statuses)}")
    (p99,) = figures.quantiles(0.99)
    return p99


def _peak_mb(pid: int) -> float:
    """The most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (it for it in lines if it.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
