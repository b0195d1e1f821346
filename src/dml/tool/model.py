"""`dml model`: offer a model. Check it here as the marketplace will, then publish it."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.refused import Refused
from dml.tool import common, passports
from dml.tool.common import AsJson, Server, for_organisation, show_item, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

model = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Models: check one, publish it, see how it does.\n\n"
    "An algorithm is named by its id, by the end of its id, or by its title.",
)
File = Annotated[Path, typer.Argument(help="The ONNX file.")]
About = Annotated[
    Path | None,
    typer.Option("--about", help="Its description. [default: model.yaml beside the file]"),
]
Named = Annotated[str, typer.Argument(metavar="MODEL", help="Its id, the end of it, or its title.")]
Mine = Annotated[bool, typer.Option("--mine", help="Yours, in every state.")]
Tags = Annotated[list[str] | None, typer.Option(help="Only those with it; repeat it.")]
Kind = Annotated[str | None, typer.Option(help="Only those of this kind: `image`.")]
Data = Annotated[str | None, typer.Option(help="Only those run over this kind of data: `photo`.")]
FeeMin = Annotated[
    str | None, typer.Option(metavar="TOKENS", help="Only those with this device fee or more.")
]
FeeMax = Annotated[
    str | None, typer.Option(metavar="TOKENS", help="Only those with this device fee or less.")
]
Developer = Annotated[str | None, typer.Option(help="Only those of the developer with this id.")]
State = Annotated[
    str | None,
    typer.Option(help="Only those in this state: `announced` are to come; others need `--mine`."),
]
RatingMin = Annotated[
    int | None, typer.Option(min=1, max=5, help="Only those rated with so many stars or more.")
]
Most = Annotated[int | None, typer.Option(min=1, help="How many to show at most.")]
FIELDS = (
    ("algorithm", "id"),
    ("slug", "slug"),
    ("title", "title"),
    ("state", "state"),
    ("summary", "summary"),
    ("device fee", "device_fee"),
    ("labels", "labels"),
    ("tags", "tags"),
    ("by", "developer_name"),
    ("developer", "developer_id"),
    ("runs", "runs"),
    ("rating", "rating"),
    ("ratings", "rating_count"),
    ("since", "created_at"),
    ("changed", "updated_at"),
)
VERSION_FIELDS = (
    ("version", "number"),
    ("id", "id"),
    ("state", "state"),
    ("size", "size"),
    ("sha256", "sha256"),
    ("reason", "review_reason"),
    ("code", "review_code"),
    ("recalled", "recall_reason"),
    ("code", "recall_code"),
    ("since", "created_at"),
)


@model.command("check")
def check(
    file: File,
    about: About = None,
    photo: Annotated[
        list[Path] | None, typer.Option(help="A photo to run it on; repeat it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a model's file as the marketplace will, and run it on photos. Needs no server.

    **model.yaml** beside the file says what the file can't:

        title: Digits
        summary: Reads a handwritten digit.
        model_card: card.md            # a file, or the text itself
        device_fee: "0.01"
        labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
        tags: [digits]
        input_spec: {color: grey, width: 8, height: 8, resize: stretch, layout: flat,
                     scale: 0.0667, mean: 0, std: 1,
                     output: {name: probabilities, activation: none}}

    What is left out of the input spec is proposed from the model's graph, and shown. The exit code
    is 1 where the model would be refused. Title, summary, card, fee and tags are checked when you
    publish.
    """
    from dml.tool import checking

    found = checking.check(file, about, photo or [])
    if as_json:
        common.show_json(found.as_json())
    else:
        common.console().print(found.as_text())
    raise typer.Exit(0 if found.passes else 1)


