"""`dml moderate`: the queue of models that wait for a moderator."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.refused import Refused
from dml.tool import common
from dml.tool.common import AsJson, Server, show_item, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

moderate = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="For moderators: see which models wait, try one on photos, approve or reject it; hide "
    "ratings.\n\n"
    "A version is named by its id, by the end of its id, or by its algorithm's title.",
)
Named = Annotated[
    str, typer.Argument(metavar="VERSION", help="Its id, the end of it, or its title.")
]
Algorithm = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A listed algorithm: its id, the end of it, its title."),
]
Rating = Annotated[str, typer.Argument(help="Its id, or the end of it (`dml model ratings`).")]
FIELDS = (
    ("algorithm", "algorithm_title"),
    ("version", "number"),
    ("id", "id"),
    ("state", "state"),
    ("developer", "developer_id"),
    ("labels", "labels"),
    ("size", "size"),
    ("sha256", "sha256"),
    ("checked", "checked_at"),
)


@moderate.command("list")
def list_waiting(server: Server = None, as_json: AsJson = False) -> None:
    """List the versions that wait for a review, those that have waited longest first."""
    columns = [("version", "id"), ("title", "algorithm_title"), ("number", "number")]
    columns += [("checked", "checked_at"), ("by", "developer_name"), ("developer", "developer_id")]
    with signed_in(server) as market:
        show_list(market.all_of("/v1/moderation/versions"), columns, as_json=as_json)


@moderate.command("show")
def show(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show a version that waits, with what its model card says."""
    from dml.client.http import one_line

    with signed_in(server) as market:
        version = _find(market, named)
        algorithm = market.ask("GET", common.path_of("algorithms", version["algorithm_id"]))
    show_item(version, FIELDS, as_json=as_json)
    if not as_json:  # What the developer says of it.
        card = "\n".join(map(one_line, str(algorithm["model_card"]).splitlines()))
        common.console().print(f"\n{one_line(str(algorithm['summary']))}\n\n{card}")


@moderate.command("run")
def run(
    named: Named,
    photos: Annotated[list[Path], typer.Argument(help="Photos to run it on.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Run a version on photos of yours, in the sandbox of this machine."""
    from dml.tool import checking

    with signed_in(server) as market:
        version = _find(market, named)
        content = market.bytes_of(f"{_path(version)}/file", limit=checking.MODEL_BYTES_MAX)
    found = checking.run(content, version, photos)
    if as_json:
        common.show_json(checking.labelled(found))
        return
    for file, label, share in found:
        typer.echo(f"{file}  {label}  {share:.1%}")


@moderate.command("approve")
def approve(
    named: Named,
    server: Server = None,
    reason: Annotated[str | None, typer.Option(help="Shown to everybody who sees it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Approve a version: its algorithm is listed, and anybody can order it."""
    _decide(named, server, "approve", {} if reason is None else {"reason": reason}, as_json)


@moderate.command("reject")
def reject(
    named: Named,
    reason: Annotated[str, typer.Option(help="Why, shown to the developer.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Reject a version."""
    _decide(named, server, "reject", {"reason": reason}, as_json)


def _decide(named: str, server: str | None, verb: str, body: dict[str, Any], as_json: bool) -> None:
    with signed_in(server) as market:
        version = _find(market, named)
        told = market.ask("POST", f"{_path(version)}/{verb}", json=body)
    show_item({**version, **told}, FIELDS, as_json=as_json)


def _find(market: "Marketplace", named: str) -> dict[str, Any]:
    waiting = list(market.all_of("/v1/moderation/versions"))
    found = common.find_id(waiting, named, title="algorithm_title", what="version that waits")
    for version in waiting:
        if version["id"] == found:
            return version
    raise Refused(f"no version {found} waits for a review")


def _path(version: dict[str, Any]) -> str:
    return f"{common.path_of('algorithms', version['algorithm_id'])}/versions/{version['id']}"


@moderate.command("hide-rating")
def hide_rating(
    algorithm: Algorithm,
    rating: Rating,
    reason: Annotated[str, typer.Option(help="Why, shown to its author and the developer.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Hide a rating: it is neither shown nor counted any more."""
    _moderate_rating((algorithm, rating), server, "hide", reason, as_json)


@moderate.command("restore-rating")
def restore_rating(
    algorithm: Algorithm,
    rating: Rating,
    reason: Annotated[str, typer.Option(help="Why, shown to its author and the developer.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show and count a rating again that was hidden."""
    _moderate_rating((algorithm, rating), server, "restore", reason, as_json)


def _moderate_rating(
    named: tuple[str, str], server: str | None, verb: str, reason: str, as_json: bool
) -> None:
    from dml.tool import opinions

    with signed_in(server) as market:
        listed = market.all_of("/v1/algorithms")
        found = common.find_id(listed, named[0], title="title", what="listed algorithm")
        hidden = {"hidden": "true"} if verb == "restore" else {}
        path = opinions.rating_path(market, common.path_of("algorithms", found), named[1], **hidden)
        told = market.ask("POST", f"{path}/{verb}", json={"reason": reason})
    show_item(told, opinions.RATING_FIELDS, as_json=as_json)
