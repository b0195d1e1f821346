"""`dml device`: let models run over data of yours, and earn."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dml.refused import Refused
from dml.tool import common
from dml.tool.common import AsJson, Server, Yes, show_item, show_list, signed_in

device = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Devices: let models run over data of yours, and earn. Counts leave the device, and "
    "nothing else.",
)
Home = Annotated[
    Path | None, typer.Option(help="The agent's own folder. [default: ~/.local/state/dml-device]")
]
CacheMiB = Annotated[
    int,
    typer.Option(
        min=0,
        help="How much of the disk reduced pictures of your photos may take: with them, the next "
        "job need not decode the photos again. They never leave the home.",
    ),
]
CPUs = Annotated[
    int,
    typer.Option(
        min=1,
        max=64,
        help="How many cores to use. Each more takes the memory of one more photo and model.",
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How much memory, in MiB, all models that run at once may need: models that need more "
        "are not offered to this device. [default: all there is]",
        show_default=False,
    ),
]
Cache = Annotated[
    bool,
    typer.Option("--cache/--no-cache", help="Whether any are kept; else all are forgotten."),
]
FIELDS = (
    ("device", "id"),
    ("name", "name"),
    ("platform", "platform"),
    ("country", "country"),
    ("holds", "kinds"),
    ("may be processed", "permitted_kinds"),
    ("memory for a model, MiB", "memory_mib"),
    ("speed", "speed"),
    ("last seen", "last_seen_at"),
    ("revoked", "revoked_at"),
)


@device.command("list")
def list_devices(server: Server = None, as_json: AsJson = False) -> None:
    """List your devices, newest first."""
    columns = [("device", "id"), ("name", "name"), ("country", "country"), ("holds", "kinds")]
    columns += [("last seen", "last_seen_at"), ("revoked", "revoked_at")]
    with signed_in(server) as market:
        show_list(market.all_of("/v1/devices"), columns, as_json=as_json)


@device.command("revoke")
def revoke(
    named: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, its end, or its name.")],
    server: Server = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Revoke a device of yours for good: it gets no more work, and its key no longer counts."""
    with signed_in(server) as market:
        listed = market.all_of("/v1/devices")
        found = common.find_id(listed, named, title="name", what="device")
        common.confirm("Revoke this device for good?", yes=yes)
        gone = market.ask("POST", f"{common.path_of('devices', found)}/revoke")
    show_item(gone, FIELDS, as_json=as_json)


