"""A file of predictions, from the answer that took it until its score is on the board.

Over HTTP to an API and a worker, with nothing else under way. The score is seen in the database,
so that no follower's delay is in it.
"""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import numpy as np
import psycopg

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, only_told
from benchmarks.market import Market, opened

FEW: Final = 1_000
MANY: Final = 1_000_000
EACH: Final = {FEW: 11, MANY: 4}  # Submissions of a round; the first is not counted.
LOOK_SECONDS: Final = 0.002
WAIT_SECONDS: Final = 60.0
PASSWORD: Final = "a long enough password"  # Of people of this benchmark alone.


@dataclass
class Bounty:
    """A bounty that takes submissions, and who entered it."""

    path: str
    entrant: dict[str, str]  # The headers of their requests.
    ids: np.ndarray[Any, Any]

    def file(self, seed: int) -> bytes:
        """A CSV of one prediction for each row, in an order of its own."""
        random = np.random.default_rng(seed)
        text = io.StringIO("id,prediction\n")
        text.seek(0, io.SEEK_END)
        for row in random.permutation(self.ids):
            text.write(f"{row},{random.random():.6f}\n")
        return text.getvalue().encode()


def submissions(home: Path, rounds: int, _: float, say: Say) -> list[Figure]:
    """How long until a small file is on the board, and what a large one costs the worker."""
    with opened(home, "submissions") as market:
        market.start(apis=1, workers=1)
        few, _few_cost = _submit(market, FEW, rounds)
        many, cost = _submit(market, MANY, rounds)
    say(f"on the board after {median(few):.0f} ms, a million rows after {median(many):.0f} ms")
    return [
        absolute("submission_to_board_ms", median(few), "≤ 100", "ms"),
        only_told("million_rows_to_board_ms", median(many), "ms"),
        absolute("million_rows_worker_seconds", median(cost), "≤ 0.3", "s"),
    ]


def _submit(market: Market, rows: int, rounds: int) -> tuple[list[float], list[float]]:
    """Submit one file after the other. Return each one's milliseconds and seconds of a worker."""
    waited, costs = list[float](), list[float]()
    url = f"http://127.0.0.1:{market.port}"
    with (
        httpx2.Client(base_url=url, timeout=WAIT_SECONDS) as client,
        psycopg.connect(market.url, autocommit=True) as connection,
    ):
        for number in range(rounds):
            bounty = _make_bounty(client, connection, f"{rows}-{number}", rows)
            for seed in range(EACH[rows]):
                file, before = bounty.file(seed), market.worker_seconds()
                headers = bounty.entrant | {"Content-Type": "text/csv"}
                answer = client.post(f"{bounty.path}/submissions", content=file, headers=headers)
                answered_at = time.perf_counter()
                _until_scored(connection, _read(answer)["id"])
                if seed:  # The first imports, and reads the test set.
                    waited.append((time.perf_counter() - answered_at) * 1e3)
                    costs.append(market.worker_seconds() - before)
    return waited, costs


def _until_scored(connection: "psycopg.Connection[Any]", submission_id: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        query = "SELECT state FROM submissions WHERE id = %s"
        found = connection.execute(query, [submission_id]).fetchone()
        if found == ("scored",):
            return
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"submission {submission_id} was not scored: {found}")


def _make_bounty(
    client: httpx2.Client, connection: "psycopg.Connection[Any]", name: str, rows: int
) -> Bounty:
    """Create one, by its owner, with a test set of so many rows, and have somebody enter it."""
    roles = ("admin", "owner", "entrant")
    admin, owner, entrant = (_somebody(client, f"{it}-{name}") for it in roles)
    made = "UPDATE users SET role = 'admin' WHERE email = %s"
    connection.execute(made, [f"admin-{name}@a.org"])
    me = _read(client.get("/v1/users/me", headers=owner))
    credit = {"user_id": me["id"], "amount": "10", "reason": "to be measured"}
    _read(client.post("/v1/admin/credits", json=credit, headers=admin))
    path = "/v1/bounties/" + _read(client.post("/v1/bounties", json=_plan(), headers=owner))["id"]
    random = np.random.default_rng(rows)
    ids, targets = random.permutation(rows), random.integers(0, 2, rows)
    table = "".join(f"{id_},{target}\n" for id_, target in zip(ids, targets, strict=True))
    _read(
        client.put(
            f"{path}/test-set?id_column=id&target_column=target",
            content=f"id,target\n{table}".encode(),
            headers=owner | {"Content-Type": "text/csv"},
        )
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while _read(client.get(f"{path}/test-set", headers=owner))["state"] != "checked":
        if time.monotonic() > deadline:
            raise RuntimeError("the test set was not checked")
        time.sleep(0.05)
    for verb in ("fund", "open"):
        _read(client.post(f"{path}/{verb}", headers=owner))
    _read(client.post(f"{path}/enrollments", json={"accept_rules": True}, headers=entrant))
    _read(client.post(f"{path}/start", headers=owner))
    return Bounty(path, entrant, ids)


def _plan() -> dict[str, Any]:
    days = {"enrolls_at": 1, "submits_at": 2, "closes_at": 10}
    ahead = {
        name: (datetime.now(UTC) + timedelta(days=it)).isoformat() for name, it in days.items()
    }
    return {
        "name": "A contest",
        "organisation": "A benchmark",
        "description": "How soon is a file on the board?",
        "rules": "One account each.",
        "judging": "metric",
        "metric": "roc_auc.v1",
        "prizes": [{"place": 1, "amount": "1"}],
        "limits": {"per_day": 100, "concurrent": 20, "total": 1_000},
        **ahead,
    }


def _somebody(client: httpx2.Client, name: str) -> dict[str, str]:
    """Register somebody, and return the headers of their requests."""
    login = {"email": f"{name}@a.org", "password": PASSWORD}
    _read(client.post("/v1/users", json=login))
    token = _read(client.post("/v1/users/authenticate", json=login))["access_token"]
    return {"Authorization": f"Bearer {token}"}


def _read(answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise RuntimeError(answer.text)
    return answer.json()
