"""`dml account profile`: what everybody can see of a user."""

from itertools import islice
from typing import Annotated, Final

import typer

from dml.tool.common import (
    AsJson,
    Server,
    path_of,
    perhaps_signed_in,
    show_item,
    show_json,
    show_list,
)

LISTED_MOST: Final = 100
FIELDS: Final = (
    *(("first name", "first_name"), ("last name", "last_name"), ("bio", "bio")),
    *(("country", "country"), ("photo", "photo_url"), ("since", "created_at"), ("user", "id")),
)
OFFERED: Final = (("offers", "title"), ("fee", "device_fee"), ("since", "created_at"), ("id", "id"))
WON: Final = (("won", "bounty_name"), ("place", "place"), ("prize", "prize"), ("on", "won_at"))


def show(
    user: Annotated[str | None, typer.Argument(help="The id of a user. [default: you]")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show what everybody can see of a user, with what they offer and, if they show it, won.

    At most 100 of each: `GET /v1/users/ID/algorithms` and `/prizes` have all.
    """
    with perhaps_signed_in(server) as market:
        path = path_of("users", user or market.ask("GET", "/v1/users/me")["id"])
        shown = market.ask("GET", path)
        offered, won = (
            list(islice(market.all_of(f"{path}/{it}"), LISTED_MOST))
            for it in ("algorithms", "prizes")
        )
    if as_json:
        show_json({**shown, "algorithms": offered, "prizes": won})
        return
    photo_url = shown["photo"] and shown["photo"]["url"]
    show_item({**shown, "photo_url": photo_url}, FIELDS, as_json=False)
    for rows, columns in ((offered, OFFERED), (won, WON)):
        if rows:
            typer.echo()
            show_list(rows, columns, as_json=False)
