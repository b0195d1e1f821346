"""`dml events`: what happened, and what happens now."""

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, show_json, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

PAGE: Final = 100
Types = Annotated[
    str | None, typer.Option(help="Only these, such as job.completed or job.*,bounty.ranked.")
]


@common.for_organisation
def events(
    server: Server = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")
    ] = False,
    after: Annotated[
        str | None,
        typer.Option(
            help="The id of the last event that you know. [default: the oldest that is kept; with "
            "--follow: now]",
            show_default=False,
        ),
    ] = None,
    types: Types = None,
    about: Annotated[str | None, typer.Option(help="Only about this, such as job:ID.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened, oldest first: what concerns you, and what everyone may see.

    With --json, an object a line; `--after` with the last id goes on where you stopped.
    """
    asked = {"types": types, "subject": about}
    chosen = {name: it for name, it in asked.items() if it is not None}
    with signed_in(server) as market:
        told = _followed(market, chosen, after) if follow else _listed(market, chosen, after)
        with closing(told):
            for it in told:
                _show(it, as_json=as_json)


def _listed(
    market: "Marketplace", chosen: dict[str, str], after: str | None
) -> Generator[dict[str, Any]]:
    while True:
        position = {} if after is None else {"after": after}
        asked = {"limit": str(PAGE), **chosen, **position}
        page = market.ask("GET", "/v1/events", params=asked)
        yield from page["items"]
        after = page["position"]
        if not page["has_more"]:
            return


def _followed(
    market: "Marketplace", chosen: dict[str, str], after: str | None
) -> Generator[dict[str, Any]]:
    from dml.tool.following import follow

    for it in follow(market, chosen, after):
        yield it.read()


def _show(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(event)
        return
    about = f"{event['subject']['kind']} {common.short(event['subject']['id'])}"
    parts = [common.cell(event["at"]), event["type"], about, common.cell(event["reason"] or "")]
    typer.echo("  ".join(it for it in parts if it))
