"""`dml`: one command for everything. Each subcommand imports what it needs when it is called, so
that all start quickly: the one exception to "no import inside a function".
"""

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dml.entrypoints.bounty.commands import bounty
from dml.entrypoints.cli import sim_options
from dml.entrypoints.cli.chain import chain

if TYPE_CHECKING:
    from dml.core.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="DML Marketplace: machine learning that runs where the data is.",
)
admin = typer.Typer(no_args_is_help=True, help="Commands for an operator at the machine.")
app.add_typer(admin, name="admin")
job = typer.Typer(no_args_is_help=True, help="The results of a job, for the operator only.")
app.add_typer(job, name="job")
device = typer.Typer(no_args_is_help=True, help="Let models run over your data, and earn.")
app.add_typer(device, name="device")
app.add_typer(bounty, name="bounty")
app.add_typer(chain, name="chain")


def _settings(**chosen: int | None) -> "Settings":
    from dml.entrypoints.settings_read import read

    return read(**chosen)


@app.command()
def up(
    api: Annotated[
        int | None, typer.Option(help="API processes, on one port. [default: from the cores]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Workers. [default: from the cores]")] = None,
) -> None:
    """Start the whole marketplace and watch over it: PostgreSQL, Valkey, chain, APIs, workers.

    Keeps everything in `DML_HOME` (`.dml`). Running processes are adopted, dead ones restarted, and
    Ctrl-C stops all of them. With `DML_DATABASE_URL`, `DML_REDIS_URL` and `DML_CHAIN_URL` set,
    those are used. The local chain's tokens are worth nothing; `DML_LOCAL_CHAIN=false` starts none.
    """
    from dml.entrypoints.supervisor import ahead

    if sys.platform == "linux":  # While the settings are read here.
        ahead.Ahead.start("dml.entrypoints.supervisor.supervisor").leave()
    from dml.entrypoints.supervisor.up import run

    raise typer.Exit(run(_settings(api_processes=api, worker_processes=workers)))


@app.command()
def down() -> None:
    """Stop everything that runs for this home, however it was started. Data stays."""
    from dml.entrypoints.supervisor.up import stop

    raise typer.Exit(stop(_settings()))


@app.command()
def restart() -> None:
    """Restart each API and each worker, one after the other, without losing a request.

    For new code; without an interruption if there are two APIs or more. For new settings, use
    `dml down` and `dml up`.
    """
    from dml.entrypoints.supervisor.up import restart

    raise typer.Exit(restart(_settings()))


@app.command()
def server() -> None:
    """Run only the API. `dml up` starts it, too."""
    from dml.entrypoints.server import run

    raise typer.Exit(run(_settings()))


@app.command()
def worker() -> None:
    """Run only a worker: durable processes, folding and sweeping. `dml up` starts it, too."""
    from dml.entrypoints.worker import run

    raise typer.Exit(run(_settings()))


@app.command()
def migrate() -> None:
    """Bring the database up to date. Repeating it changes nothing."""
    from dml.entrypoints import migrate, wiring

    migrate.migrate(wiring.database_url(_settings()))


@app.command()
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help='Print `{"content", "complaints", "checks"}`.')
    ] = False,
) -> None:
    """Check that no token, place or result is lost or counted twice, and that nothing is stuck.

    Reads one snapshot, so it can run while the marketplace works. The exit code is 0 if all is
    well, 1 with complaints, 2 if the database cannot be reached.
    """
    from dml.entrypoints.doctor import run

    raise typer.Exit(run(_settings(), as_json=as_json))


