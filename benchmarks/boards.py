"""The leaderboard of a bounty that ten thousand entered, with few submissions and many."""

import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID

import httpx2
import psycopg

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared
from benchmarks.market import Market, opened, vacuum

ENTRANTS: Final = 10_000
MANY: Final = 100  # Submissions of each entrant.
PAGE: Final = 100
WARM: Final = 50
BOUNTY: Final = UUID("01987c1e-0000-7000-8000-00000000b0b0")

# Rows as the use cases leave them: to submit a million files would take a day.
ROWS: Final = """
    INSERT INTO users (id, email, password_hash, role, created_at, revision, permitted_kinds)
    SELECT gen_random_uuid(), 'entrant-' || n || '@example.org', '', 'member', now(), 1, '{{}}'
    FROM generate_series(0, {entrants}) n;
    INSERT INTO bounties (id, owner_id, state, name, organisation, subtitle, description, data,
        evaluation, rules, tags, judging, metric, ties, prizes, prize_pool, enrollment_fee,
        team_size_max, submissions_a_day, submissions_at_once, submissions_in_all, enrolls_at,
        submits_at, closes_at, judged_by, dispute_seconds, created_at, funded_at, revision, alarms,
        entrants, second_chance, order_changes)
    SELECT '{bounty}', id, 'submitting', 'A contest', '', '', '', '', '', '', '{{}}', 'metric',
        'roc_auc.v1', 'share', '{{1000000}}', 1000000, 0, 1, 5, 3, 100, now() - interval '2 days',
        now() - interval '1 day', now() + interval '1 day', now() + interval '3 days', 0, now(),
        now(), 1, 0, {entrants}, false, 0
    FROM users WHERE email = 'entrant-0@example.org';
    INSERT INTO enrollments (id, bounty_id, captain_id, number, name, state, fee, rules_sha256,
        created_at, submissions, best_score, best_key, best_at)
    SELECT gen_random_uuid(), '{bounty}', u.id, n, 'Entrant ' || n, 'enrolled', 0, '', now(),
        {each}, score, -score, now() - n * interval '1 second'
    FROM (SELECT n, round((0.5 + random() / 2)::numeric, 5)::float8 AS score
          FROM generate_series(1, {entrants}) n) s
    JOIN users u ON u.email = 'entrant-' || n || '@example.org';
    INSERT INTO submissions (id, bounty_id, enrollment_id, submitter_id, state, kind, name, dry_run,
        sha256, size, created_at, ended_at, attempts, failed_nodes, refusals, metric, improved,
        shown_score, commitment)
    SELECT gen_random_uuid(), '{bounty}', e.id, e.captain_id, 'scored', 'csv', 'entry', false, '',
        1000, now(), now(), 1, '{{}}', '[]', 'roc_auc.v1', k = 1, e.best_score,
        encode(sha256(e.id::text::bytea), 'hex')
    FROM enrollments e, generate_series(1, {each}) k;
    UPDATE enrollments e SET best_submission_id = s.id
    FROM submissions s WHERE s.enrollment_id = e.id AND s.improved;
"""


def board(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """A page of a hundred rows, from the top and from the middle, over HTTP."""
    with ExitStack() as stack:
        sides = []
        for each in (1, MANY):
            market = stack.enter_context(opened(home, f"board_{each}"))
            _fill(market, each)
            market.start(apis=1)
            sides.append(market)
        told: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for market, times in zip(sides, told, strict=True):
                times += _read(market, seconds)
    few, many = ([it * 1e3 for it in times] for times in told)
    p99 = quantiles(many, n=100)[98]
    say(f"board: medians {median(few):.1f} and {median(many):.1f} ms, p99 {p99:.1f} ms")
    return [
        absolute("board_p99_ms", p99, "≤ 50", "ms"),
        compared("flat_board", median(many), median(few), "≤ 1.25", "ms"),
    ]


def _fill(market: Market, each: int) -> None:
    with psycopg.connect(market.url) as connection:
        connection.execute(ROWS.format(entrants=ENTRANTS, bounty=BOUNTY, each=each))
    vacuum(market)


def _read(market: Market, seconds: float) -> list[float]:
    """Read pages one after the other. Return the seconds of each."""
    times: list[float] = []
    path, query = f"/v1/bounties/{BOUNTY}/leaderboard", f"limit={PAGE}"
    with httpx2.Client(base_url=f"http://127.0.0.1:{market.port}") as client:
        end = time.monotonic() + seconds
        cursor = ""
        while time.monotonic() < end:
            began = time.perf_counter()
            answer = client.get(f"{path}?{query}{cursor}")
            times.append(time.perf_counter() - began)
            answer.raise_for_status()
            page = answer.json()
            assert len(page["items"]) == PAGE
            following = page["next_cursor"]
            cursor = f"&cursor={following}" if following else ""
    return times[WARM:]
