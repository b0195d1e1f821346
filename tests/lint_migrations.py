"""squawk over the SQL of migrations: what would hold a large table for long. In `make check`.

    python -m tests.lint_migrations

An exception is a line below, with its reason. Without network and database: a second.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dml.entrypoints.upgrade import migrations

# Those up to here came before anybody had rows in any table.
SINCE: Final = "0045"
# Rules that ask for what is so anyway, or for a taste of columns.
EXCLUDED: Final[Mapping[str, str]] = {
    "require-statement-timeout": "`dml migrate` sets it for all of them, and for locks, too.",
    "prefer-text-field": "An enum is as wide as its longest word, and has no CHECK beside it.",
    "prefer-bigint-over-int": "A count of seconds or bytes of one thing never comes near the end.",
    "prefer-bigint-over-smallint": "The same.",
}
# By revision, rules that do not count there, each with its reason.
EXCEPTIONS: Final[Mapping[str, Mapping[str, str]]] = {}


def main() -> int:
    """Return 0 where squawk has nothing against any."""
    with tempfile.TemporaryDirectory() as folder:
        written = [_write(it, Path(folder)) for it in migrations.after(SINCE)]
        return max((check(it) for it in written), default=0)


def _write(migration: migrations.Migration, folder: Path) -> Path:
    if migration.sql is None:
        sys.exit(f"{migration.revision}: its SQL depends on what it finds, so nobody can check it")
    file = folder / f"{migration.revision}.sql"
    file.write_text(migration.sql)
    return file


def check(file: Path) -> int:
    """Have squawk read a file, and return its exit code."""
    left_out = [*EXCLUDED, *EXCEPTIONS.get(file.stem, ())]
    command = [str(Path(sys.executable).with_name("squawk")), "--pg-version=18"]
    command += ["--assume-in-transaction", *(f"--exclude={it}" for it in left_out), str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(ended.stdout + ended.stderr, file=sys.stderr)  # noqa: T201 - a tool of developers
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
