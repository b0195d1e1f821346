"""`dml listen`: what happens, forwarded to a server that you write."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, show_json, signed_in
from dml.tool.events import Types

if TYPE_CHECKING:
    from dml.tool.forwarding import Forwarded, Target


def listen(
    forward: Annotated[
        str, typer.Option(metavar="URL", help="What to call, such as http://127.0.0.1:9000/hook.")
    ],
    server: Server = None,
    types: Types = None,
    secret: Annotated[
        str | None,
        typer.Option(
            help="What to sign with: whsec_ and base64. [default: a new one, shown first]",
            show_default=False,
        ),
    ] = None,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Forward to another machine than this one, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Forward what happens to a local URL, signed like a webhook, until Ctrl-C.

    For whoever writes what webhooks will call: what happens from now on, one event after the other,
    with the same headers and the same body, and without a URL on the internet. Where nobody
    answers, it is tried four times; any answer is shown, and it goes on.
    """
    from dml.client import webhooks
    from dml.tool.following import follow
    from dml.tool.forwarding import Forwarder

    target = _read_target(forward, anywhere=anywhere)
    if secret is not None and not webhooks.is_secret(secret):
        raise typer.BadParameter("write whsec_ and 24 to 64 bytes in base64", param_hint="--secret")
    signing = secret or webhooks.new_secret()
    chosen = {} if types is None else {"types": types}
    forwarder = Forwarder(target, signing)
    with signed_in(server) as market, closing(forwarder):
        if as_json:
            show_json({"forward": forward, "secret": signing})
        else:
            typer.echo(f"{signing}  signs what goes to {common.cell(forward)}")
        with closing(follow(market, chosen, None)) as events:
            for it in events:
                event = it.read()
                _show(event, forwarder.forward(event["id"], it.data), as_json=as_json)


def _read_target(url: str, *, anywhere: bool) -> "Target":
    from dml.tool.forwarding import is_here, read_target

    try:
        target = read_target(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--forward") from None
    if not anywhere and not is_here(target):
        raise typer.BadParameter(
            f"{target.address} may be another machine: add --anywhere if you mean it, or name "
            "127.0.0.1",
            param_hint="--forward",
        )
    return target


def _show(event: dict[str, Any], done: "Forwarded", *, as_json: bool) -> None:
    if as_json:
        told = {name: event[name] for name in ("id", "type", "at", "subject")}
        show_json(
            told
            | {"status": done.status, "latency_ms": done.latency_ms}
            | {"attempts": done.attempts, "error": done.error}
        )
        return
    about = f"{event['subject']['kind']} {common.short(event['subject']['id'])}"
    came = done.error if done.status is None else f"{done.status}  {done.latency_ms} ms"
    tries = "" if done.attempts == 1 else f"tried {done.attempts} times"
    parts = [common.cell(event["at"]), event["type"], about, common.cell(came), tries]
    typer.echo("  ".join(it for it in parts if it))
