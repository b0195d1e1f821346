"""`dml account agreement`: what whoever publishes a model agrees to."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.refused import Refused
from dml.tool.common import (
    AsJson,
    Server,
    cell,
    console,
    perhaps_signed_in,
    show_item,
    show_json,
    signed_in,
)

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

CURRENT: Final = "/v1/developer-agreement"
ACCEPTED: Final = "/v1/users/me/developer-agreements"
FIELDS: Final = (("agreement", "title"), ("version", "version"), ("accepted", "accepted_at"))

agreement = typer.Typer(
    invoke_without_command=True,
    help="The developer agreement: read it, and accept it before you publish a model.",
)


@agreement.callback()
def show(context: typer.Context, server: Server = None, as_json: AsJson = False) -> None:
    """Show the developer agreement as it is now, and whether you accepted it."""
    if context.invoked_subcommand is not None:
        return
    with perhaps_signed_in(server) as market:
        found = market.ask("GET", CURRENT)
    if as_json:
        show_json(found)
        return
    typer.echo(found["text"])
    console(to_stderr=True).print(state_of(found))


@agreement.command("accept")
def accept(
    version: Annotated[
        str | None,
        typer.Argument(help="The version that you read. [default: it is shown, you are asked]"),
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Accept the developer agreement. Scripts name the version that somebody has read."""
    with signed_in(server) as market:
        made = _accepted(market, market.ask("GET", CURRENT), version)
    show_item(made, FIELDS, as_json=as_json)


def state_of(found: dict[str, Any]) -> str:
    """Whether it is accepted, in a few words."""
    if found["accepted_at"] is not None:
        return f"version {found['version']}, accepted {cell(found['accepted_at'])}"
    if not found["is_required"]:
        return f"version {found['version']}, not asked for here"
    return f"version {found['version']}, not accepted: `dml account agreement accept`"


def require_accepted(market: "Marketplace", version: str | None) -> None:
    """Accept what is asked for before a model is published: `version`, or what a person is shown
    and says yes to. Refused where nobody can be asked.
    """
    found = market.ask("GET", CURRENT)
    if found["is_required"] and found["accepted_at"] is None:
        _accepted(market, found, version)


def _accepted(market: "Marketplace", found: dict[str, Any], version: str | None) -> dict[str, Any]:
    if version is None:
        _ask(found)
        version = found["version"]
    made: dict[str, Any] = market.ask("POST", ACCEPTED, json={"version": version})
    return made


def _ask(found: dict[str, Any]) -> None:
    """Show the text, and go on only where whoever reads it agrees."""
    if not sys.stdin.isatty():
        raise Refused(
            "the developer agreement is not accepted yet. Read it (`dml account agreement`), then "
            f"accept it: `dml account agreement accept {found['version']}`, or publish with "
            f"--accept-agreement {found['version']}"
        )
    typer.echo(found["text"], err=True)
    if not typer.confirm(f"Do you accept version {found['version']}?", err=True):
        raise Refused("you have not accepted the developer agreement, so nothing was done")
