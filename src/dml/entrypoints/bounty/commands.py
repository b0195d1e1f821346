"""The subcommands of `dml bounty`. Each imports what it needs when it is called, as in `cli`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dml.refused import ExitCode
from dml.tool import common
from dml.tool.common import AsJson, Server, perhaps_signed_in, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

bounty = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Bounties: set one up, enter one, look at its board, verify its result.\n\n"
    "A bounty is named by its id, by the end of its id, or by its name.\n\n"
    "You are who has signed in (`dml login`), or whom `DML_EMAIL` and `DML_PASSWORD`, or "
    "`DML_TOKEN`, name.",
)

Named = Annotated[str, typer.Argument(metavar="BOUNTY", help="Its id, the end of it, or its name.")]
FIELDS = (
    ("bounty", "id"),
    ("name", "name"),
    ("from", "organisation"),
    ("state", "state"),
    ("prizes", "prize_pool"),
    ("fee", "enrollment_fee"),
    ("judged by", "judging"),
    ("metric", "metric"),
    ("enrollment opens", "enrolls_at"),
    ("submissions begin", "submits_at"),
    ("and end", "closes_at"),
)


@bounty.command("create")
@common.for_organisation
def create(
    file: Annotated[Path, typer.Argument(help="The description, such as bounty.yaml.")],
    server: Server = None,
    into: Annotated[
        str | None, typer.Option(help="Bring this draft up to date instead of making a new one.")
    ] = None,
    fund: Annotated[bool, typer.Option("--fund", help="Put the prizes into escrow, too.")] = False,
    opens: Annotated[
        bool, typer.Option("--open", help="Fund it, and open enrollment now and not at its date.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a bounty of a description, with its test set and attachments.

    **bounty.yaml** has the keys of the API; `prizes` are amounts, the first place first; a date may
    be a span from now on; `test_set` and `attachments` name files beside it:

        name: Is it malignant?
        organisation: A hospital
        subtitle: Ten measurements of a cell
        description: …
        data: train.csv has 200 rows with a target, inputs.csv 369 without
        evaluation: Area under the ROC curve on rows that nobody sees
        rules: One account for each person …
        tags: [medicine]
        judging: metric
        metric: roc_auc.v1
        prizes: ["60", "30", "10"]
        enrolls_at: +1h
        submits_at: +7d
        closes_at: 2027-03-01T12:00:00Z
        dispute_window: 7d
        test_set: {file: test.csv, id_column: id, target_column: target}
        attachments: [{file: train.csv, kind: data}]

    Prints the id alone to standard output.
    """
    from dml.client.marketplace import bounty_path
    from dml.entrypoints.bounty import making

    console = common.console(to_stderr=True)
    with signed_in(server) as market:
        draft = None if into is None else _id_of(market, into)
        made = making.create(market, file, into=draft, fund=fund, opens=opens, console=console)
        if as_json:
            common.show_json(market.ask("GET", bounty_path(made)))
        else:
            typer.echo(made)


@bounty.command("export")
@common.for_organisation
def export(
    named: Named,
    server: Server = None,
    to: Annotated[
        Path | None, typer.Option(help="A folder for bounty.yaml and the files attached.")
    ] = None,
) -> None:
    """Write a bounty as a description that `create` understands.

    The test set itself does not come back: nobody can read it before the end.
    """
    from dml.entrypoints.bounty import making

    with signed_in(server) as market:
        text = making.export(market, _id_of(market, named), to)
    if to is None:
        typer.echo(text, nl=False)


