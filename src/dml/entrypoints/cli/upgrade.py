"""`dml upgrade --plan`: the command, and how a plan is shown to people."""

from typing import TYPE_CHECKING, Annotated

import typer

from dml.refused import ExitCode
from dml.tool.common import AsJson, console, table

if TYPE_CHECKING:
    from dml.entrypoints.upgrade.migrations import Migration
    from dml.entrypoints.upgrade.planning import Plan


def upgrade(
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what changes. Nothing is changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what changes between the database and this release, and what to do in which order.

    Type it with the new release's `dml`, while the old one still runs. It only reads. The exit code
    is 0 if there is nothing to do, 1 if there is, 3 if the database cannot be asked.
    """
    from dml.entrypoints.upgrade import planning

    if not plan:
        raise typer.BadParameter("say --plan: each of its steps is a command of its own")
    made = planning.plan()
    if as_json:
        typer.echo(made.as_json())
    else:
        _show(made)
    raise typer.Exit(ExitCode.NOT_DONE if made.steps else ExitCode.DONE)


def _show(plan: "Plan") -> None:
    out, database = console(), plan.database
    out.print(
        f"This is release {plan.release}, for tables at {plan.revision}; "
        f"the database is {f'at {database.revision}' if database.revision else 'empty'}."
    )
    for (kind, its), count in (database.running or {}).items():
        out.print(f"{count} × {kind} of release {its}.")
    if plan.migrations:
        rows = table("migration", "does", "stage", "holds", title="\nTo come:")
        for it in plan.migrations:
            rows.add_row(it.revision, it.does, it.stage, _holds(it))
        out.print(rows)
    if not plan.steps:
        out.print("There is nothing to do.")
        return
    out.print("\nTo do:")
    for number, step in enumerate(plan.steps, 1):
        out.print(f"{number}. {step.do}\n   {step.why}")


def _holds(migration: "Migration") -> str:
    """Say of each table what waits for it, and for how long."""
    if migration.locks is None:
        return "cannot be told without a database"
    told = [
        f"{it.blocks} of {it.table}" + (" while rows are read" if "rows" in it.hold else "")
        for it in migration.locks
    ]
    return "; ".join(told) or "nothing"