@app.command()
def sim(
    devices: sim_options.Devices,
    owners: sim_options.Owners = None,
    jobs: sim_options.Jobs = 1,
    places: sim_options.Places = None,
    arrivals: sim_options.Arrivals = None,
    at_once: sim_options.AtOnce = None,
    connections: sim_options.Connections = 256,
    work_seconds: sim_options.WorkSeconds = 0.05,
    drop_outs: sim_options.DropOuts = 0.0,
    liars: sim_options.Liars = 0.0,
    slow: sim_options.Slow = 0.0,
    seconds: sim_options.Seconds = None,
    seed: sim_options.Seed = 0,
    server_urls: sim_options.Servers = [],  # noqa: B006 - typer copies it
    record: sim_options.Record = None,
    picture: sim_options.Picture = None,
    yes: sim_options.Yes = False,
    as_json: sim_options.Json = False,
) -> None:
    """Simulate N devices that work through the API, and measure how it performs.

    Owners, devices, their tokens, a customer and the jobs are made directly in the database, with
    the marketplace's keys: registering a hundred thousand people would take an hour. All that a
    device does then goes over HTTP, through real connections: claim, heartbeat, result, release.
    No device runs a model; it submits counts of a known distribution, so that the answer's error
    is known, too.

    **What it makes stays:** a ledger forgets nothing. Its people are `sim-…@example.org`, its
    devices are in the country `BV`, and its jobs ask for only that country and are closed at the
    end; but other people's jobs that ask for no country are given to its devices, too. So run it
    in a home of its own: `DML_HOME=/tmp/sim dml up`, then `DML_HOME=/tmp/sim dml sim 100000`.

    The exit code is 0 if every accepted result was counted and paid exactly once.
    """
    from dml.entrypoints.cli.sim import read_addresses, run
    from dml.sim.play import Manners
    from dml.sim.simulation import Scenario

    settings = _settings()
    scenario = Scenario(
        addresses=read_addresses(settings, server_urls),
        devices=devices,
        owners=min(owners or devices, devices),
        jobs=jobs,
        places=places,
        arrivals=arrivals,
        at_once=at_once,
        connections=connections,
        seconds=seconds,
        seed=seed,
        manners=Manners(drop_outs, liars, slow, work_seconds),
        record=record,
    )
    raise typer.Exit(run(settings, scenario, yes=yes, as_json=as_json, picture=picture))


@app.command()
def settings() -> None:
    """Show every setting: its variable, its value here (no secrets), and what it means."""
    from rich.console import Console
    from rich.table import Table

    from dml.core.money import MicroTokens, render

    here = _settings()
    table = Table("variable", "value", "meaning", show_lines=True)
    for name, field in type(here).model_fields.items():
        value = getattr(here, name)
        is_amount = field.annotation is MicroTokens
        shown = f"{render(value)} tokens" if is_amount else str(value)
        table.add_row(f"DML_{name.upper()}", shown, field.description)
    Console().print(table)


@app.command()
def openapi(
    write: Annotated[Path | None, typer.Option(help="Write the description here.")] = None,
    check: Annotated[Path | None, typer.Option(help="Fail if this file is not current.")] = None,
) -> None:
    """Print, write or check the OpenAPI description."""
    from dml.entrypoints.cli.describe import openapi_json

    text = openapi_json()
    if write is not None:
        write.write_text(text)
    elif check is None:
        typer.echo(text)
    elif not check.exists() or check.read_text() != text:
        typer.echo(f"{check} is not what the code says: run `make openapi`.", err=True)
        raise typer.Exit(1)


@admin.command("ensure-first")
def ensure_first() -> None:
    """Make the first admin, if there is none, and print its random password, once."""
    from dml.entrypoints.cli.admin import ensure_first_admin

    typer.echo(ensure_first_admin(_settings()), nl=False)


@admin.command("reset-password")
def reset_password(
    email: Annotated[
        str, typer.Argument(help="Whose password; the first admin's by default.")
    ] = "admin@localhost.localdomain",
) -> None:
    """Give an account a new random password, and print it."""
    from dml.entrypoints.cli.admin import reset

    typer.echo(reset(_settings(), email), nl=False)


