"""Receipts of what left a device, as its owner looks at them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dml.agent import receipts
from dml.agent.home import Home, default_folder
from dml.agent.refusals import Away, CannotRun, Refusal
from dml.refused import Refused
from dml.tool.common import console, show_list

COLUMNS = (
    ("assignment", "assignment"),
    ("job", "job"),
    ("items", "items"),
    ("counted", "counted"),
    ("spent, rho", "spent"),
    ("budget left", "left"),
    ("verified", "verified"),
)


def look(folder: Path | None, *, fetch: bool) -> list[dict[str, Any]]:
    """Return what the receipts of a home say, with the newest of the server if they are fetched."""
    home = Home((folder or default_folder()).expanduser())
    try:
        if fetch:
            receipts.fetch(home)
        return receipts.shown(home)
    except (Away, CannotRun, Refusal) as why:
        raise Refused(str(why)) from None
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from None


def show(found: Sequence[dict[str, Any]]) -> None:
    """Print a line for each, and why one proves nothing."""
    show_list([_row(it) for it in found], COLUMNS, as_json=False)
    for it in found:
        if it["wrong"] is not None:
            line = f"{it['assignment_id']}: {it['wrong']}."
            console(to_stderr=True).print(line, markup=False, soft_wrap=True)


def _row(it: dict[str, Any]) -> dict[str, Any]:
    said, budget = it["receipt"], it["receipt"].get("budget") or {}
    step = said.get("step")
    counted = "not yet" if not said.get("counted") else f"step {step}" if step else "yes"
    return {
        "assignment": it["assignment_id"][-12:],
        "job": it["job"],
        "items": (said.get("left") or {}).get("items"),
        "counted": counted,
        "spent": f"{said.get('spent_rho_billionths', 0) / 1e9:.4f}",
        "left": budget.get("left"),
        "verified": "yes" if it["verified"] else "NO",
    }
