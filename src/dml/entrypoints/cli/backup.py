"""`dml backup` and `dml restore`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from dml.refused import Refused
from dml.tool.common import AsJson, show_json, show_list

if TYPE_CHECKING:
    from dml.core.settings import Settings
    from dml.entrypoints.backup.key import BackupKey
    from dml.entrypoints.backup.manifest import Manifest
    from dml.entrypoints.backup.place import Place

COLUMNS: Final = (
    ("name", "name"),
    ("taken at", "taken_at"),
    ("release", "release"),
    ("schema", "schema"),
    ("files", "files"),
    ("bytes", "bytes"),
)
MAKE: Final = "make"
Where = Annotated[
    str,
    typer.Argument(help="A folder, or `s3://BUCKET/PATH`.", metavar="PLACE", show_default=False),
]
Named = Annotated[
    str | None,
    typer.Option("--name", help="Which backup. [default: the newest]", show_default=False),
]


class MakesAtOnce(TyperGroup):
    """`dml backup PLACE` is `dml backup make PLACE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = [MAKE, *args]
        return super().parse_args(ctx, args)


backup = typer.Typer(
    cls=MakesAtOnce,
    no_args_is_help=True,
    help="Encrypted backups of all that a marketplace is: `dml backup PLACE` makes one.",
)


@backup.command(MAKE)
def make(where: Where, as_json: AsJson = False) -> None:
    """Make a backup, while the marketplace runs: PostgreSQL as of one moment, files and keys.

    It is encrypted under `DML_BACKUP_KEY`. Files that an earlier backup in the same place has are
    not copied again. One that is cut off is none, and goes with the next.
    """
    import asyncio

    from dml.entrypoints.backup import making, manifest as manifests, verifying
    from dml.entrypoints.backup.place import Place
    from dml.entrypoints.backup.telling import as_bytes, telling

    settings = _settings()
    passphrase = _passphrase(settings)

    async def run() -> "tuple[Manifest, making.Made]":
        place = Place.at(where, make=True)
        key = await manifests.prepare_key(place, passphrase)
        return await making.make(settings, place, key, teller)

    with telling("Making a backup") as teller:
        whole, made = asyncio.run(run())
    if as_json:
        show_json(verifying.told(whole) | {"new_files": made.new_files})
    else:
        typer.echo(
            f"Backup {whole.name}: database of {as_bytes(whole.part('database').size)}, "
            f"{whole.files:,} files ({made.new_files:,} of them new), {as_bytes(whole.size)} in all"
        )
    if made.missing:
        some = ", ".join(made.missing[:3])
        raise Refused(f"{len(made.missing)} files that rows name are not there: {some}; dml doctor")


@backup.command("list")
def list_all(where: Where, as_json: AsJson = False) -> None:
    """List the backups of a place, oldest first. It takes no key."""
    import asyncio

    from dml.entrypoints.backup import manifest as manifests, verifying
    from dml.entrypoints.backup.manifest import Manifest
    from dml.entrypoints.backup.place import Place

    async def run() -> tuple[list[str], list[Manifest]]:
        place = Place.at(where)
        return await manifests.list_names(place), await manifests.list_whole(place)

    names, found = asyncio.run(run())
    show_list([verifying.told(it) for it in found], COLUMNS, as_json=as_json)
    if rest := sorted(set(names) - {it.name for it in found}):
        typer.echo(f"not whole: {', '.join(rest)}", err=True)


@backup.command("verify")
def verify(where: Where, name: Named = None, as_json: AsJson = False) -> None:
    """Read all of a backup, and say what it holds.

    Each byte is decrypted and held against its hash, and the dump is read as a restore reads it.
    The exit code is 1 if something is not as it was written.
    """
    from dml.entrypoints.backup import verifying
    from dml.entrypoints.backup.telling import telling

    settings = _settings()

    async def run(place: "Place", key: "BackupKey", found: "Manifest") -> verifying.Read:
        return await verifying.verify(settings, place, key, found, teller)

    with telling("Reading the backup") as teller:
        read = _opened(settings, where, name, run)
    if as_json:
        show_json(verifying.told(read.manifest) | {"rows": read.contents.rows, "wrong": read.wrong})
    else:
        typer.echo("\n".join(verifying.in_words(read)))
    if read.wrong:
        raise Refused("; ".join(read.wrong[: verifying.WORDS_MAX]))
    if not as_json:
        typer.echo("All of it is as it was written.")


def restore(where: Where, name: Named = None, as_json: AsJson = False) -> None:
    """Restore a backup into an empty database, and into a home without keys of its own.

    Without `DML_DATABASE_URL` a new home is made (`DML_HOME`). A backup of an older release is
    brought up to date. At the end all is checked, as by `dml doctor`. Payouts wait until the
    chain process has compared the books with all that the vault ever paid.
    """
    import asyncio

    from dml.entrypoints import doctor
    from dml.entrypoints.backup import restoring, verifying
    from dml.entrypoints.backup.telling import telling

    settings = _settings()
    with telling("Restoring the backup") as teller, restoring.database(settings) as url:

        async def run(place: "Place", key: "BackupKey", found: "Manifest") -> verifying.Read:
            contents = await restoring.restore(settings, url, place, (key, found), teller)
            return verifying.Read(found, contents, ())

        read = _opened(settings, where, name, run)
        teller.now("Checking the books")
        # Whether backups are made each day, it will be asked when it runs.
        here = settings.model_copy(update={"backup_to": None})
        diagnosis = asyncio.run(doctor.examine(url, here))
    if as_json:
        said = {"complaints": diagnosis.complaints, "checks": len(doctor.ALL_CHECKS)}
        show_json(verifying.told(read.manifest) | said)
    else:
        for line in (*verifying.in_words(read), *(f"✗ {it}" for it in diagnosis.complaints)):
            typer.echo(line)
        if diagnosis.is_content:
            typer.echo("Restored. Start it with `dml up`.")
    if not diagnosis.is_content:
        found = f"{len(diagnosis.complaints)} complaints of {len(doctor.ALL_CHECKS)} checks"
        raise Refused(f"it is restored, and is not well: {found}, perhaps as before the backup")


def _opened(settings: "Settings", where: str, name: str | None, act: Callable[..., Any]) -> Any:
    """Do something with a backup, found by the key that is set."""
    import asyncio

    from dml.entrypoints.backup import manifest as manifests
    from dml.entrypoints.backup.place import Place

    passphrase = _passphrase(settings)

    async def run() -> Any:
        place = Place.at(where)
        key = await manifests.open_key(place, passphrase)
        return await act(place, key, await manifests.find(place, key, name))

    return asyncio.run(run())


def _passphrase(settings: "Settings") -> str:
    if settings.backup_key is None:
        raise Refused("DML_BACKUP_KEY is not set: the passphrase that backups are encrypted under")
    return settings.backup_key.get_secret_value()


def _settings() -> "Settings":
    from dml.entrypoints.settings_read import read

    return read()
