"""`dml account photo`: what people see of you."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dml.tool.common import AsJson, Server, console, show_item, show_json, signed_in

photo = typer.Typer(no_args_is_help=True, help="Your photo, which everybody can see.")
_PATH: Final = "/v1/users/me/photo"
FIELDS: Final = (("photo", "url"), ("thumbnail", "thumbnail_url"))


@photo.command("set")
def change(
    file: Annotated[Path, typer.Argument(help="A JPEG, PNG or WebP, up to 5 MiB.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show this photo from now on, in place of the one before.

    It is made smaller and loses its metadata, such as where it was taken.
    """
    with signed_in(server) as market:
        made = market.upload("PUT", _PATH, file, "application/octet-stream")
    show_item(made, FIELDS, as_json=as_json)


@photo.command("remove")
def remove(server: Server = None, as_json: AsJson = False) -> None:
    """Show no photo any more. It is deleted."""
    with signed_in(server) as market:
        market.ask("DELETE", _PATH)
    if as_json:
        show_json({"removed": True})
        return
    console(to_stderr=True).print("You show no photo.")
