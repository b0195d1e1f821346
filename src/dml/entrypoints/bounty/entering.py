"""What an entrant does: enroll, submit and wait, look at the board."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dml.client.http import one_line
from dml.client.marketplace import Marketplace, bounty_path, readable
from dml.entrypoints.bounty.description import OTHER, media_type
from dml.refused import Refused

LOOK_SECONDS: Final = 0.5
UNDER_WAY: Final = frozenset({"validating", "queued", "evaluating"})


def enroll(market: Marketplace, bounty_id: str, name: str | None) -> Mapping[str, Any]:
    """Enter a bounty alone. Whoever calls has accepted its rules."""
    path = bounty_path(bounty_id)
    body: dict[str, Any] = {"accept_rules": True}
    if name is not None:
        body["name"] = name
    entered: Mapping[str, Any] = market.ask("POST", f"{path}/enrollments", json=body)
    return entered


@dataclass(frozen=True, slots=True)
class Submission:
    """A file to submit, under this name or the file's own. A dry run only checks it."""

    file: Path
    name: str | None
    dry_run: bool


def submit(
    market: Marketplace,
    bounty_id: str,
    sent: Submission,
    *,
    wait_seconds: float,
    console: Console,
) -> Mapping[str, Any]:
    """Submit a file, and wait for its score if asked to. Return the submission as it is then."""
    path = f"{bounty_path(bounty_id)}/submissions"
    query = {
        "name": readable(sent.name or sent.file.name),
        "dry_run": "true" if sent.dry_run else "false",
    }
    made: Mapping[str, Any] = market.upload(
        "POST", path, sent.file, _media_type(sent.file), params=query
    )
    give_up_at = time.monotonic() + wait_seconds
    with console.status("") as line:
        while made["state"] in UNDER_WAY and time.monotonic() < give_up_at:
            position = made.get("position")
            line.update(
                one_line(f"{made['state']} …") + (f" {position} before it" if position else "")
            )
            time.sleep(LOOK_SECONDS)
            made = market.ask("GET", f"{path}/{made['id']}")
    if made["state"] == "failed":
        problems = [one_line(f"{it['code']}: {it['detail']}") for it in made["refusals"]]
        raise Refused("\n     ".join(["the submission failed, and does not count:", *problems]))
    return made


def _media_type(file: Path) -> str:
    """Tell a file's type by its name; a pipe has none that tells, and is taken for CSV."""
    known = media_type(file)
    return "text/csv" if known == OTHER and not file.is_file() else known


def board(bounty: Mapping[str, Any], page: Mapping[str, Any]) -> Table:
    """A page of a bounty's board as a table."""
    final = page["part"] == "final"
    title = one_line(f"{bounty['name']} ({bounty['state']})")
    table = Table(title=title, title_justify="left")
    columns = ["", "entrant", "private score" if final else "score", "submissions"]
    columns += ["tied", "first with", "prize"] if final else []
    for column in columns:
        table.add_column(column, justify="left" if column == "entrant" else "right")
    for it in page["items"]:
        table.add_row(*_cells(it, final=final))
    return table


def _cells(it: Mapping[str, Any], *, final: bool) -> list[str]:
    cells = [_shown(it["rank"]), _shown(it["name"]), _shown(it["score"]), _shown(it["submissions"])]
    if final:
        chance = it["chance_of_first"]
        tied = "" if it["tied_from"] == it["tied_to"] else f"{it['tied_from']}–{it['tied_to']}"
        cells += [tied, "" if chance is None else f"{chance:.0%}", _shown(it["prize"])]
    return cells


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5f}"
    return "" if value is None else one_line(str(value))
