"""`dml job`: have an algorithm run over many people's data, and get one answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, Yes, for_organisation, show_item, show_list, signed_in
from dml.tool.order_options import order_of, takes_order

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

job = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Jobs: order a model to be run on people's devices, and watch the answer grow.\n\n"
    "A job is named by its id, by the end of its id, or by its title.",
)
Named = Annotated[str, typer.Argument(metavar="JOB", help="Its id, the end of it, or its title.")]
FIELDS = (
    ("job", "id"),
    ("title", "title"),
    ("model", "algorithm_title"),
    ("state", "state"),
    ("devices done", "devices_done"),
    ("of at most", "max_devices"),
    ("spent", "spent"),
    ("of at most", "cost"),
    ("reward", "reward"),
    ("answers", "answers"),
    ("epsilon", "epsilon"),
    ("items of an owner", "max_items"),
    ("norm of their counts", "max_norm"),
    ("ends at precision", "precision"),
    ("countries", "countries"),
    ("items from", "date_from"),
    ("items until", "date_to"),
    ("ends", "deadline"),
    ("ended", "ended_at"),
    ("because", "close_reason"),
)

PUBLISHED_FIELDS = (
    ("answer", "id"),
    ("title", "title"),
    ("model", "algorithm_title"),
    ("items", "items"),
    ("devices", "devices"),
    ("published", "published_at"),
    ("at", "results_url"),
)


@job.command("create")
@for_organisation
@takes_order
def create(
    asked: Mapping[str, Any],
    server: Server = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="Then watch the answer grow.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Order a job: shows what it costs and should bring, asks, and puts that into escrow.

    What is not spent when the job ends comes back. Prints the id alone to standard output.
    """
    from dml.tool import ordering

    with signed_in(server) as market:
        algorithm = ordering.find_algorithm(market, asked["model"])
        made = ordering.create(market, algorithm, order_of(algorithm, asked), yes=yes)
        if as_json:
            common.show_json(made)
        else:
            typer.echo(made["id"])
        if watch_it:
            _watch(market, made["id"], as_json=as_json)


@job.command("quote")
@for_organisation
@takes_order
def quote(asked: Mapping[str, Any], server: Server = None, as_json: AsJson = False) -> None:
    """Show what a job would cost, who could take part and how soon, and how precise it would be.

    Nothing is ordered.
    """
    from dml.tool import ordering

    with signed_in(server) as market:
        algorithm = ordering.find_algorithm(market, asked["model"])
        order = order_of(algorithm, asked)
        quoted = ordering.quote(market, order)
    if as_json:
        common.show_json(quoted)
    else:
        common.console().print(ordering.told(algorithm, order, quoted))


@job.command("list")
@for_organisation
def list_jobs(
    server: Server = None,
    state: Annotated[str | None, typer.Option(help="Only those in it, such as open.")] = None,
    as_json: AsJson = False,
) -> None:
    """List your jobs, newest first."""
    columns = [("job", "id"), ("title", "title"), ("state", "state"), ("done", "devices_done")]
    columns += [("of", "max_devices"), ("spent", "spent"), ("ends", "deadline")]
    with signed_in(server) as market:
        wanted = {} if state is None else {"state": state}
        show_list(market.all_of("/v1/jobs", **wanted), columns, as_json=as_json)


