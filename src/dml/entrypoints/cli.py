"""`dml`: one command for everything. Each subcommand imports what it needs when it is called, so
that none pays for another: the one exception to "no import inside a function".
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="DML Marketplace: machine learning that runs where the data is.",
)
admin = typer.Typer(no_args_is_help=True, help="What only an operator at the machine may do.")
app.add_typer(admin, name="admin")


@app.command()
def up() -> None:
    """Start the whole marketplace and watch over it: PostgreSQL, Valkey, API, worker.

    Keeps everything in `DML_HOME` (`.dml`). What runs already is adopted, what dies comes back,
    Ctrl-C stops all of it. With `DML_DATABASE_URL` and `DML_REDIS_URL` set, those are used.
    """
    from dml.core.settings import Settings
    from dml.entrypoints.up import run

    raise typer.Exit(run(Settings()))


@app.command()
def server() -> None:
    """Serve the API alone. `dml up` does this by itself."""
    from dml.core.settings import Settings
    from dml.entrypoints.server import run

    run(Settings())


@app.command()
def worker() -> None:
    """Run durable processes, folding and sweeping alone. `dml up` does this by itself."""
    from dml.core.settings import Settings
    from dml.entrypoints.worker import run

    raise typer.Exit(run(Settings()))


@app.command()
def migrate() -> None:
    """Bring the database up to date. Doing so again changes nothing."""
    from dml.core.settings import Settings
    from dml.entrypoints import migrate as migrating
    from dml.entrypoints import wiring

    migrating.migrate(wiring.database_url(Settings()))


@app.command()
def settings() -> None:
    """Show every setting: its variable, its value here (no secrets), and what it means."""
    from rich.console import Console
    from rich.table import Table

    from dml.core.settings import Settings

    here = Settings()
    table = Table("variable", "value", "meaning", show_lines=True)
    for name, field in Settings.model_fields.items():
        value = getattr(here, name)
        table.add_row(f"DML_{name.upper()}", str(value), field.description)
    Console().print(table)


@app.command()
def openapi(
    write: Annotated[Path | None, typer.Option(help="Write the description here.")] = None,
    check: Annotated[Path | None, typer.Option(help="Fail if this file is not current.")] = None,
) -> None:
    """Print, write or check the OpenAPI description."""
    from dml.entrypoints.describe import openapi_json

    text = openapi_json()
    if write is not None:
        write.write_text(text)
    elif check is None:
        typer.echo(text)
    elif not check.exists() or check.read_text() != text:
        typer.echo(f"{check} is not what the code says: run `make openapi`.", err=True)
        raise typer.Exit(1)


@admin.command("ensure-first")
def ensure_first() -> None:
    """Make the first admin, where there is none, and print its random password, once."""
    from dml.core.settings import Settings
    from dml.entrypoints.admin import ensure_first_admin

    typer.echo(ensure_first_admin(Settings()), nl=False)


@admin.command("reset-password")
def reset_password(
    email: Annotated[
        str, typer.Argument(help="Whose password; the first admin's by default.")
    ] = "admin@localhost.localdomain",
) -> None:
    """Give an account a new random password, and print it."""
    from dml.core.settings import Settings
    from dml.entrypoints.admin import reset

    typer.echo(reset(Settings(), email), nl=False)


def main() -> None:
    """Run a command; a missing setting is one line and not a stack trace."""
    from dml.entrypoints.embedded.refusals import Refused

    try:
        app()
    except Refused as refusal:
        typer.echo(f"dml: {refusal}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