@job.command("results")
def job_results(
    job_id: Annotated[str, typer.Argument(help="The job's id.", metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, like the API's.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, like the API's.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Each assignment as a line of JSON. Do not share it.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all archives, and count their results again.")
    ] = False,
) -> None:
    """Show a job's answer as its customer sees it, whether it is archived or not.

    `--raw` shows single devices, so it is for the operator only. `--verify` checks each file's
    hash and its link to the file before, and that the files add up to the answer; the exit code
    is 1 if something is wrong, 2 if it cannot be checked.
    """
    from dml.entrypoints.cli.job_results import Form, run

    asked = {Form.JSON: as_json, Form.CSV: as_csv, Form.RAW: raw, Form.VERIFY: verify}
    forms = [form for form, chosen in asked.items() if chosen] or [Form.TABLE]
    if len(forms) > 1:
        raise typer.BadParameter("choose one of --json, --csv, --raw and --verify")
    raise typer.Exit(run(_settings(), job_id, forms[0]))


@device.command("run")
def run_device(
    data: Annotated[Path, typer.Option(help="The folder with your photos. It is only read.")],
    server_url: Annotated[
        str | None, typer.Option("--server", help="The marketplace's address. Needed once.")
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="A pairing code of your account, the first time.")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="The agent's own folder. [default: ~/.local/state/dml-device]"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name in your account.")] = None,
    country: Annotated[
        str | None, typer.Option(help="Where it is, ISO 3166 alpha-2, such as PT.")
    ] = None,
    kinds: Annotated[list[str], typer.Option(help="What the folder holds.")] = ["photo"],  # noqa: B006 - typer copies it
    once: Annotated[
        bool, typer.Option("--once", help="End when there is no work left, instead of waiting.")
    ] = False,
    quiet_hours: Annotated[
        str | None, typer.Option(help="Rest at these local times, such as 22:00-07:00.")
    ] = None,
    cpu_percent: Annotated[
        int, typer.Option(min=1, max=100, help="How much of one core to use, on average.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Lines of JSON, for scripts.")] = False,
) -> None:
    """Run models over a folder's photos, and send back counts: nothing else leaves this device.

    Ctrl-C finishes or gives back the work under way; twice ends it at once. Quiet hours give it
    back, too. The processor limit is kept by sleeping between photos and runs of the model.
    """
    from dml.agent.console import Console, JsonConsole
    from dml.agent.home import default_folder
    from dml.agent.pace import read_quiet_hours
    from dml.agent.pairing import PairingOptions
    from dml.agent.run import Options, run

    console: Console = JsonConsole() if as_json else Console()
    if sys.stdout is not None and sys.stdout.isatty() and not as_json:
        from dml.agent.progress import RichConsole

        console = RichConsole()
    try:
        quiet = None if quiet_hours is None else read_quiet_hours(quiet_hours)
    except ValueError as error:
        raise typer.BadParameter(f"{quiet_hours}: {error}", param_hint="--quiet-hours") from None
    options = Options(
        data=data,
        home=home or default_folder(),
        pairing=PairingOptions(
            server=server_url, code=pair, name=name, country=country, kinds=tuple(kinds)
        ),
        once=once,
        quiet=quiet,
        cpu_percent=cpu_percent,
    )
    raise typer.Exit(run(options, console))


@device.command("status")
def show_device(
    home: Annotated[
        Path | None,
        typer.Option(help="The agent's own folder. [default: ~/.local/state/dml-device]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for scripts.")] = False,
) -> None:
    """Show what this device did and earned, and exactly what left it."""
    from dml.agent.home import default_folder
    from dml.agent.status import show

    raise typer.Exit(show(home or default_folder(), as_json=as_json))


def main() -> None:
    """Run a command. Errors of its environment are one line, without a stack trace."""
    from dml.refused import Refused

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed.
            # A terminal with a small character set shows other letters as `?`.
            stream.reconfigure(errors="replace")
    try:
        app()
    except Refused as refusal:
        _end(str(refusal))
    except OSError as error:  # A full disk, say, or a read-only folder.
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        _end(f"{where}{error.strerror or error}")


def _end(why: str) -> None:
    with contextlib.suppress(OSError):
        typer.echo(f"dml: {why}", err=True)
    with contextlib.suppress(OSError):  # The reader may be gone; that is reported already.
        sys.stdout.close()
    sys.exit(1)
