"""The page that tells people what is kept of them: written from what the domains say.

python -m dml.entrypoints.privacy_page docs/privacy.md
"""

import sys
from pathlib import Path
from typing import Final

from dml.core import personal
from dml.core.personal import EMPTY, NONE_OF_THEM, NULL, Columns, Holding
from dml.entrypoints import domains

HEAD: Final = """\
# What is kept of you, and how you get or erase it

Written by `make openapi` from what each domain says in its `personal.py`: edit those. A test fails
where a column of a table is missing here.

- **All of it, in one file**: `dml account export`, or `POST /v1/users/me/exports`. A mail and an
  event tell when the file is ready; it is kept for a week. Left out is only what opens something:
  hashes of passwords, keys, and what is sealed for workers.
- **Erase it**: `dml account erase`, or `POST /v1/users/me/erase` with a proof that it is you. What
  keeps it from being done is named in one answer: tokens in your balance, jobs, bounties or
  withdrawals under way, or that you are the only admin. Then it is done at once and for good: you
  are signed out everywhere, your devices are revoked, your webhooks and wallets go, your
  algorithms are archived, and your address is free again. The event log follows within minutes.
- **What stays** are books, results that were counted, and how bounties ended: others rely on them.
  They hold ids, amounts and times. Your id names nobody any more: what it named is empty. The same
  holds for the files in which the work of ended jobs is archived
  ([decision 54](decisions/0054-what-erasure-leaves.md)). What is on the chain is public, and nobody
  can erase it.
- **Elsewhere**: logs of the server hold ids, and neither addresses nor what was sent, as long as
  the operator keeps them, and backups are as old as the operator keeps them. A durable process
  keeps what it was started with for some days: of a link that was asked for, the address.
"""
_ERASED: Final = {NULL: "emptied", EMPTY: "emptied", NONE_OF_THEM: "emptied"}


def written() -> str:
    """Return the page. The domains were loaded."""
    told = [it for it in reversed(personal.holdings()) if it.whose is not None]
    others = [it for it in reversed(personal.holdings()) if it.whose is None]
    parts = [HEAD, "\n## What is yours\n", *(_section(it) for it in told)]
    parts += ["\n## What holds no personal data of yours\n\n| table | why | holds | kept |\n"]
    parts += ["| --- | --- | --- | --- |\n", *(_line(it) for it in others)]
    return "".join(parts)


def _section(holding: Holding) -> str:
    rows = "".join(
        f"| {_named(it)} | {it.hold}{' In no export.' if it.is_secret else ''} "
        f"| {_erased(holding, it)} |\n"
        for it in holding.columns
    )
    head = "| columns | hold | when you erase your account |\n| --- | --- | --- |\n"
    about = f"{holding.why} Kept {_kept(holding)}."
    return f"\n### `{holding.table}`\n\n{about}\n\n{head}{rows}"


def _line(holding: Holding) -> str:
    holds = " ".join(f"{_named(it)}: {it.hold}" for it in holding.columns)
    return f"| `{holding.table}` | {holding.why} | {holds} | {_kept(holding)} |\n"


def _kept(holding: Holding) -> str:
    if holding.kept.startswith("DML_"):
        return f"as long as the operator says (`{holding.kept}`)"
    return holding.kept


def _named(columns: Columns) -> str:
    return ", ".join(f"`{it}`" for it in columns.names.split())


def _erased(holding: Holding, columns: Columns) -> str:
    if holding.is_deleted:
        return "deleted"
    stays = "stays" if columns.erased is None else _ERASED.get(columns.erased, "replaced")
    if columns.erased is not None and holding.by_process is not None:
        return "emptied where not everybody could read it"
    return stays if holding.deleted_where is None else f"{stays}; some rows are deleted"


if __name__ == "__main__":
    domains.load_processes()
    Path(sys.argv[1]).write_text(written())
