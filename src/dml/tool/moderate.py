"""`dml moderate`: the queue of models that wait for a moderator, and of appeals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.refused import Refused
from dml.tool import common, passports
from dml.tool.common import AsJson, Server, show_item, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

moderate = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="For moderators: see which models wait, try one on photos, approve or reject it; stop one "
    "that does harm; decide about appeals; hide ratings.\n\n"
    "A version is named by its id, by the end of its id, or by its algorithm's title.",
)
appeals = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Appeals of developers against what a moderator decided. Another one decides about them.",
)
moderate.add_typer(appeals, name="appeals")
Code = Annotated[
    str | None,
    typer.Option("--code", help="The code of a ready reason: see `dml moderate reasons`."),
]
Why = Annotated[
    str | None, typer.Option("--reason", help="Why, in your own words; told with the code.")
]
Because = Annotated[str, typer.Option("--reason", help="Why, shown to the developer.")]
Named = Annotated[
    str, typer.Argument(metavar="VERSION", help="Its id, the end of it, or its title.")
]
Algorithm = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its id, the end of it, or its title.")
]
Appeal = Annotated[
    str, typer.Argument(metavar="APPEAL", help="Its id, the end of it, or its algorithm's title.")
]
Rating = Annotated[str, typer.Argument(help="Its id, or the end of it (`dml model ratings`).")]
APPEALS = "/v1/moderation/appeals"
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
    ("waits since", "waiting_since"),
    ("yours to judge", "may_judge"),
    ("refused before", "earlier_refusals"),
)
APPEAL_FIELDS = (
    ("appeal", "id"),
    ("algorithm", "algorithm_title"),
    ("version", "version_number"),
    ("against", "decision"),
    ("decided", "decided_at"),
    ("because", "decided_reason"),
    ("code", "decided_code"),
    ("the developer", "text"),
    ("state", "state"),
    ("resolution", "resolution"),
)


@moderate.command("list")
def list_waiting(
    server: Server = None,
    developer: Annotated[
        str | None, typer.Option(help="Only those of the developer with this id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions that wait for a review, those that have waited longest first."""
    columns = [("version", "id"), ("title", "algorithm_title"), ("number", "number")]
    columns += [("waits since", "waiting_since"), ("yours to judge", "may_judge")]
    columns += [("by", "developer_name"), ("refused before", "earlier_refusals")]
    narrowed = {} if developer is None else {"developer_id": developer}
    with signed_in(server) as market:
        show_list(market.all_of("/v1/moderation/versions", **narrowed), columns, as_json=as_json)


