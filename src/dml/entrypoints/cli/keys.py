"""`dml keys`: what tokens are signed with, and the other keys that are files.

Who is given which of them in containers: docs/decisions/0080.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from dml.tool.common import AsJson, Yes, confirm, show_list

if TYPE_CHECKING:
    from dml.core.key_file import KeyTimes
    from dml.core.settings import Settings

keys = typer.Typer(no_args_is_help=True, help="The keys of a marketplace: make, list and rotate.")
COLUMNS = (("key", "kid"), ("signs from", "signs_from"), ("verifies until", "verifies_until"))


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, newest first, by what their tokens name them (`kid`)."""
    from dml.core import key_file
    from dml.entrypoints import wiring

    settings = _settings()
    wiring.make_keys(settings)  # It makes the file where there is none.
    _show(key_file.list_keys(wiring.keys_file(settings)), as_json=as_json)


@keys.command("make")
def make(as_json: AsJson = False) -> None:
    """Make each key that is not there yet, and say where all of them are: all belong in a backup.

    A process that needs one makes it at its first start. Where several machines share them, or APIs
    shall not have the key that opens hidden test sets, it is done once before.
    """
    from dml.entrypoints import wiring

    settings = _settings()
    wiring.make_keys(settings)
    wiring.make_opener(settings)
    wiring.make_factor_key(settings)
    scorer, factors = wiring.scorer_key_file(settings), wiring.factor_key_file(settings)
    files = {
        "signs tokens": wiring.keys_file(settings),
        "opens hidden test sets (workers)": scorer,
        "seals them (APIs)": scorer.with_name(f"{scorer.name}.public"),
        "opens secrets of second factors (APIs)": factors,
    }
    rows = [{"file": str(it), "key": told} for told, it in files.items()]
    show_list(rows, (("what it does", "key"), ("file", "file")), as_json=as_json)


@keys.command("rotate")
def rotate(
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="The old keys end at once: for one that was stolen. Whoever is signed in gets "
            "new tokens by their session.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a new key in the place of the old ones. Nothing is restarted, and nobody notices.

    It signs ten minutes later, when every process and everybody who reads the public keys
    knows it. The old ones verify until the last of their tokens has expired.
    """
    from datetime import UTC, datetime

    from dml.core import key_file
    from dml.entrypoints import wiring

    settings = _settings()
    wiring.make_keys(settings)
    if now:
        confirm("End all tokens of today's keys?", yes=yes)
    seconds = max(settings.access_token_seconds, settings.device_token_seconds)
    file, moment = wiring.keys_file(settings), datetime.now(UTC)
    _show(key_file.rotate(file, moment, token_seconds=seconds, at_once=now), as_json=as_json)


def _settings() -> "Settings":
    from dml.entrypoints.settings_read import read

    return read()


def _show(found: "list[KeyTimes]", *, as_json: bool) -> None:
    rows = [
        {
            "kid": it.kid,
            "signs_from": it.signs_from and it.signs_from.isoformat(),
            "verifies_until": it.verifies_until and it.verifies_until.isoformat(),
        }
        for it in found
    ]
    show_list(rows, COLUMNS, as_json=as_json)