@job.command("show")
@for_organisation
def show(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show a job: how far it is, and what it has cost."""
    with signed_in(server) as market:
        show_item(market.ask("GET", _path(market, named)), FIELDS, as_json=as_json)


@job.command("watch")
@for_organisation
def watch(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Watch the answer grow until the job has ended. Ctrl-C leaves; the job goes on.

    With `--json` each answer is a line.
    """
    with signed_in(server) as market:
        _watch(market, _path(market, named).rpartition("/")[2], as_json=as_json)


@job.command("results")
@for_organisation
def results(
    named: Named,
    server: Server = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV: month, label, items.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (SVG) here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the answer: how many items have which label, and when."""
    from dml.tool import answers

    if as_csv and as_json:
        raise typer.BadParameter("choose one of --csv and --json")
    with signed_in(server) as market:
        path = _path(market, named)
        if as_csv:
            text = market.bytes_of(f"{path}/results.csv", limit=answers.CSV_BYTES_MAX)
            typer.echo(text.decode(), nl=False)
            return
        ordered, told = market.ask("GET", path), market.ask("GET", f"{path}/results")
    if plot is not None:
        plot.write_text(answers.picture(ordered, told))
    if as_json:
        common.show_json(told)
    elif plot is None:
        common.console().print(answers.shown(ordered, told))


@job.command("timeline")
@for_organisation
def timeline(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show what happened to a job, and what comes next."""
    with signed_in(server) as market:
        told = market.ask("GET", f"{_path(market, named)}/timeline")
    common.show_timeline(told, as_json=as_json)


@job.command("pause")
@for_organisation
def pause(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Hand out no more work for now. Devices at work finish, and the deadline stays."""
    _move(named, server, "pause", as_json=as_json)


@job.command("resume")
@for_organisation
def resume(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Hand out work again."""
    _move(named, server, "resume", as_json=as_json)


@job.command("raise")
@for_organisation
def raise_terms(
    named: Named,
    server: Server = None,
    reward: Annotated[str | None, typer.Option(help="Tokens for each result.")] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="Devices, at most.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="When it ends: +7d, +12h, or a time with its zone.")
    ] = None,
    max_total: Annotated[
        str | None, typer.Option(help="The most tokens that it may cost in all then.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Offer more while a job runs: a higher reward, more devices, a later deadline.

    What it costs more goes into escrow at once. A higher reward is also paid for the results that
    are there.
    """
    ends = None if deadline is None else common.moment(deadline, option="--deadline")
    wanted = {"reward": reward, "max_devices": devices, "deadline": ends, "max_total": max_total}
    body = {name: it for name, it in wanted.items() if it is not None}
    common.confirm("Raise this job, and put what it costs more into escrow?", yes=yes)
    _move(named, server, "raise", body=body, as_json=as_json)


@job.command("close")
@for_organisation
def close(
    named: Named,
    server: Server = None,
    reason: Annotated[str | None, typer.Option(help="Why; moderators need one.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End a job now. What is not spent comes back once devices at work have finished."""
    common.confirm("End this job now?", yes=yes)
    body = {} if reason is None else {"reason": reason}
    _move(named, server, "close", body=body, as_json=as_json)


@job.command("publish")
@for_organisation
def publish(
    named: Named,
    server: Server = None,
    title: Annotated[str | None, typer.Option(help="[default: the job's]")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Show everybody the answer of an ended job, as it was shown to you."""
    common.confirm("Show everybody this answer?", yes=yes)
    with signed_in(server) as market:
        body = {} if title is None else {"title": title}
        told = market.ask("POST", f"{_path(market, named)}/publish", json=body)
    show_item(told, PUBLISHED_FIELDS, as_json=as_json)


@job.command("unpublish")
@for_organisation
def unpublish(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Take a published answer back."""
    with signed_in(server) as market:
        market.ask("POST", f"{_path(market, named)}/unpublish")
    if as_json:
        common.show_json({"unpublished": True})
    else:
        common.console().print("It is no longer public.")


def _move(
    named: str,
    server: str | None,
    verb: str,
    *,
    body: dict[str, Any] | None = None,
    as_json: bool,
) -> None:
    with signed_in(server) as market:
        moved = market.ask("POST", f"{_path(market, named)}/{verb}", json=body or None)
    show_item(moved, FIELDS, as_json=as_json)


def _path(market: "Marketplace", named: str) -> str:
    found = common.find_id(market.all_of("/v1/jobs"), named, title="title", what="job")
    return common.path_of("jobs", found)


def _watch(market: "Marketplace", job_id: str, *, as_json: bool) -> None:
    from dml.tool import watching

    watching.watch(market, job_id, common.console(), as_json=as_json)
