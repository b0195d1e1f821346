"""Lists and searches of a hundred thousand algorithms, and of twenty."""

import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import httpx2
import psycopg

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared, only_told
from benchmarks.market import Market, opened, vacuum
from benchmarks.ordinary import FRESH, Endpoint, Measured, get, one_round

MANY: Final = 100_000
FEW: Final = 20
WARM: Final = 10  # More than PostgreSQL plans a statement for its values.
# Rows as the use cases leave them. Each card has "classifier", one title in twenty "segmentation",
# one in a thousand "lesion"; and there are more words than people know.
_ROWS: Final = """
    INSERT INTO users (id, email, password_hash, role, created_at, revision, permitted_kinds,
        first_name)
    SELECT gen_random_uuid(), 'developer-' || n || '@example.org', '', 'member', now(), 1, '{}',
        'Developer ' || n FROM generate_series(0, 999) n;
    CREATE TEMPORARY TABLE developers AS SELECT id, row_number() OVER () - 1 AS number
    FROM users;
    INSERT INTO algorithms (id, developer_id, title, summary, model_card, kind, tags, data_kind,
        device_fee, labels, state, created_at, updated_at, runs,
        rating_count, rating_sum)
    SELECT uuidv7(), d.id, 'Photo ' || CASE WHEN n % 20 = 0 THEN 'segmentation ' ELSE '' END
            || CASE WHEN n % 1000 = 0 THEN 'lesion ' ELSE '' END
            || translate(md5((n / 3)::text), '0123456789', 'ghijklmnop'),
        'Tells ' || translate(md5((n % 5000)::text), '0123456789', 'ghijklmnop') || ' apart.',
        'A classifier. ' || (SELECT string_agg(translate(md5((n % 997 * k)::text), '0123456789',
            'ghijklmnop'), ' ') FROM generate_series(1, 60) k), 'image',
        ARRAY['photo', 'tag' || n % 50, 'rare' || n % 20000], 'photo', n % 1000 * 1000, '{a,b}',
        'listed', now() - n * interval '1 minute', now(), (random() ^ 8 * 1000000)::bigint,
        n % 50, n % 50 * (1 + n % 5)
    FROM generate_series(1, %s) n JOIN developers d ON d.number = n % 1000;
    INSERT INTO algorithm_words SELECT DISTINCT word
    FROM algorithms, spelt_words(title, tags, summary) word
"""
# What is asked, by the name of its figure.
ASKED: Final = {
    "newest": "?sort=-created_at",
    "most_run": "?sort=-runs",
    "best_rated": "?sort=-weighted_rating",
    "cheapest_above": "?sort=device_fee&fee_min=0.5",
    "common_tag": "?tag=photo&sort=-runs",
    "some_tag": "?tag=tag7&sort=device_fee",
    "rare_tag": "?tag=rare7&sort=-runs",
    "search_all": "/search?q=classifier",
    "search_title": "/search?q=photo",
    "search_some": "/search?q=segmentation",
    "search_rare": "/search?q=lesion+photo",
    "search_cheapest": "/search?q=classifier&sort=device_fee",
    "search_well_rated": "/search?q=photo&rating_min=4",
    "search_misspelt": "/search?q=segmntation",
    "facets": "/facets",
    "facets_of_all": "/facets?q=classifier",
}
COMPARED: Final = ("newest", "search_some")


def search(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Each request by itself for its time; then a list and a search with many at once."""
    with ExitStack() as stack:
        few, many = (
            _started(stack.enter_context(opened(home, f"search_{rows}")), rows)
            for rows in (FEW, MANY)
        )
        times = {name: list[float]() for name in ASKED}
        rates = {name: (Measured(), Measured()) for name in COMPARED}
        repeated = {name: Measured() for name in COMPARED}
        for _ in range(rounds):
            for name, path in ASKED.items():
                times[name] += _read(many, path, seconds / len(ASKED))
            for name, sides in rates.items():
                for market, told in zip((few, many), sides, strict=True):
                    one_round(market, _asked(market, name, FRESH), seconds / 4, told)
            for name, told in repeated.items():
                one_round(many, _asked(many, name), seconds / 4, told)
    figures = []
    for name, its in times.items():
        p99 = quantiles(its, n=100)[98] * 1e3
        say(f"{name}: {len(its)}, median {median(its) * 1e3:.1f} ms, p99 {p99:.1f} ms")
        figures.append(absolute(f"{name}_p99_ms", p99, "≤ 50", "ms"))
    for name, (little, much) in rates.items():
        sides_of = median(much.rates), median(little.rates)
        figures += [
            compared(f"flat_{name}", *sides_of, "≥ 0.5", "requests/s"),
            only_told(f"{name}_postgres_us", median(much.postgres_us), "µs"),
            # The same question again and again, which is read once a second (decision 70).
            only_told(f"repeated_{name}", median(repeated[name].rates), "requests/s"),
        ]
    return figures


def _asked(market: Market, name: str, more: str = "") -> Endpoint:
    asked = [get(f"/v1/algorithms{ASKED[name]}", more)]
    return Endpoint(market.apis[0].pid, market.port, asked, connections=8)


def _started(market: Market, rows: int) -> Market:
    with psycopg.connect(market.url) as connection:
        for statement in _ROWS.split(";"):
            connection.execute(statement.replace("%s", str(rows)))
    vacuum(market)
    market.start(apis=1)
    return market


def _read(market: Market, path: str, seconds: float) -> list[float]:
    times: list[float] = []
    url = f"http://127.0.0.1:{market.port}/v1/algorithms{path}"
    with httpx2.Client(trust_env=False, headers={"Cache-Control": "no-cache"}) as client:
        for _ in range(WARM):
            answer = client.get(url)
            answer.raise_for_status()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(times) < WARM:
            began = time.perf_counter()
            client.get(url)
            times.append(time.perf_counter() - began)
    return times