@model.command("publish")
@for_organisation
def publish(
    file: File,
    about: About = None,
    server: Server = None,
    into: Annotated[
        str | None, typer.Option(help="Make it the next version of this algorithm of yours.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for its check.")] = 300,
    accept_agreement: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Accept this version of the developer agreement, which you have read (`dml "
            "account agreement`). [default: you are shown it and asked, if need be]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a model, wait for its check, and submit it for review.

    What it is comes from model.yaml beside it (see `dml model check --help`). An algorithm of yours
    of the same title gets a new version. A large model is sent in parts: where the line broke, or
    you did, the same command goes on. Prints the algorithm's id alone to standard output.
    """
    from dml.tool import agreement, publishing

    with signed_in(server) as market:
        agreement.require_accepted(market, accept_agreement)
        made = publishing.publish(market, file, about, into=into, wait_seconds=wait)
    if as_json:
        common.show_json(made)
    else:
        typer.echo(made["algorithm_id"])


@model.command("list")
@for_organisation
def list_models(
    server: Server = None,
    mine: Mine = False,
    tag: Tags = None,
    kind: Kind = None,
    data: Data = None,
    fee_min: FeeMin = None,
    fee_max: FeeMax = None,
    developer: Developer = None,
    state: State = None,
    rating: RatingMin = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="`created_at`, `device_fee`, `runs` or `weighted_rating`; with `-` before it, the "
            "largest first. "
            "[default: -created_at]"
        ),
    ] = None,
    most: Most = None,
    as_json: AsJson = False,
) -> None:
    """List what is on offer, newest first; `--mine` needs an account. Filters combine."""
    from dml.tool import finding

    asked = finding.Asked(tag, kind, data, (fee_min, fee_max), developer, state, rating)
    with finding.marketplace(server, mine=mine) as market:
        listed = market.all_of("/v1/algorithms", **asked.query(mine=mine, sort=sort))
        show_list(islice(listed, most), finding.COLUMNS, as_json=as_json)


@model.command("search")
def search(
    words: Annotated[
        list[str], typer.Argument(help="`digits`, `cat or dog`; after `--`, `digits -letters`.")
    ],
    server: Server = None,
    mine: Mine = False,
    tag: Tags = None,
    kind: Kind = None,
    data: Data = None,
    fee_min: FeeMin = None,
    fee_max: FeeMax = None,
    developer: Developer = None,
    state: State = None,
    rating: RatingMin = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="`created_at`, `device_fee`, `runs` or `weighted_rating`; with `-` before it, the "
            "largest first. "
            "[default: -relevance, the best match first]"
        ),
    ] = None,
    most: Most = 20,
    as_json: AsJson = False,
) -> None:
    """Search what is on offer by words of its title, tags, summary and model card.

    Where nothing has the words, they are corrected, and you are told.
    """
    from dml.tool import finding

    asked = finding.Asked(tag, kind, data, (fee_min, fee_max), developer, state, rating)
    query = {"q": " ".join(words), **asked.query(mine=mine, sort=sort)}
    with finding.marketplace(server, mine=mine) as market:
        rows = list(islice(finding.search(market, query), most))
        show_list(rows, finding.COLUMNS, as_json=as_json)


@model.command("show")
@for_organisation
def show(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show an algorithm, and what running its newest version takes.

    That is of the version that jobs can run, else of your newest: its size, its memory and time in
    the sandbox of the marketplace, and whether two runs agreed.
    """
    with signed_in(server) as market:
        path = path_of(market, named)
        found = market.ask("GET", path)
        approved = found["approved_version"]
        if approved is not None:
            version = market.ask("GET", f"{path}/versions/{approved['id']}")
        else:
            version = next(iter(market.all_of(f"{path}/versions")), None)
        able = None if version is None else _able(market, path, version["id"])
    passport = None if version is None else version.get("passport")
    if as_json:
        common.show_json({**found, "passport": passport, "device_count": able})
        return
    show_item(found, FIELDS, as_json=False)
    if passport is not None:
        _show_passport(passport)
    if able is not None:
        common.console().print(passports.able(able))


@model.command("versions")
@for_organisation
def versions(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """List an algorithm's versions, newest first, with what the check said."""
    columns = [("version", "number"), ("state", "state"), ("since", "created_at"), ("id", "id")]
    with signed_in(server) as market:
        listed = market.all_of(f"{path_of(market, named)}/versions")
        show_list(listed, columns, as_json=as_json)


@model.command("link")
@for_organisation
def link(
    named: Named,
    server: Server = None,
    version: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Which version, by its number. [default: the newest approved, else the newest "
            "whose file is kept]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a link by which a model of yours is downloaded for some minutes without signing in."""
    from dml.tool import linking

    with signed_in(server) as market:
        path = path_of(market, named)
        made, chosen = linking.link(market, path, version)
        url = f"{market.url}{made['url']}"
    if as_json:
        common.show_json({**made, "url": url, "version": chosen["number"]})
    else:
        state = common.cell(chosen["state"]).replace("_", " ")
        until = common.cell(made["expires_at"])
        common.console(to_stderr=True).print(
            f"Version {chosen['number']} ({state}), good until {until}:"
        )
        typer.echo(url)


@model.command("status")
@for_organisation
def status(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show how far an algorithm's newest version is: its check, its review, what was said."""
    with signed_in(server) as market:
        newest: dict[str, Any] | None
        newest = next(iter(market.all_of(f"{path_of(market, named)}/versions")), None)
    if newest is None:
        raise Refused("it has no version yet: `dml model publish`")
    show_item(newest, VERSION_FIELDS, as_json=as_json)
    if not as_json:
        for it in newest["refusals"]:
            common.console().print(f"{it['code']}: {it['detail']}")
        if newest.get("passport") is not None:  # A server of before measures nothing.
            _show_passport(newest["passport"])


@model.command("edit")
@for_organisation
def edit(
    named: Named,
    server: Server = None,
    title: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    summary: Annotated[str | None, typer.Option(help="What it does, in a sentence.")] = None,
    card: Annotated[Path | None, typer.Option(help="A file with its model card.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="All of its tags anew; repeat it.")] = None,
    device_fee: Annotated[
        str | None, typer.Option(metavar="TOKENS", help="The fee of new jobs for each result.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is said of an algorithm of yours, or its fee. Ordered jobs keep their price."""
    from dml.tool import finding

    change = finding.change(title, summary, card, tag, device_fee)
    with signed_in(server) as market:
        edited = market.ask("PATCH", path_of(market, named), json=change)
    show_item(edited, FIELDS, as_json=as_json)


def _able(market: "Marketplace", path: str, version_id: str) -> dict[str, Any] | None:
    """Return how many could run a version; None from a server of before, which does not count."""
    from dml.client.refusals import ApiRefused

    try:
        told: dict[str, Any] = market.ask("GET", f"{path}/versions/{version_id}/device-count")
    except ApiRefused as refused:
        if refused.code != "http.404":
            raise
        return None
    return told


def _show_passport(passport: dict[str, Any]) -> None:
    told = dict(passports.lines(passport))
    show_item(told, [(name, name) for name in told], as_json=False)


def path_of(market: "Marketplace", named: str) -> str:
    from dml.tool import finding

    own = market.all_of("/v1/algorithms", mine="true")
    return common.path_of("algorithms", finding.find_id(market, named, own=own))
