"""`dml webhook`: have a URL of yours called with what happens."""

from collections.abc import Generator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, Yes, show_item, show_json, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

webhook = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Webhooks: have a URL of yours called with what happens, signed as Standard Webhooks "
    "says.\n\n`dml listen` brings the same calls to a server on this machine, while you write it.",
)
PATH: Final = "/v1/webhooks"
Which = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="Its id, the end of its id, or its URL.")
]
Types = Annotated[
    str | None,
    typer.Option(
        help="Only these, such as job.completed or job.*,bounty.ranked; '' for all.",
    ),
]
FIELDS = (
    ("webhook", "id"),
    ("URL", "url"),
    ("types", "types"),
    ("state", "state"),
    ("since", "created_at"),
    ("the secret before signs until", "previous_secret_until"),
    ("secret, shown this once", "secret"),
)
DELIVERY = (
    ("written", "created_at"),
    ("type", "type"),
    ("state", "state"),
    ("status", "status"),
    ("ms", "latency_ms"),
    ("tries", "attempts"),
    ("error", "error"),
    ("id", "id"),
)


@webhook.command("create")
def create(
    url: Annotated[str, typer.Argument(help="What to call by POST: https, on the internet.")],
    server: Server = None,
    types: Types = None,
    as_json: AsJson = False,
) -> None:
    """Have a URL called with what happens from now on. Shows its secret, this once.

    Verify each call with it; any library of Standard Webhooks does. Answer with 2xx within 10
    seconds, or the call is tried again, for three days.
    """
    with signed_in(server) as market:
        made = market.ask("POST", PATH, json={"url": url, "types": _read(types)})
    show_item(made, FIELDS, as_json=as_json)


@webhook.command("list")
def list_webhooks(server: Server = None, as_json: AsJson = False) -> None:
    """List your webhooks, oldest first."""
    columns = (("webhook", "id"), ("URL", "url"), ("types", "types"), ("state", "state"))
    with signed_in(server) as market:
        show_list(_mine(market), columns, as_json=as_json)


@webhook.command("show")
def show(which: Which, server: Server = None, as_json: AsJson = False) -> None:
    """Show a webhook, without its secret."""
    with signed_in(server) as market:
        show_item(market.ask("GET", _path(market, which)), FIELDS, as_json=as_json)


@webhook.command("update")
def update(
    which: Which,
    server: Server = None,
    url: Annotated[str | None, typer.Option(help="What to call from now on.")] = None,
    types: Types = None,
    paused: Annotated[
        bool | None,
        typer.Option(
            "--pause/--resume",
            help="Have events wait; or send them again, also where it was disabled.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a webhook. What you leave out stays as it is."""
    body: dict[str, Any] = {} if url is None else {"url": url}
    body |= {} if types is None else {"types": _read(types)}
    body |= {} if paused is None else {"paused": paused}
    if not body:
        raise typer.BadParameter("say what to change: see --help")
    with signed_in(server) as market:
        changed = market.ask("PATCH", _path(market, which), json=body)
    show_item(changed, FIELDS, as_json=as_json)


@webhook.command("rotate")
def rotate(which: Which, server: Server = None, as_json: AsJson = False) -> None:
    """Give a webhook a new secret, shown this once. The old one signs, too, for another day."""
    with signed_in(server) as market:
        changed = market.ask("POST", f"{_path(market, which)}/rotate-secret")
    show_item(changed, FIELDS, as_json=as_json)


@webhook.command("delete")
def delete(which: Which, server: Server = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a webhook: its URL is called no more."""
    with signed_in(server) as market:
        found = market.ask("GET", _path(market, which))
        common.confirm(f"Delete the webhook of {common.cell(found['url'])}?", yes=yes)
        market.ask("DELETE", common.path_of("webhooks", found["id"]))
    if as_json:
        show_json({"id": found["id"], "url": found["url"]})


@webhook.command("test")
def send_test(which: Which, server: Server = None, as_json: AsJson = False) -> None:
    """Send a test event to a webhook. `dml webhook deliveries` shows what came of it."""
    with signed_in(server) as market:
        found = market.ask("GET", _path(market, which))
        market.ask("POST", f"{common.path_of('webhooks', found['id'])}/test")
    if as_json:
        show_json({"id": found["id"], "url": found["url"]})
    else:
        short = common.short(found["id"])
        common.console(to_stderr=True).print(f"Sent. See: dml webhook deliveries {short} --rows 1")


@webhook.command("deliveries")
def deliveries(
    which: Which,
    server: Server = None,
    state: Annotated[
        str | None, typer.Option(help="Only those that are waiting, delivered or failed.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many of them.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was sent to a webhook, and what waits: newest first, with how it went.

    With --json also the first kilobyte of each answer.
    """
    asked = {} if state is None else {"state": state}
    with signed_in(server) as market:
        sent = market.all_of(f"{_path(market, which)}/deliveries", **asked)
        show_list(islice(sent, rows), DELIVERY, as_json=as_json)


@webhook.command("replay")
def replay(
    which: Which,
    server: Server = None,
    delivery: Annotated[
        str | None, typer.Option(help="The event of this delivery: its id, or the end of it.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Or all events after the one of this id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Or all since a time: -2h, -30m, or 2027-03-01T12:00:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send events to a webhook once more: one, or all that it takes since then."""
    if [delivery, after, since].count(None) != 2:
        raise typer.BadParameter("name one of --delivery, --after and --since")
    moment = None if since is None else common.moment(since, option="--since")
    written, goes_on = 0, True
    with signed_in(server) as market:
        path = _path(market, which)
        body = {"after": after} if moment is None else {"since": moment}
        if delivery is not None:
            body = {"delivery_id": _delivery(market, path, delivery)}
        while goes_on:
            done = market.ask("POST", f"{path}/replay", json=body)
            written, goes_on = written + done["deliveries"], done["has_more"]
            body = {"after": done["position"]}
    if as_json:
        show_json({"deliveries": written, "position": done["position"]})
    else:
        typer.echo(f"{written} {'delivery' if written == 1 else 'deliveries'} to be sent once more")


def _read(types: str | None) -> list[str]:
    return [it.strip() for it in (types or "").split(",") if it.strip()]


def _mine(market: "Marketplace") -> Generator[dict[str, Any]]:
    """The caller's webhooks: they always fit on one page."""
    yield from market.ask("GET", PATH)["items"]


def _path(market: "Marketplace", typed: str) -> str:
    """Where the webhook is that was typed."""
    found = common.find_id(_mine(market), typed, title="url", what="webhook")
    return common.path_of("webhooks", found)


def _delivery(market: "Marketplace", path: str, typed: str) -> str:
    sent = market.all_of(f"{path}/deliveries")
    return common.find_id(sent, typed, title="type", what="delivery")
