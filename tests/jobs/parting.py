"""The device path's tables, parted by job as PostgreSQL itself does it (docs/scaling.md).

A primary or unique key has to hold the key by which its table is parted: where it lacks that, it is
added.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import psycopg

# What is named by an assignment alone knows no job: `results` is parted by that.
KEYS: Final = {
    "assignments": "job_id",
    "results": "assignment_id",
    "job_places": "job_id",
    "job_totals": "job_id",
    "job_counts": "job_id",
}
PARTS: Final = 4
VARIABLE: Final = "TEST_PARTED"  # Set where a test process shall have its tables so.

_KEYS_OF: Final = """
    SELECT contype, (SELECT array_agg(a.attname ORDER BY k.n)
        FROM unnest(conkey) WITH ORDINALITY k (attnum, n)
        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum)
    FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')
"""
_INDEXES_OF: Final = """
    SELECT pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = %s::regclass AND NOT indisunique
"""
_TRIGGERS_OF: Final = """
    SELECT pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal
"""
_OPTIONS_OF: Final = """
    SELECT coalesce(array_to_string(reloptions, ', '), 'fillfactor=100')
    FROM pg_class WHERE oid = %s::regclass
"""


def is_wanted() -> bool:
    return bool(os.environ.get(VARIABLE))


def suffix() -> str:
    """What the name of a template ends with, where its tables are parted: another for each way."""
    text = Path(__file__).read_bytes()
    return f"_parted_{hashlib.sha256(text).hexdigest()[:8]}" if is_wanted() else ""


def part(url: str) -> None:
    """Part the tables of an empty database."""
    with psycopg.connect(url) as connection:
        for table, key in KEYS.items():
            _part(connection, table, key)


def _part(connection: "psycopg.Connection[tuple[object, ...]]", table: str, key: str) -> None:
    def rows(query: str) -> list[tuple[object, ...]]:
        return connection.execute(query.encode(), (table,)).fetchall()

    keys, indexes, ((options,),) = rows(_KEYS_OF), rows(_INDEXES_OF), rows(_OPTIONS_OF)
    triggers = rows(_TRIGGERS_OF)
    script = [
        f"ALTER TABLE {table} RENAME TO {table}_whole",
        f"CREATE TABLE {table} (LIKE {table}_whole INCLUDING ALL EXCLUDING INDEXES)"
        f" PARTITION BY HASH ({key})",
        f"DROP TABLE {table}_whole CASCADE",
    ]
    script += [
        f"CREATE TABLE {table}_part_{number} PARTITION OF {table}"
        f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {number}) WITH ({options})"
        for number in range(PARTS)
    ]
    for kind, columns in keys:
        assert isinstance(columns, list)
        names = ", ".join(dict.fromkeys([*columns, key]))
        script.append(
            f"ALTER TABLE {table} ADD {'PRIMARY KEY' if kind == 'p' else 'UNIQUE'} ({names})"
        )
    script += [str(it) for (it,) in (*indexes, *triggers)]
    for statement in script:
        connection.execute(statement.encode())