@device.command("pair")
def pair_device(
    server: Server = None,
    permit: Annotated[
        list[str] | None, typer.Option(help="A kind of data that models may process; repeat it.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Get a pairing code for a device, on this machine or another one.

    Asks what models may process on your devices, where you have not said so yet.
    """
    from dml.tool import pairing

    with signed_in(server) as market:
        code = pairing.new_code(market, permit, yes=yes)
    if as_json:
        common.show_json(code)
        return
    typer.echo(code["code"])
    common.console(to_stderr=True).print(
        f"On the device, within {code['expires_in_seconds'] // 60} minutes:\n"
        f"dml device run --data FOLDER --server {market.url} --pair {code['code']}",
        soft_wrap=True,
    )


@device.command("try")
def try_devices(
    folders: Annotated[
        list[Path], typer.Argument(help="A folder of photos for each person.", metavar="FOLDER…")
    ],
    server: Server = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Each device's lines as JSON, for scripts.")
    ] = False,
) -> None:
    """Try a marketplace on one machine: an account and a real device for each folder of photos.

    They do the work that there is, and end. Each has its own home in `~/.local/state/dml-trial`,
    and is the same person the next time. For your own marketplace: an answer needs five owners.
    They agree to exact answers, too.
    """
    from dml.tool import trial

    failed = trial.run(server, folders, common.console(to_stderr=True), as_json=as_json)
    raise typer.Exit(1 if failed else 0)


@device.command("budget")
def budget(
    server: Server = None,
    epsilon: Annotated[
        float | None,
        typer.Option(help="How much all jobs together may learn of you in any 30 days."),
    ] = None,
    pause: Annotated[
        bool | None,
        typer.Option("--pause/--resume", help="Whether your devices get no work with noise."),
    ] = None,
    exact: Annotated[
        bool | None,
        typer.Option(
            "--allow-exact/--no-exact", help="Whether they work for answers without noise."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show your privacy budget: what jobs may learn of you, and did. Or set it.

    It is the epsilon of differential privacy, at a delta of a millionth, over all jobs of 30 days.
    """
    from dml.tool import budgets

    with signed_in(server) as market:
        standing = budgets.settle(market, epsilon=epsilon, pause=pause, exact=exact)
    show_item(standing, budgets.FIELDS, as_json=as_json)


@device.command("limits")
def limits(
    server: Server = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="`label=passport`, `developer=ID`, `job=ID` or `country=PT`; repeat it.",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="WHAT", help="Refuse this no longer; repeat it.")
    ] = None,
    max_epsilon: Annotated[
        float | None, typer.Option(help="How much one job may learn of you, at most.")
    ] = None,
    any_epsilon: Annotated[
        bool, typer.Option("--any-epsilon", help="As much as your privacy budget covers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what none of your devices works for. Or change it.

    The marketplace goes by it, and each device does so by itself, too.
    """
    from dml.tool import limits

    with signed_in(server) as market:
        standing = limits.change(
            market,
            refuse=refuse or (),
            accept=accept or (),
            max_epsilon=max_epsilon,
            any_epsilon=any_epsilon,
        )
    show_item(standing, limits.FIELDS, as_json=as_json)


@device.command("manifests")
def show_manifests(home: Home = None, as_json: AsJson = False) -> None:
    """Show what the jobs that this device was given may learn, in words, the newest first.

    Of each job the device keeps its manifest, a public document that never changes.
    """
    from dml.agent import job_manifests
    from dml.agent.home import Home as AgentHome, default_folder

    found = job_manifests.shown(AgentHome((home or default_folder()).expanduser()))
    if as_json:
        common.show_json(found)
        return
    for it in found:
        show_item(it["words"], [(name, name) for name in it["words"]], as_json=False)
    if not found:
        typer.echo("nothing yet")


@device.command("receipts")
def show_receipts(
    home: Home = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Only verify what is saved, without the marketplace."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Save and list the receipts of what left this device, signed by the marketplace.

    They lie in the device's home with the keys that verify them. Each is compared with what the
    device itself wrote down. The exit code is 1 where one proves nothing.
    """
    from dml.tool import receipts

    found = receipts.look(home, fetch=not verify)
    if as_json:
        common.show_json(found)
    else:
        receipts.show(found)
    raise typer.Exit(any(not it["verified"] for it in found))


@device.command("run")
def run_device(
    data: Annotated[Path, typer.Option(help="The folder with your photos. It is only read.")],
    server_url: Annotated[
        str | None,
        typer.Option(
            "--server",
            help="The marketplace's address, needed once. [default: as of all commands]",
            show_default=False,
        ),
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="A pairing code of your account, the first time.")
    ] = None,
    home: Home = None,
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
        int, typer.Option(min=1, max=100, help="How much of each core to use, on average.")
    ] = 100,
    cpus: CPUs = 1,
    memory: Memory = None,
    cache_mib: CacheMiB = 1024,
    cache: Cache = True,
    as_json: Annotated[bool, typer.Option("--json", help="Lines of JSON, for scripts.")] = False,
) -> None:
    """Run models over a folder's photos, and send back counts: nothing else leaves this device.

    Ctrl-C finishes or gives back the work under way; twice ends it at once. Quiet hours give it
    back, too. The processor limit is kept by sleeping between photos and runs of the model.
    """
    from dml.agent.console import Console, JsonConsole
    from dml.agent.home import default_folder
    from dml.agent.pairing import PairingOptions
    from dml.agent.run import Options, run
    from dml.client.marketplace import Marketplace

    if pair is not None and server_url is None:  # Whoever is paired already knows its address.
        with Marketplace(os.environ.get("DML_SERVER") or None) as market:
            server_url = market.url
    console: Console = JsonConsole() if as_json else Console()
    if sys.stdout is not None and sys.stdout.isatty() and not as_json:
        from dml.agent.progress import RichConsole

        console = RichConsole()
    options = Options(
        data=data,
        home=home or default_folder(),
        pairing=PairingOptions(
            server_url, pair, name, country, tuple(kinds), memory_mib=memory, cpus=cpus
        ),
        once=once,
        quiet=_quiet_hours(quiet_hours),
        cpu_percent=cpu_percent,
        cpus=cpus,
        pictures_bytes=cache_mib << 20 if cache else 0,
    )
    raise typer.Exit(run(options, console))


def _quiet_hours(text: str | None) -> Any:
    from dml.agent.pace import read_quiet_hours

    try:
        return None if text is None else read_quiet_hours(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}", param_hint="--quiet-hours") from None


@device.command("status")
def show_device(
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what this device did and earned, and exactly what left it."""
    from dml.agent.home import default_folder
    from dml.agent.status import show

    raise typer.Exit(show(home or default_folder(), as_json=as_json))


@device.command("forget-pictures")
def forget_pictures(home: Home = None, as_json: AsJson = False) -> None:
    """Forget the reduced pictures of your photos that this device keeps.

    An agent keeps new ones with its next job: forbid it with `dml device run --no-cache`.
    """
    from dml.agent.home import Home as AgentHome, default_folder
    from dml.agent.pictures import forget

    found = AgentHome((home or default_folder()).expanduser())
    try:
        number = forget(found.pictures, found.pictures_key)
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from None
    if as_json:
        common.show_json({"forgotten": number})
    else:
        typer.echo(f"Forgot {number} pictures. Your photos are as they were.")
