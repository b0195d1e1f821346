"""The subcommands of `dml bounty`. Each imports what it needs when it is called, as in `cli`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dml.tool import common
from dml.tool.common import AsJson, Server, signed_in

bounty = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Bounties: set one up, enter one, look at its board, verify its result.\n\n"
    "You are who has signed in (`dml login`), or whom `DML_EMAIL` and `DML_PASSWORD`, or "
    "`DML_TOKEN`, name.",
)

Id = Annotated[str, typer.Argument(metavar="BOUNTY", help="The bounty's id.")]
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
    from rich.console import Console

    from dml.client.marketplace import Marketplace
    from dml.entrypoints.bounty import making

    console = Console(stderr=True, highlight=False, markup=False)
    with Marketplace(server) as market:
        market.sign_in()
        made = making.create(market, file, into=into, fund=fund, opens=opens, console=console)
    typer.echo(made)


@bounty.command("export")
def export(
    bounty_id: Id,
    server: Server = None,
    to: Annotated[
        Path | None, typer.Option(help="A folder for bounty.yaml and the files attached.")
    ] = None,
) -> None:
    """Write a bounty as a description that `create` understands.

    The test set itself does not come back: nobody can read it before the end.
    """
    from dml.client.marketplace import Marketplace
    from dml.entrypoints.bounty import making

    with Marketplace(server) as market:
        text = making.export(market.sign_in(), bounty_id, to)
    if to is None:
        typer.echo(text, nl=False)


@bounty.command("enroll")
def enroll(
    bounty_id: Id,
    server: Server = None,
    name: Annotated[str | None, typer.Option(help="How the board shall call you.")] = None,
    accept_rules: Annotated[
        bool, typer.Option("--accept-rules", help="You have read the rules, and accept them.")
    ] = False,
) -> None:
    """Enter a bounty, and pay its fee. Teams enroll through the API."""
    from dml.client.http import one_line
    from dml.client.marketplace import Marketplace, bounty_path
    from dml.entrypoints.bounty import entering

    with Marketplace(server) as market:
        if not accept_rules:
            shown = market.sign_in().ask("GET", bounty_path(bounty_id))
            rules = "\n".join(map(one_line, str(shown["rules"]).splitlines()))
            typer.echo(f"{rules}\n\nThe fee is {shown['enrollment_fee']} tokens.", err=True)
            typer.echo("Accept the rules by --accept-rules.", err=True)
            raise typer.Exit(1)
        entered = entering.enroll(market.sign_in(), bounty_id, name)
    typer.echo(entered["id"])


@bounty.command("submit")
def submit(
    bounty_id: Id,
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
    import json

    from rich.console import Console

    from dml.client.marketplace import Marketplace
    from dml.entrypoints.bounty import entering

    console = Console(stderr=True, highlight=False, markup=False)
    with Marketplace(server) as market:
        made = entering.submit(
            market.sign_in(),
            bounty_id,
            entering.Submission(file, name, dry_run),
            wait_seconds=wait,
            console=console,
        )
    if as_json:
        typer.echo(json.dumps(made))
        return
    left = {name: quota["remaining"] for name, quota in made["limits"].items()}
    score = made["shown_score"]
    shown = made["end_reason"] or made["state"] if score is None else f"on the board: {score}"
    better = "" if score is None or made["improved"] else " (not better than by chance)"
    typer.echo(f"{shown}{better}; left today: {left['today']}, in all: {left['total']}")


@bounty.command("board")
def board(
    bounty_id: Id,
    server: Server = None,
    rows: Annotated[int, typer.Option(help="How many of them.", min=1, max=100)] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="All of it, as CSV.")] = False,
) -> None:
    """Show the leaderboard: the final one once there is one. Needs no account."""
    from rich.console import Console

    from dml.client.marketplace import Marketplace, bounty_path
    from dml.entrypoints.bounty import entering

    with Marketplace(server) as market:
        if as_csv:
            path = f"{bounty_path(bounty_id)}/leaderboard.csv"
            sys.stdout.buffer.write(market.bytes_of(path, limit=1 << 28))
            return
        Console(highlight=False, markup=False).print(entering.board(market, bounty_id, rows))


@bounty.command("verify")
def verify(
    bounty_id: Id,
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
        verdict = verifying.verify(market, bounty_id, commitment)
    typer.echo(verdict.as_json() if as_json else verdict.as_text())
    raise typer.Exit(0 if verdict.verified else 1)


@bounty.command("list")
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
def show(bounty_id: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Show a bounty: what is asked for, the prizes, the dates, the rules."""
    from dml.client.http import one_line
    from dml.client.marketplace import Marketplace, bounty_path

    with Marketplace(server) as market:
        told = market.ask("GET", bounty_path(bounty_id))
    common.show_item(told, FIELDS, as_json=as_json)
    if not as_json:
        for part in ("description", "data", "evaluation", "rules"):
            text = "\n".join(map(one_line, str(told[part]).splitlines()))
            common.console().print(f"\n{part}\n{text}")


@bounty.command("data")
def data(
    bounty_id: Id,
    server: Server = None,
    to: Annotated[Path, typer.Option(help="The folder to write them to.")] = Path(),
) -> None:
    """Download the files that are attached to a bounty."""
    from dml.entrypoints.bounty import making

    with signed_in(server) as market:
        for file in making.download(market, bounty_id, to):
            typer.echo(file)


@bounty.command("submissions")
def submissions(bounty_id: Id, server: Server = None, as_json: AsJson = False) -> None:
    """List your submissions to a bounty, newest first."""
    from dml.client.marketplace import bounty_path

    columns = [("submission", "id"), ("name", "name"), ("state", "state"), ("sent", "created_at")]
    columns += [("on the board", "shown_score"), ("because", "end_reason")]
    with signed_in(server) as market:
        listed = market.all_of(f"{bounty_path(bounty_id)}/submissions")
        common.show_list(listed, columns, as_json=as_json)


@bounty.command("start")
def start(bounty_id: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Let submissions begin now, and not at their date. For its owner."""
    _move(bounty_id, server, "start", as_json=as_json)


@bounty.command("close")
def close(
    bounty_id: Id, server: Server = None, yes: common.Yes = False, as_json: AsJson = False
) -> None:
    """End submissions now, and rank. For its owner."""
    common.confirm("End submissions now?", yes=yes)
    _move(bounty_id, server, "close", as_json=as_json)


def _move(bounty_id: str, server: str | None, verb: str, *, as_json: bool) -> None:
    from dml.client.marketplace import bounty_path

    with signed_in(server) as market:
        moved = market.ask("POST", f"{bounty_path(bounty_id)}/{verb}")
    common.show_item(moved, FIELDS, as_json=as_json)
