"""The graph against REST: a page of bounties with their owners, and what a field of it takes."""

import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import httpx2
import psycopg

from benchmarks import ordinary
from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared
from benchmarks.market import opened
from benchmarks.ordinary import Endpoint, Measured

ROWS: Final = 50
# As many fields as a page of bounties shows, which are the most that have values for each.
FIELDS: Final = (
    "id name organisation subtitle state prizePool enrollmentFee createdAt closesAt judging metric "
    "counts { entrants submissions }"
)
OWNER: Final = "id firstName lastName bio country"
NODES: Final = f"{{ nodes {{ {FIELDS} owner {{ {OWNER} }} }} }}"
QUERY: Final = f"query($first: Int!) {{ bounties(first: $first) {NODES} }}"
_OWNERS: Final = """
    UPDATE bounties b SET owner_id = u.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM bounties) i
    JOIN (SELECT id, row_number() OVER (ORDER BY id) n FROM users) u ON u.n = i.n
    WHERE b.id = i.id
"""
_UNLIMITED: Final = {"DML_GRAPH_POINTS_A_MINUTE": str(10**12)}


def graph(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Ask one process for the same page in turns, by REST and by the graph, 64 at once."""
    with ExitStack() as stack:
        market = stack.enter_context(opened(home, "graph"))
        market.environment |= _UNLIMITED
        ordinary.fill(market)
        with psycopg.connect(market.url) as connection:
            connection.execute(_OWNERS)
        market.start(apis=1)
        fields = _fields_of(market.port)
        asked = {
            "rest": Endpoint(market.apis[0].pid, market.port, [_rest()]),
            "graph": Endpoint(market.apis[0].pid, market.port, [_question()]),
        }
        told = {name: Measured() for name in asked}
        for _ in range(rounds):
            for name, endpoint in asked.items():
                ordinary.one_round(market, endpoint, seconds, told[name])
    for name, it in told.items():
        say(
            f"{name}: {median(it.rates):,.0f}/s, p50 {median(it.p50) * 1e3:.1f} ms, API "
            f"{median(it.api_us):,.0f} µs, PostgreSQL {median(it.postgres_us):,.0f} µs"
        )
    rest, ours = told["rest"], told["graph"]
    return [
        compared("graph_vs_rest", median(ours.rates), median(rest.rates), "≥ 0.3", "requests/s"),
        absolute("graph_field_us", median(ours.api_us) / fields, "≤ 8", "µs"),
    ]


def _rest() -> bytes:
    return f"GET /v1/bounties?limit={ROWS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _question() -> bytes:
    body = json.dumps({"query": QUERY, "variables": {"first": ROWS}})
    return (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _fields_of(port: int) -> int:
    """Count the fields of the answer, and have the graph made before it is measured."""
    body = {"query": QUERY, "variables": {"first": ROWS}}
    answer = httpx2.post(f"http://127.0.0.1:{port}/graphql", json=body, timeout=30, trust_env=False)
    data = answer.raise_for_status().json()["data"]
    assert len(data["bounties"]["nodes"]) == ROWS
    return _count(data)


def _count(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count(it) for it in value.values())
    return sum(_count(it) for it in value) if isinstance(value, list) else 0
