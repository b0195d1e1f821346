"""`dml`: one command for everything. Each subcommand imports what it needs when it is called, so
that all start quickly: the one exception to "no import inside a function".
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from dml import ending
from dml.entrypoints.bounty.commands import bounty
from dml.entrypoints.cli import sim_options
from dml.entrypoints.cli.backup import backup, restore
from dml.entrypoints.cli.chain import chain
from dml.entrypoints.cli.keys import keys
from dml.entrypoints.cli.panels import MARKET, OPERATE, YOU, InOrder
from dml.entrypoints.cli.top import top
from dml.entrypoints.cli.upgrade import upgrade
from dml.refused import MEANINGS, ExitCode, Refused
from dml.tool import account, events, listen, money
from dml.tool.common import AsJson, Yes, confirm, show_json
from dml.tool.device import device
from dml.tool.job import job
from dml.tool.moderate import moderate
from dml.tool.opinions import model
from dml.tool.organisations import org
from dml.tool.profiling import processes, profile
from dml.tool.users import users
from dml.tool.webhook import webhook

if TYPE_CHECKING:
    from dml.core.settings import Settings

# Packages that a device does without.
OF_DEVELOPERS: Final = frozenset({"onnx", "standardwebhooks", "yaml"})


HELP_NAMES: Final = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    cls=InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings=HELP_NAMES,
    help="DML Marketplace: machine learning that runs where the data is.\n\nExit codes:\n\n"
    + "\n".join(f"- {code}: {meaning}" for code, meaning in MEANINGS.items()),
)
admin = typer.Typer(no_args_is_help=True, help="Commands for an operator at the machine.")
_MINE: Final[tuple[Callable[..., None], ...]] = (
    *(account.login, account.logout, account.whoami),
    *(money.balance, money.transfers, money.deposit, money.withdraw),
    *(events.events, listen.listen),
)
for command in _MINE:
    app.command(rich_help_panel=YOU)(command)
app.add_typer(account.account, name="account", rich_help_panel=YOU)
app.add_typer(money.withdrawal, name="withdrawal", rich_help_panel=YOU)
app.add_typer(money.wallet, name="wallet", rich_help_panel=YOU)
app.add_typer(org, name="org", rich_help_panel=YOU)
app.add_typer(webhook, name="webhook", rich_help_panel=YOU)
for group, name in ((model, "model"), (job, "job"), (device, "device"), (bounty, "bounty")):
    app.add_typer(group, name=name, rich_help_panel=MARKET)
app.add_typer(moderate, name="moderate", rich_help_panel=MARKET)
app.add_typer(admin, name="admin", rich_help_panel=OPERATE)
app.add_typer(chain, name="chain", rich_help_panel=OPERATE)
app.add_typer(keys, name="keys", rich_help_panel=OPERATE)
app.add_typer(backup, name="backup", rich_help_panel=OPERATE)
app.command(rich_help_panel=OPERATE)(restore)
admin.add_typer(users, name="users")
admin.command()(processes)
admin.command()(profile)
app.command(rich_help_panel=OPERATE)(top)
app.command(rich_help_panel=OPERATE)(upgrade)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    from dml.release import release

    if version:
        typer.echo(f"dml {release()}")
        raise typer.Exit


def _settings(**chosen: int | None) -> "Settings":
    from dml.entrypoints.settings_read import read

    return read(**chosen)


@app.command(rich_help_panel=OPERATE)
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


@app.command(rich_help_panel=OPERATE)
def down() -> None:
    """Stop everything that runs for this home, however it was started. Data stays."""
    from dml.entrypoints.supervisor.up import stop

    raise typer.Exit(stop(_settings()))


@app.command(rich_help_panel=OPERATE)
def restart() -> None:
    """Restart each API and each worker, one after the other, without losing a request.

    For new code; without an interruption if there are two APIs or more. For new settings, use
    `dml down` and `dml up`.
    """
    from dml.entrypoints.supervisor.up import restart

    raise typer.Exit(restart(_settings()))


@app.command(rich_help_panel=OPERATE)
def server() -> None:
    """Run only the API. `dml up` starts it, too."""
    from dml.entrypoints.server import run

    raise typer.Exit(run(_settings()))


@app.command(rich_help_panel=OPERATE)
def worker() -> None:
    """Run only a worker: durable processes, folding and sweeping. `dml up` starts it, too."""
    from dml.entrypoints.worker import run

    raise typer.Exit(run(_settings()))


@app.command(rich_help_panel=OPERATE)
def migrate() -> None:
    """Bring the database up to date. Repeating it changes nothing."""
    from dml.entrypoints import migrate, wiring

    migrate.migrate(wiring.database_url(_settings()))


@app.command(rich_help_panel=OPERATE)
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help='Print `{"content", "complaints", "checks"}`.')
    ] = False,
) -> None:
    """Check that no token, place or result is lost or counted twice, and that nothing is stuck.

    Reads one snapshot, so it can run while the marketplace works. The exit code is 0 if all is
    well, 1 with complaints, 3 if the database cannot be asked.
    """
    from dml.entrypoints.doctor import run

    raise typer.Exit(run(_settings(), as_json=as_json))


@app.command(rich_help_panel=OPERATE)
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
    epsilon: sim_options.Epsilon = 1.0,
    exact: sim_options.Exact = False,
    server_urls: sim_options.Servers = [],  # noqa: B006 - typer copies it
    record: sim_options.Record = None,
    picture: sim_options.Picture = None,
    yes: sim_options.Yes = False,
    as_json: sim_options.Json = False,
) -> None:
    """Simulate N devices that work through the API, and measure how it performs.

    Owners, devices, their tokens, a customer and the jobs are made directly in the database, with
    the marketplace's keys: to register them would take an hour. All that a device does then goes
    over HTTP, through real connections. No device runs a model; it submits counts of a known
    distribution, and the answer is shown beside it. Owners' budgets end: for many jobs, `--exact`.

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
        epsilon=None if exact else epsilon,
    )
    raise typer.Exit(run(settings, scenario, yes=yes, as_json=as_json, picture=picture))


