"""The ordinary endpoints: what a request costs, and what becomes of it when many ask at once."""

import contextlib
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import httpx2
import psycopg

from benchmarks import boards, processor
from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared, only_told
from benchmarks.market import Market, opened, vacuum
from dml.entrypoints.embedded import places, postgres
from dml.sim.engine import Engine, Script
from dml.sim.figures import Run

CONNECTIONS: Final = 64
SIGNING_IN: Final = 8  # Connections: two passwords are hashed at a time, and the others wait.
CROWDS: Final = (256, 1_000)
CROWD_SECONDS: Final = 12.0
ENTRANTS: Final = 1_000
# What the goals in µs are on any machine: shares of what the bare list takes of the same one.
VS_BARE: Final = {"users_me": "≤ 0.7", "bounties": "≤ 1.75", "board_100": "≤ 1.3"}
PASSWORD: Final = "correct horse battery staple"
EMAIL: Final = "reader@example.org"
FRESH: Final = "Cache-Control: no-cache\r\n"  # Else the list is one that was read a moment ago.
ASKED: Final = 20  # Requests over which statements are counted, beside those of keeping alive.
UNLIMITED: Final = dict.fromkeys(
    ("DML_PASSWORD_HASHES_WAITING", "DML_PASSWORD_HASHES_OF_ONE", "DML_SIGN_INS_A_MINUTE"), "1000"
)

_ROWS: Final = """
    INSERT INTO algorithms (id, developer_id, title, summary, model_card, kind, tags, data_kind,
        device_fee, labels, state, created_at)
    SELECT gen_random_uuid(), u.id, 'Algorithm ' || n, repeat('What it does. ', 10),
        repeat('A model card. ', 200), 'image', '{{digits,photos}}', 'photo', 10000,
        array(SELECT 'label ' || k FROM generate_series(1, 10) k), 'listed', now()
    FROM generate_series(1, 200) n, (SELECT id FROM users LIMIT 1) u;
    INSERT INTO algorithm_versions (id, algorithm_id, number, state, input_spec, sha256, size,
        created_at, refusals)
    SELECT gen_random_uuid(), id, 1, 'approved', '{{}}', repeat('0', 64), 1000, now(), '[]'
    FROM algorithms;
    INSERT INTO bounties (id, owner_id, state, name, organisation, subtitle, description, data,
        evaluation, rules, tags, judging, metric, ties, prizes, prize_pool, enrollment_fee,
        team_size_max, submissions_a_day, submissions_at_once, submissions_in_all, enrolls_at,
        submits_at, closes_at, judged_by, dispute_seconds, created_at, funded_at, revision, alarms,
        entrants, second_chance, order_changes)
    SELECT gen_random_uuid(), owner_id, state, name || ' ' || n, organisation, subtitle,
        repeat('A description. ', 100), data, evaluation, repeat('A rule. ', 100), tags, judging,
        metric, ties, prizes, prize_pool, enrollment_fee, team_size_max, submissions_a_day,
        submissions_at_once, submissions_in_all, enrolls_at, submits_at, closes_at, judged_by,
        dispute_seconds, created_at, funded_at, revision, alarms, 0, second_chance, order_changes
    FROM bounties, generate_series(1, 60) n;
    UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = '{email}')
    WHERE password_hash = '';
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked, in turn, of the process that has it."""

    pid: int
    port: int
    requests: Sequence[bytes]
    connections: int = CONNECTIONS


@dataclass
class Measured:
    """What the rounds of one endpoint gave."""

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    api_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)