@moderate.command("show")
def show(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show a version that waits: what its model card says, how it answers, and whom it is like.

    It was asked four fixed pictures when it was checked. Where it is the same file as another
    developer's, or answers alike, that is said first.
    """
    from dml.client.http import one_line

    with signed_in(server) as market:
        version = market.ask(
            "GET", common.path_of("moderation/versions", _find(market, named)["id"])
        )
        algorithm = market.ask("GET", common.path_of("algorithms", version["algorithm_id"]))
    if as_json:
        common.show_json(version)
        return
    for it in version["twins"]:
        common.console().print(one_line(_likeness(it)))
    show_item(version, FIELDS, as_json=False)
    if version["passport"] is not None:
        measured = dict(passports.lines(version["passport"]))
        show_item(measured, [(name, name) for name in measured], as_json=False)
    for it in version["samples"]:
        named_labels = ", ".join(f"{x['label']} {x['confidence']:.1%}" for x in it["labels"])
        common.console().print(one_line(f"{it['name']}: {named_labels}"))
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


@moderate.command("reasons")
def reasons(server: Server = None, as_json: AsJson = False) -> None:
    """List the ready reasons, with their codes and for what each is."""
    columns = [("code", "code"), ("for", "decisions"), ("what the developer reads", "text")]
    with common.perhaps_signed_in(server) as market:
        listed = market.ask("GET", "/v1/moderation/reasons")["items"]
    show_list(listed, columns, as_json=as_json)


@moderate.command("approve")
def approve(
    named: Named,
    server: Server = None,
    reason: Why = None,
    code: Code = None,
    as_json: AsJson = False,
) -> None:
    """Approve a version: its algorithm is listed, and anybody can order it."""
    _decide(named, server, "approve", _said(reason, code), as_json)


@moderate.command("reject")
def reject(
    named: Named,
    server: Server = None,
    reason: Why = None,
    code: Code = None,
    as_json: AsJson = False,
) -> None:
    """Reject a version, with a ready reason, your own words, or both."""
    _decide(named, server, "reject", _said(reason, code), as_json)


@moderate.command("recall")
def recall(
    named: Named,
    server: Server = None,
    reason: Why = None,
    code: Code = None,
    as_json: AsJson = False,
) -> None:
    """Recall an approved version: no device gets it any more, and its jobs end with a refund."""
    _decide(named, server, "recall", _said(reason, code), as_json)


@moderate.command("suspend")
def suspend(
    named: Algorithm,
    server: Server = None,
    reason: Why = None,
    code: Code = None,
    as_json: AsJson = False,
) -> None:
    """Take an algorithm off the list for now."""
    _move(named, server, "suspend", _said(reason, code), as_json)


@moderate.command("resume")
def resume(
    named: Algorithm, reason: Because, server: Server = None, as_json: AsJson = False
) -> None:
    """List an algorithm again that a moderator suspended."""
    _move(named, server, "resume", {"reason": reason}, as_json)


@appeals.command("list")
def list_appeals(
    server: Server = None,
    state: Annotated[str, typer.Option(help="`open`, `upheld`, `overturned`, `settled`.")] = "open",
    as_json: AsJson = False,
) -> None:
    """List the appeals that wait for a moderator, oldest first."""
    columns = [("appeal", "id"), ("title", "algorithm_title"), ("number", "version_number")]
    columns += [("against", "decision"), ("since", "created_at"), ("by", "developer_name")]
    with signed_in(server) as market:
        show_list(
            market.all_of(APPEALS, state=state), [*columns, ("says", "text")], as_json=as_json
        )


@appeals.command("uphold")
def uphold(named: Appeal, reason: Because, server: Server = None, as_json: AsJson = False) -> None:
    """Find that the decision was right: it stays."""
    _resolve(named, server, "uphold", reason, as_json)


@appeals.command("overturn")
def overturn(
    named: Appeal, reason: Because, server: Server = None, as_json: AsJson = False
) -> None:
    """Find that it was wrong: the version is approved, or the algorithm listed again."""
    _resolve(named, server, "overturn", reason, as_json)


def _said(reason: str | None, code: str | None) -> dict[str, Any]:
    said = {"reason": reason, "reason_code": code}
    return {name: it for name, it in said.items() if it is not None}


def _likeness(twin: dict[str, Any]) -> str:
    whose = (
        f"version {twin['version_number']} ({twin['state']}) of {twin['algorithm_title']} by "
        f"{twin['developer_name'] or twin['developer_id']}"
    )
    if twin["is_same_file"]:
        return f"the same file as {whose}"
    return f"agrees with {whose} on {twin['agreement']:.1%} of {twin['probes']} fixed pictures"


def _move(named: str, server: str | None, verb: str, body: dict[str, Any], as_json: bool) -> None:
    from dml.tool import finding

    with signed_in(server) as market:
        states = ("suspended",) if verb == "resume" else finding.OFFERED
        found = finding.find_id(market, named, states=states)
        moved = market.ask("POST", f"{common.path_of('algorithms', found)}/{verb}", json=body)
    show_item(moved, (("algorithm", "id"), ("title", "title"), ("state", "state")), as_json=as_json)


def _resolve(named: str, server: str | None, verb: str, reason: str, as_json: bool) -> None:
    with signed_in(server) as market:
        waiting = market.all_of(APPEALS)
        found = common.find_id(waiting, named, title="algorithm_title", what="appeal that waits")
        path = f"{common.path_of('moderation/appeals', found)}/{verb}"
        resolved = market.ask("POST", path, json={"reason": reason})
    show_item(resolved, APPEAL_FIELDS, as_json=as_json)


def _decide(named: str, server: str | None, verb: str, body: dict[str, Any], as_json: bool) -> None:
    with signed_in(server) as market:
        version = _find(market, named, state="approved" if verb == "recall" else "in_review")
        told = market.ask("POST", f"{_path(version)}/{verb}", json=body)
    show_item({**version, **told}, FIELDS, as_json=as_json)


def _find(market: "Marketplace", named: str, state: str = "in_review") -> dict[str, Any]:
    listed = list(market.all_of("/v1/moderation/versions", state=state))
    what = "version that waits" if state == "in_review" else "approved version"
    found = common.find_id(listed, named, title="algorithm_title", what=what)
    for version in listed:
        if version["id"] == found:
            return version
    raise Refused(f"there is no {what} with the id {found}")


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
    from dml.tool import finding, opinions

    with signed_in(server) as market:
        found = finding.find_id(market, named[0], states=("listed",), what="listed algorithm")
        hidden = {"hidden": "true"} if verb == "restore" else {}
        path = opinions.rating_path(market, common.path_of("algorithms", found), named[1], **hidden)
        told = market.ask("POST", f"{path}/{verb}", json={"reason": reason})
    show_item(told, opinions.RATING_FIELDS, as_json=as_json)
