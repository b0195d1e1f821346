"""`dml model`: try one, rate it, and see what others made of it."""

import base64
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, for_organisation, show_item, show_list, signed_in
from dml.tool.model import Most, Named
from dml.tool.offering import model

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

__all__ = ["model"]
Rating = Annotated[str, typer.Argument(help="Its id, or the end of it (`dml model ratings`).")]
TENSOR: Final = ".json"
RATING_FIELDS: Final = (
    ("rating", "id"),
    ("stars", "stars"),
    ("text", "text"),
    ("by", "user_name"),
    ("version", "version_number"),
    ("since", "created_at"),
    ("changed", "updated_at"),
    ("reply", "reply"),
    ("hidden", "hidden_reason"),
)
_PNG: Final = "data:image/png;base64,"


@model.command("try")
@for_organisation
def try_on(
    named: Named,
    sample: Annotated[
        Path, typer.Argument(help='A photo; or a file `….json` with {"tensor": […]}.')
    ],
    server: Server = None,
    version: Annotated[
        str | None, typer.Option(help="The id of a version. [default: the newest approved one]")
    ] = None,
    labels: Annotated[int, typer.Option(min=1, max=10, help="How many labels to show.")] = 5,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Below it, an item counts as uncertain.")
    ] = 0.5,
    seen: Annotated[
        Path | None, typer.Option(help="Write what the model saw here, as a PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a model on one photo of yours, in the sandbox of the marketplace. Nothing is kept."""
    from dml.client.http import one_line

    asked = {"labels": str(labels), "min_confidence": f"{min_confidence:.6f}"}
    asked |= {} if version is None else {"version_id": version}
    is_tensor = sample.suffix == TENSOR
    with signed_in(server) as market:
        path = f"{_path(market, named)}/demo{'/tensor' if is_tensor else ''}"
        kind = "application/json" if is_tensor else "application/octet-stream"
        told = market.upload("POST", path, sample, kind, params=asked)
    if seen is not None and told["input"] is not None:
        seen.write_bytes(base64.b64decode(str(told["input"]).removeprefix(_PNG)))
    if as_json:
        common.show_json(told)
        return
    rows = common.table("label", "confidence")
    for it in told["labels"]:
        rows.add_row(one_line(it["label"]), f"{it['confidence']:.1%}")
    common.console().print(rows)
    counted = "as uncertain" if told["counted_as"] is None else f"as {one_line(told['counted_as'])}"
    common.console().print(
        f"Version {told['version_number']} would count it {counted}. It took "
        f"{told['prepare_milliseconds']:.0f} ms to read and {told['run_milliseconds']:.0f} to run."
    )


@model.command("rate")
@for_organisation
def rate(
    named: Named,
    stars: Annotated[int, typer.Argument(min=1, max=5, help="1 to 5; 5 is the best.")],
    server: Server = None,
    text: Annotated[str | None, typer.Option(help="Why; everybody can read it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rate a model that a job of yours has run, or change your rating."""
    body = {"stars": stars, "text": text}
    with signed_in(server) as market:
        rated = market.ask("PUT", f"{_path(market, named)}/rating", json=body)
    show_item(_told(rated, as_json), RATING_FIELDS, as_json=as_json)


@model.command("unrate")
@for_organisation
def unrate(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Delete your rating of a model."""
    with signed_in(server) as market:
        market.ask("DELETE", f"{_path(market, named)}/rating")
    if as_json:
        common.show_json({"deleted": True})
    else:
        common.console().print("Deleted.")


@model.command("ratings")
def ratings(
    named: Named, server: Server = None, most: Most = None, as_json: AsJson = False
) -> None:
    """List what customers think of a model, with its developer's replies."""
    columns = [("rating", "id"), ("stars", "stars"), ("by", "user_name"), ("text", "text")]
    with common.perhaps_signed_in(server) as market:
        listed = market.all_of(f"{_path(market, named)}/ratings")
        told = (_told(it, as_json) for it in islice(listed, most))
        show_list(told, [*columns, ("reply", "reply"), ("since", "created_at")], as_json=as_json)


@model.command("reply")
@for_organisation
def reply(
    named: Named,
    rating: Rating,
    text: Annotated[str, typer.Argument(help="What you say; everybody can read it.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Reply to a rating of a model of yours, or change the reply."""
    with signed_in(server) as market:
        path = rating_path(market, _path(market, named), rating)
        answered = market.ask("PUT", f"{path}/reply", json={"text": text})
    show_item(_told(answered, as_json), RATING_FIELDS, as_json=as_json)


@model.command("statistics")
@for_organisation
def statistics(
    named: Named,
    server: Server = None,
    first: Annotated[str | None, typer.Option("--from", help="The first day: 2026-01-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The first day to leave out.")] = None,
    version: Annotated[str | None, typer.Option(help="The id of a version: only its.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a model of yours did and earned, by version and by day; 30 days unless you say."""
    named_days = {"from": first, "to": until, "version_id": version}
    asked = {name: it for name, it in named_days.items() if it is not None}
    with signed_in(server) as market:
        told = market.ask("GET", f"{_path(market, named)}/statistics", params=asked)
    if as_json:
        common.show_json(told)
        return
    counts = [("devices", "devices"), ("earned", "earned")]
    counts += [("ratings", "rating_count"), ("rating", "rating")]
    for heading, name in (("day", "days"), ("version", "versions")):
        field = "day" if name == "days" else "number"
        show_list(told[name], [(heading, field), *counts], as_json=False)
    show_item(told["total"], [("in all", "devices"), ("earned", "earned")], as_json=False)


@model.command("answers")
def answers(
    named: Named, server: Server = None, most: Most = None, as_json: AsJson = False
) -> None:
    """List the answers of jobs of a model that their customers made public."""
    columns = [("answer", "id"), ("title", "title"), ("items", "items"), ("devices", "devices")]
    with common.perhaps_signed_in(server) as market:
        listed = market.all_of(f"{_path(market, named)}/published-jobs")
        show_list(islice(listed, most), [*columns, ("published", "published_at")], as_json=as_json)


def rating_path(market: "Marketplace", path: str, typed: str, **filters: str) -> str:
    """Where a rating of the algorithm at `path` is. Refused where none has such an id."""
    listed = market.all_of(f"{path}/ratings", **filters)
    found = common.find_id(listed, typed, title="user_name", what="rating of it")
    return f"{path}/ratings/{found}"


def _told(rating: dict[str, Any], as_json: bool) -> dict[str, Any]:
    """A rating with the words of the reply alone, for people."""
    if as_json or rating["reply"] is None:
        return rating
    return {**rating, "reply": rating["reply"]["text"]}


def _path(market: "Marketplace", named: str) -> str:
    from dml.tool import finding

    own = market.all_of("/v1/algorithms", mine="true") if market.is_signed_in else ()
    return common.path_of("algorithms", finding.find_id(market, named, own=own))