def api(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Each endpoint in turn with 64 connections to one process; then the bounties with crowds."""
    with ExitStack() as stack:
        market = stack.enter_context(opened(home, "api"))
        market.environment |= UNLIMITED
        token = fill(market)
        statements = _statements(market, token)
        market.start(apis=1)
        asked = _endpoints(market, stack.enter_context(_bare(market)).pid, token)
        told = {name: Measured() for name in asked}
        for _ in range(rounds):
            for name, endpoint in asked.items():
                one_round(market, endpoint, seconds, told[name])
        for name, it in told.items():
            many = f", {statements[name]} statements" if name in statements else ""
            say(
                f"{name}: {median(it.rates):,.0f}/s, p50 {median(it.p50) * 1e3:.1f} ms, "
                f"p99 {median(it.p99) * 1e3:.1f} ms, API {median(it.api_us):,.0f} µs, "
                f"PostgreSQL {median(it.postgres_us):,.0f} µs{many}"
            )
        crowds = [it for count in CROWDS for it in _crowd(asked["bounties"], count, say)]
    counted = [only_told(f"{it}_statements", many, "") for it, many in statements.items()]
    return [*_figures(told), *counted, *crowds]


def _figures(told: dict[str, Measured]) -> list[Figure]:
    def rate(name: str) -> float:
        return median(told[name].rates)

    figures = [
        compared("list_vs_bare", rate("algorithms"), rate("bare_list"), "≥ 1.0", "requests/s"),
        compared("healthz_vs_empty", rate("healthz"), rate("bare_empty"), "≥ 0.8", "requests/s"),
        compared(
            "list_public_vs_empty", rate("list_public"), rate("bare_empty"), "≥ 0.8", "requests/s"
        ),
    ]
    goals = {
        "users_me": ("≤ 1200", "≤ 110"),
        "algorithms": ("", ""),
        "list_public": ("", ""),
        "bounties": ("≤ 2500", "≤ 900"),
        "board_20": ("", ""),
        "board_100": ("≤ 1800", ""),
        "sign_in": ("", ""),
    }
    for name, (ours, theirs) in goals.items():
        it = told[name]
        figures += [
            absolute(f"{name}_api_us", median(it.api_us), ours, "µs"),
            absolute(f"{name}_postgres_us", median(it.postgres_us), theirs, "µs"),
            compared(
                f"{name}_api_vs_bare",
                median(it.api_us),
                median(told["bare_list"].api_us),
                VS_BARE.get(name, ""),
                "µs",
            ),
        ]
    lists = told["bounties"]
    spread = compared("p99_vs_p50", median(lists.p99) * 1e3, median(lists.p50) * 1e3, "≤ 3", "ms")
    return [*figures, spread]


def one_round(market: Market, asked: Endpoint, seconds: float, into: Measured) -> None:
    """Ask for some seconds, after half a second of warming up."""

    def taken() -> tuple[float, float]:
        return processor.of_trees([asked.pid]), market.postgres_seconds()

    with Engine([("127.0.0.1", asked.port)], connections=asked.connections) as engine:
        engine.run(forever(asked), at_once=asked.connections, seconds=0.5)
        before = taken()
        run = engine.run(forever(asked), at_once=asked.connections, seconds=seconds)
        after = taken()
    figures = run.verbs["ask"]
    if figures.refused:
        raise RuntimeError(f"{dict(figures.statuses)} to {asked.requests[0][:60]!r}")
    p50, p99 = figures.quantiles(0.5, 0.99)
    into.rates.append(figures.succeeded / run.wall_seconds)
    into.p50.append(p50)
    into.p99.append(p99)
    into.api_us.append((after[0] - before[0]) * 1e6 / figures.succeeded)
    into.postgres_us.append((after[1] - before[1]) * 1e6 / figures.succeeded)


def _crowd(asked: Endpoint, count: int, say: Say) -> list[Figure]:
    """Let so many connections ask at once, and count who is answered well, and how late."""
    with Engine([("127.0.0.1", asked.port)], connections=count) as engine:
        run: Run = engine.run(forever(asked), at_once=count, seconds=CROWD_SECONDS)
    figures = run.verbs["ask"]
    share = figures.succeeded / max(1, figures.statuses.total())
    (worst,) = figures.quantiles(1.0)
    say(f"{count} connections: {dict(figures.statuses)}, worst {worst:.1f} s")
    goal = "≥ 1.0" if count == min(CROWDS) else ""
    return [
        absolute(f"answered_of_{count}", share, goal, ""),
        absolute(f"worst_seconds_of_{count}", worst, "≤ 10", "s"),
    ]


def forever(asked: Endpoint) -> Iterator[Script]:
    def script(request: bytes) -> Script:
        answer = yield "ask", request
        if answer.status == 0 or answer.status >= 400:
            yield 0.2  # As a client that is refused does.

    return map(script, itertools.cycle(asked.requests))


def _requests(token: str) -> dict[str, Sequence[bytes]]:
    """What is asked of each endpoint of ours, by its name."""
    board = f"/v1/bounties/{boards.BOUNTY}/leaderboard?limit="
    return {
        "healthz": [get("/healthz")],
        "users_me": [get("/v1/users/me", f"Authorization: Bearer {token}\r\n")],
        "algorithms": [get("/v1/algorithms", FRESH)],
        "list_public": [get("/v1/algorithms")],
        "bounties": [get("/v1/bounties")],
        "board_20": [get(f"{board}20")],
        "board_100": [get(f"{board}100")],
        "sign_in": [sign_in(f"entrant-{it}@example.org") for it in range(ENTRANTS)],
    }


def _endpoints(market: Market, bare_pid: int, token: str) -> dict[str, Endpoint]:
    def bare(path: str) -> Endpoint:
        return Endpoint(bare_pid, market.port + 1, [get(path)])

    ours = {
        name: Endpoint(
            market.apis[0].pid,
            market.port,
            requests,
            SIGNING_IN if name == "sign_in" else CONNECTIONS,
        )
        for name, requests in _requests(token).items()
    }
    return {"bare_empty": bare("/empty"), "bare_list": bare("/list"), **ours}


def get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()


def sign_in(email: str) -> bytes:
    body = f'{{"email": "{email}", "password": "{PASSWORD}"}}'
    return (
        "POST /v1/users/authenticate HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def fill(market: Market) -> str:
    """Make somebody with a token, and rows as the use cases leave them. Return the token."""
    market.start(apis=1)
    with httpx2.Client(base_url=f"http://127.0.0.1:{market.port}", trust_env=False) as client:
        body = {"email": EMAIL, "password": PASSWORD}
        client.post("/v1/users", json=body).raise_for_status()
        opened = client.post("/v1/users/authenticate", json=body)
        opened.raise_for_status()
    market.stop()
    with psycopg.connect(market.url) as connection:
        connection.execute(boards.ROWS.format(entrants=ENTRANTS, bounty=boards.BOUNTY, each=1))
        connection.execute(_ROWS.format(email=EMAIL))
    vacuum(market)
    return str(opened.json()["access_token"])


def _statements(market: Market, token: str) -> dict[str, int]:
    """Count what each endpoint asks of PostgreSQL, BEGIN and COMMIT too, out of PostgreSQL's log.

    Each is asked by itself, so that pings of connections that rested are none of it.
    """
    database = "dml_benchmark_api"
    site = places.find(market.home)
    assert site is not None
    postgres.run_sql(market.home, f"ALTER DATABASE {database} SET log_statement = 'all'")
    market.start(apis=1)
    counted = {}
    log = site.place / "postgres.log"
    with Engine([("127.0.0.1", market.port)], connections=1) as engine:
        for name, requests in _requests(token).items():
            asked = Endpoint(0, market.port, requests)
            engine.run(itertools.islice(forever(asked), 2), at_once=1)  # What is prepared once.
            before = len(log.read_text(errors="replace"))
            engine.run(itertools.islice(forever(asked), ASKED), at_once=1)
            with log.open("rb") as lines:
                lines.seek(before)
                logged = len(
                    re.findall(rb"%b LOG:  (?:execute|statement)" % database.encode(), lines.read())
                )
            counted[name] = round(logged / ASKED)
    postgres.run_sql(market.home, f"ALTER DATABASE {database} RESET log_statement")
    market.stop()
    return counted


@contextmanager
def _bare(market: Market) -> Iterator[subprocess.Popen[bytes]]:
    port = market.port + 1
    environment = os.environ | {"DML_DATABASE_URL": market.url, "DML_PORT": str(port)}
    with open(market.home / "bare.log", "ab") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.bare"), env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(f"http://127.0.0.1:{port}/list", trust_env=False).raise_for_status()
                break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(30)
