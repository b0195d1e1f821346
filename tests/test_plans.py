"""What a burst sends reaches its tables by an index, even where it was planned too early.

A plan is kept until its tables are analysed, a minute into a burst; until then it is what it was
made of. So none may read a table whole, whatever that held (docs/decisions/0027).
"""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy.dialects import registry

from dml.accounts import queries as account_queries
from dml.accounts.admin import queries as admin_queries
from dml.accounts.models import User
from dml.chain.indexer import statements as indexer
from dml.core import db, processes
from dml.devices import queries as device_queries
from dml.jobs.device_path import ended_leases, lookups, statements
from dml.jobs.folding import inbox, service as folding, statements as showing
from dml.payments import queries as payment_queries, statements as ledger

DIALECT: Final = registry.load("postgresql.asyncpg")()
IS_WAITING: Final = str(processes._IS_WAITING).replace(":process_id", "$1")
HOT: Final = {
    "claim": statements._CLAIM,
    "accept": statements._ACCEPT,
    "heartbeat": statements._HEARTBEAT,
    "release": statements._RELEASE,
    "profiles": device_queries._PROFILES,
    "facts": lookups._FACTS,
    "offers": lookups._OFFERS,
    "jobs of": lookups._JOBS_OF,
    "roles": account_queries._ROLES,
}
ORDINARY: Final = {
    "open accounts": ledger._OPEN_ACCOUNTS,
    "move": ledger._MOVE,
    "change balances": ledger._CHANGE_BALANCES,
    "lock accounts": payment_queries._LOCK,
    "causes known": payment_queries._CAUSES_KNOWN,
    "made before": payment_queries._MADE,
    "take": inbox._TAKE,
    "lock totals": showing.LOCK,
    "read jobs to fold": showing.JOBS,
    "add counts": folding._ADD_COUNTS,
    "add totals": folding._ADD_TOTALS,
    "show": showing.SHOW,
    "show elsewhere": showing.SHOW_ELSEWHERE,
    "show other": showing.SHOW_OTHER,
    "forget owners": showing.FORGET_OWNERS,
    "sweep": ended_leases._SWEEP,
    "recall": ended_leases._RECALL,
    "revoke": ended_leases._REVOKE,
    "suspend": ended_leases._SUSPEND,
    "see deposits": indexer._SEE,
    "orphan deposits": indexer._ORPHAN,
    "next deposits": indexer._NEXT,
    "credit deposits": indexer._CREDIT,
    "sums of a vault": indexer._SUMS,
    "sum up": indexer._SUM_UP,
    "is waiting": IS_WAITING,
}
FILL: Final = """
    INSERT INTO users (id, email, password_hash, role, created_at, revision, permitted_kinds,
        first_name)
    SELECT uuidv7(), md5(n::text) || '@example.org', '', 'member', now(), 1, '{}', md5('a' || n)
    FROM generate_series(1, 5000) n;
    INSERT INTO ledger_accounts (code, balance) SELECT 'escrow:' || n, 0
    FROM generate_series(1, 5000) n;
    INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at)
    SELECT uuidv7(), 'deposit', 'test:' || n, 'escrow:' || n, 'escrow:' || n - 1, 1, now()
    FROM generate_series(2, 5000) n;
    VACUUM ANALYZE
"""


def nodes(plan: Any) -> Iterator[Any]:
    """Every node of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture(scope="module")
def empty(make_database: Any) -> str:
    """A database whose tables were found empty."""
    url: str = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return url


@pytest.fixture(scope="module")
def full(make_database: Any) -> str:
    """A database whose ledger was found full."""
    url: str = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in FILL.split(";"):
            connection.execute(statement)
    return url


def reads(url: str, settings: dict[str, str], statement: str) -> list[Any]:
    """The nodes by which a plan that is kept reads tables."""
    options = " ".join(f"-c {key}={value}" for key, value in settings.items())
    with psycopg.connect(url, options=options) as connection:
        told = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement}").fetchone()
    assert told is not None
    return [
        node
        for node in nodes(told[0][0]["Plan"])
        if node["Node Type"].endswith("Scan") and "Relation Name" in node
    ]


def require_an_index(found: list[Any]) -> None:
    assert found
    for node in found:
        where = node["Relation Name"], node["Node Type"], node.get("Index Name")
        assert {"Index Cond", "TID Cond", "Recheck Cond"} & node.keys(), where


@pytest.mark.parametrize("name", HOT)
def test_a_shared_statement_planned_for_empty_tables_reads_none_whole(
    empty: str, name: str
) -> None:
    require_an_index(reads(empty, db._HOT, HOT[name]))


@pytest.mark.parametrize("name", ORDINARY)
def test_a_statement_planned_for_empty_tables_reads_none_whole(empty: str, name: str) -> None:
    require_an_index(reads(empty, db.PATIENCE, ORDINARY[name]))


@pytest.mark.parametrize(
    "name", ["open accounts", "move", "change balances", "lock accounts", "causes known",
             "made before"]
)  # fmt: skip
def test_a_movement_planned_for_a_full_ledger_reads_no_table_whole(full: str, name: str) -> None:
    require_an_index(reads(full, db.PATIENCE, ORDINARY[name]))


@pytest.mark.parametrize(
    ("text", "index"),
    [("lovelace", "users_search_idx"), ("example.org", "users_pkey"), ("x", "users_pkey")],
)
def test_a_text_that_few_users_have_is_found_by_an_index_and_a_common_one_from_the_newest_on(
    full: str, text: str, index: str
) -> None:
    query = admin_queries.matching(text).order_by(User.id.desc()).limit(21)
    statement = query.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    with psycopg.connect(full) as connection:
        told = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
    assert told is not None
    assert index in {it.get("Index Name") for it in nodes(told[0][0]["Plan"])}
