"""`dml model`: how an offer of yours stands: announced, suspended, withdrawn; and appeals."""

from typing import Annotated

import typer

from dml.refused import Refused
from dml.tool import common
from dml.tool.common import AsJson, Server, for_organisation, show_item, show_list, signed_in
from dml.tool.model import FIELDS, VERSION_FIELDS, Named, model, path_of

__all__ = ["model"]
Why = Annotated[str, typer.Option("--reason", help="Why; it is in the algorithm's timeline.")]


@model.command("delete")
@for_organisation
def delete(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Delete a draft of yours, with its versions and their files."""
    with signed_in(server) as market:
        market.ask("DELETE", path_of(market, named))
    if as_json:
        common.show_json({"deleted": True})
    else:
        common.console().print("Deleted.")


@model.command("withdraw")
@for_organisation
def withdraw(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Take the newest version of an algorithm of yours back from review."""
    with signed_in(server) as market:
        path = path_of(market, named)
        newest = next(iter(market.all_of(f"{path}/versions")), None)
        if newest is None:
            raise Refused("it has no version yet: `dml model publish`")
        withdrawn = market.ask("POST", f"{path}/versions/{newest['id']}/withdraw")
    show_item(withdrawn, VERSION_FIELDS, as_json=as_json)


@model.command("suspend")
@for_organisation
def suspend(named: Named, reason: Why, server: Server = None, as_json: AsJson = False) -> None:
    """Take an algorithm of yours off the list for now; `dml model resume` lists it again."""
    with signed_in(server) as market:
        suspended = market.ask("POST", f"{path_of(market, named)}/suspend", json={"reason": reason})
    show_item(suspended, FIELDS, as_json=as_json)


@model.command("resume")
@for_organisation
def resume(named: Named, reason: Why, server: Server = None, as_json: AsJson = False) -> None:
    """List an algorithm of yours again that you suspended."""
    with signed_in(server) as market:
        resumed = market.ask("POST", f"{path_of(market, named)}/resume", json={"reason": reason})
    show_item(resumed, FIELDS, as_json=as_json)


@model.command("announce")
@for_organisation
def announce(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show everybody that a draft of yours is coming. Nobody can order it yet."""
    with signed_in(server) as market:
        announced = market.ask("POST", f"{path_of(market, named)}/announce")
    show_item(announced, FIELDS, as_json=as_json)


@model.command("unannounce")
@for_organisation
def unannounce(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Take an announcement back: it is a draft again."""
    with signed_in(server) as market:
        draft = market.ask("POST", f"{path_of(market, named)}/withdraw")
    show_item(draft, FIELDS, as_json=as_json)


@model.command("appeal")
@for_organisation
def appeal(
    named: Named,
    text: Annotated[str, typer.Option(help="Why the decision is wrong; moderators read it.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Appeal against a suspension, or against the rejection or recall of the newest version.

    Once for each decision. Another moderator looks at it: see `dml model appeals`.
    """
    from dml.tool import appealing

    with signed_in(server) as market:
        made = appealing.appeal(market, path_of(market, named), text)
    show_item(made, appealing.FIELDS, as_json=as_json)


@model.command("appeals")
@for_organisation
def list_appeals(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """List what you appealed against, newest first, and what came of it."""
    from dml.tool import appealing

    with signed_in(server) as market:
        listed = market.all_of(f"{path_of(market, named)}/appeals")
        show_list(listed, appealing.COLUMNS, as_json=as_json)