@app.command(rich_help_panel=OPERATE)
def settings(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
    as_env: Annotated[
        bool, typer.Option("--env", help="As a file of variables, to begin one of your own.")
    ] = False,
) -> None:
    """Show every setting: its variable, its value here (no secrets), and what it means.

    What is set otherwise than by default comes first.
    """
    from rich.console import Console

    from dml.entrypoints.cli.settings_shown import Form, shown

    if as_json and as_env:
        raise typer.BadParameter("choose one of --json and --env")
    told = shown(_settings(), Form.JSON if as_json else Form.ENV if as_env else Form.TABLE)
    if isinstance(told, str):
        typer.echo(told)
    else:
        Console().print(told)


@app.command(rich_help_panel=OPERATE)
def openapi(
    write: Annotated[Path | None, typer.Option(help="Write the description here.")] = None,
    check: Annotated[Path | None, typer.Option(help="Fail if this file is not current.")] = None,
) -> None:
    """Print, write or check the OpenAPI description."""
    from dml.entrypoints.cli.describe import openapi_json

    _describe(openapi_json(), write, check)


@app.command(rich_help_panel=OPERATE)
def graphql(
    write: Annotated[Path | None, typer.Option(help="Write the schema here.")] = None,
    check: Annotated[Path | None, typer.Option(help="Fail if this file is not current.")] = None,
) -> None:
    """Print, write or check the schema of the graph."""
    from dml.entrypoints.cli.describe import graphql_schema

    _describe(graphql_schema(), write, check)


def _describe(text: str, write: Path | None, check: Path | None) -> None:
    if write is not None:
        write.write_text(text)
    elif check is None:
        typer.echo(text)
    elif not check.exists() or check.read_text() != text:
        typer.echo(f"{check} is not what the code says: run `make openapi`.", err=True)
        raise typer.Exit(ExitCode.NOT_DONE)


@admin.command("ensure-first")
def ensure_first(as_json: AsJson = False) -> None:
    """Make the first admin, if there is none, and print its random password, once."""
    from dml.entrypoints.cli.admin import ensure_first_admin

    _show_password(ensure_first_admin(_settings()), as_json=as_json)


@admin.command("reset-password")
def reset_password(
    email: Annotated[
        str, typer.Argument(help="Whose password; the first admin's by default.")
    ] = "admin@localhost.localdomain",
    as_json: AsJson = False,
) -> None:
    """Give an account a new random password, and print it."""
    from dml.entrypoints.cli.admin import reset

    _show_password(reset(_settings(), email), as_json=as_json)


@admin.command("reset-factors")
def reset_factors(
    email: Annotated[str, typer.Argument(help="Whose: the e-mail address.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove an account's authenticator app and recovery codes: make sure first who asks."""
    from dml.entrypoints.cli.admin import forget_factors

    confirm(f"Let {email} sign in with one factor alone?", yes=yes)
    had_one = forget_factors(_settings(), email)
    if as_json:
        show_json({"email": email, "had_factor": had_one})
        return
    typer.echo("removed" if had_one else "there was none")


def _show_password(told: tuple[str, str] | None, *, as_json: bool) -> None:
    """Show an e-mail address with its new password; nothing where there is none."""
    if as_json:
        show_json(None if told is None else dict(zip(("email", "password"), told, strict=True)))
    elif told is not None:
        typer.echo("  ".join(told))


@admin.command("job-results")
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
    is 1 if something is wrong, 3 if it cannot be checked.
    """
    from dml.entrypoints.cli.job_results import Form, run

    asked = {Form.JSON: as_json, Form.CSV: as_csv, Form.RAW: raw, Form.VERIFY: verify}
    forms = [form for form, chosen in asked.items() if chosen] or [Form.TABLE]
    if len(forms) > 1:
        raise typer.BadParameter("choose one of --json, --csv, --raw and --verify")
    raise typer.Exit(run(_settings(), job_id, forms[0]))


def main() -> NoReturn:
    """Run the command that was typed, and end this process."""
    ending.run(_main)


def _main() -> None:
    """Run a command. Errors of its environment are one line, without a stack trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed.
            # A terminal with a small character set shows other letters as `?`.
            stream.reconfigure(errors="replace")
    try:
        app()
    except Refused as refusal:
        _end(str(refusal), refusal.exit_code)
    except ModuleNotFoundError as missing:  # Of an agent, say, which has no server's packages.
        package = str(missing.name).partition(".")[0]
        if package == "dml":
            raise
        extra = "developer" if package in OF_DEVELOPERS else "server"
        _end(f"{package} is not installed: pip install 'dml[{extra}]'", ExitCode.NOT_DONE)
    except OSError as error:  # A full disk, say, or a read-only folder.
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        _end(f"{where}{error.strerror or error}", ExitCode.NOT_DONE)


def _end(why: str, code: ExitCode) -> None:
    with contextlib.suppress(OSError):
        typer.echo(f"dml: {why}", err=True)
    with contextlib.suppress(OSError):  # The reader may be gone; that is reported already.
        sys.stdout.close()
    sys.exit(code)