@bounty.command("enroll")
def enroll(
    named: Named,
    server: Server = None,
    name: Annotated[str | None, typer.Option(help="How the board shall call you.")] = None,
    accept_rules: Annotated[
        bool, typer.Option("--accept-rules", help="You have read the rules, and accept them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Enter a bounty, and pay its fee. Teams enroll through the API."""
    from dml.client.http import one_line
    from dml.client.marketplace import bounty_path
    from dml.entrypoints.bounty import entering

    with signed_in(server) as market:
        bounty_id = _id_of(market, named)
        if not accept_rules:
            shown = market.ask("GET", bounty_path(bounty_id))
            rules = "\n".join(map(one_line, str(shown["rules"]).splitlines()))
            typer.echo(f"{rules}\n\nThe fee is {shown['enrollment_fee']} tokens.", err=True)
            typer.echo("Accept the rules by --accept-rules.", err=True)
            raise typer.Exit(ExitCode.NOT_DONE)
        entered = entering.enroll(market, bounty_id, name)
    if as_json:
        common.show_json(entered)
    else:
        typer.echo(entered["id"])


@bounty.command("submit")
def submit(
    named: Named,
    file: Annotated[Path, typer.Argument(help="Predictions (.csv, .parquet), or a model (.onnx).")],
    server: Server = None,
    name: Annotated[str | None, typer.Option(help="What to call it. [default: the file's]")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file: it costs nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for the score. 0: do not wait.", min=0)
    ] = 600,
    as_json: AsJson = False,
) -> None:
    """Submit a file, and wait for its score.

    The board shows a new score only where it is better than your best by more than chance; what it
    shows instead is your best.
    """
    from dml.entrypoints.bounty import entering

    console = common.console(to_stderr=True)
    with signed_in(server) as market:
        made = entering.submit(
            market,
            _id_of(market, named),
            entering.Submission(file, name, dry_run),
            wait_seconds=wait,
            console=console,
        )
    if as_json:
        common.show_json(made)
        return
    left = {name: quota["remaining"] for name, quota in made["limits"].items()}
    score = made["shown_score"]
    shown = made["end_reason"] or made["state"] if score is None else f"on the board: {score}"
    better = "" if score is None or made["improved"] else " (not better than by chance)"
    typer.echo(f"{shown}{better}; left today: {left['today']}, in all: {left['total']}")


@bounty.command("board")
@common.for_organisation
def board(
    named: Named,
    server: Server = None,
    rows: Annotated[int, typer.Option(help="How many of them.", min=1, max=100)] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="All of it, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the leaderboard: the final one once there is one. Needs no account."""
    from dml.client.marketplace import Marketplace, bounty_path
    from dml.entrypoints.bounty import entering

    if as_csv and as_json:
        raise typer.BadParameter("choose one of --csv and --json")
    with Marketplace(server) as market:
        bounty_id = _id_of(market, named)
        if as_csv:
            path = f"{bounty_path(bounty_id)}/leaderboard.csv"
            sys.stdout.buffer.write(market.bytes_of(path, limit=1 << 28))
            return
        page = market.ask(
            "GET", f"{bounty_path(bounty_id)}/leaderboard", params={"limit": str(rows)}
        )
        if as_json:
            common.show_json(page)
            return
        bounty = market.ask("GET", bounty_path(bounty_id))
        common.console().print(entering.board(bounty, page))


@bounty.command("verify")
def verify(
    named: Named,
    server: Server = None,
    commitment: Annotated[
        str | None, typer.Option(help="What you noted as the commitment when the bounty opened.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help='Print `{"verified", "checks"}`.')
    ] = False,
) -> None:
    """Check the result of a bounty by public data alone, without an account.

    It fetches the test set, the salt and the ranked predictions, which are public once there is a
    ranking, and makes everything anew: the commitment, the split, every score, the ranking with its
    ties, and the prizes. Then it follows what was decided in public since, such as another order,
    up to the board as it stands. The exit code is 0 where all is as it was told, 1 where not.
    """
    from dml.client.marketplace import Marketplace
    from dml.entrypoints.bounty import verifying

    with Marketplace(server) as market:
        verdict = verifying.verify(market, _id_of(market, named), commitment)
    typer.echo(verdict.as_json() if as_json else verdict.as_text())
    raise typer.Exit(ExitCode.DONE if verdict.verified else ExitCode.NOT_DONE)


@bounty.command("list")
@common.for_organisation
def list_bounties(
    server: Server = None,
    mine: Annotated[bool, typer.Option("--mine", help="Those that you set up.")] = False,
    entered: Annotated[bool, typer.Option("--entered", help="Those that you entered.")] = False,
    as_json: AsJson = False,
) -> None:
    """List bounties, newest first. Without `--mine` and `--entered` it needs no account."""
    from dml.client.marketplace import Marketplace

    chosen = {"mine": mine, "entered": entered}
    columns = [("bounty", "id"), ("name", "name"), ("state", "state"), ("prizes", "prize_pool")]
    columns += [("fee", "enrollment_fee"), ("closes", "closes_at")]
    with Marketplace(server) as market:
        if mine or entered:
            market.sign_in()
        listed = market.all_of("/v1/bounties", **{it: "true" for it, on in chosen.items() if on})
        common.show_list(listed, columns, as_json=as_json)


@bounty.command("show")
@common.for_organisation
def show(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show a bounty: what is asked for, the prizes, the dates, the rules."""
    from dml.client.http import one_line
    from dml.client.marketplace import bounty_path

    with perhaps_signed_in(server) as market:
        told = market.ask("GET", bounty_path(_id_of(market, named)))
    common.show_item(told, FIELDS, as_json=as_json)
    if not as_json:
        for part in ("description", "data", "evaluation", "rules"):
            text = "\n".join(map(one_line, str(told[part]).splitlines()))
            common.console().print(f"\n{part}\n{text}")


@bounty.command("data")
@common.for_organisation
def data(
    named: Named,
    server: Server = None,
    to: Annotated[Path, typer.Option(help="The folder to write them to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Download the files that are attached to a bounty."""
    from dml.entrypoints.bounty import making

    with signed_in(server) as market:
        files = [str(it) for it in making.download(market, _id_of(market, named), to)]
    if as_json:
        common.show_json(files)
        return
    for file in files:
        typer.echo(file)


@bounty.command("submissions")
@common.for_organisation
def submissions(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """List your submissions to a bounty, newest first."""
    from dml.client.marketplace import bounty_path

    columns = [("submission", "id"), ("name", "name"), ("state", "state"), ("sent", "created_at")]
    columns += [("by", "submitter_name"), ("on the board", "shown_score")]
    columns += [("because", "end_reason")]
    with signed_in(server) as market:
        listed = market.all_of(f"{bounty_path(_id_of(market, named))}/submissions")
        common.show_list(listed, columns, as_json=as_json)


@bounty.command("start")
@common.for_organisation
def start(named: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Let submissions begin now, and not at their date. For its owner."""
    _move(named, server, "start", as_json=as_json)


@bounty.command("close")
@common.for_organisation
def close(
    named: Named, server: Server = None, yes: common.Yes = False, as_json: AsJson = False
) -> None:
    """End submissions now, and rank. For its owner."""
    common.confirm("End submissions now?", yes=yes)
    _move(named, server, "close", as_json=as_json)


def _id_of(market: "Marketplace", named: str) -> str:
    own = market.all_of("/v1/bounties", mine="true") if market.is_signed_in else ()
    others = market.all_of("/v1/bounties")
    return common.find_own_id(own, others, named, title="name", what="bounty")


def _move(named: str, server: str | None, verb: str, *, as_json: bool) -> None:
    from dml.client.marketplace import bounty_path

    with signed_in(server) as market:
        moved = market.ask("POST", f"{bounty_path(_id_of(market, named))}/{verb}")
    common.show_item(moved, FIELDS, as_json=as_json)
