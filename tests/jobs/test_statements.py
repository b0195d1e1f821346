"""The hot statements reach their tables by an index, even where they are planned too early."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dml.core import db
from dml.devices import queries as device_queries
from dml.jobs.device_path import lookups, statements

HOT = {
    "claim": statements._CLAIM,
    "accept": statements._ACCEPT,
    "heartbeat": statements._HEARTBEAT,
    "release": statements._RELEASE,
    "profiles": device_queries._PROFILES,
    "facts": lookups._FACTS,
    "offers": lookups._OFFERS,
    "jobs of": lookups._JOBS_OF,
}


def nodes(plan: Any) -> Iterator[Any]:
    """Every node of a plan that reads."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("name", HOT)
def test_a_plan_that_was_made_of_empty_tables_reads_none_of_them_whole(
    new_database: str, name: str
) -> None:
    """It is kept for as long as its connection: with a million rows it would read them all."""
    settings = " ".join(f"-c {key}={value}" for key, value in db._HOT.items())
    with psycopg.connect(new_database, options=settings) as connection:
        told = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {HOT[name]}").fetchone()
    assert told is not None
    reads = [
        node
        for node in nodes(told[0][0]["Plan"])
        if node["Node Type"].endswith("Scan") and "Relation Name" in node
    ]
    assert reads
    for node in reads:
        where = node["Relation Name"], node["Node Type"], node.get("Index Name")
        assert "Index Cond" in node or "TID Cond" in node, where
