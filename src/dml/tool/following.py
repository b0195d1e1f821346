"""Following the event log: a stream that is opened again, after the last event, where it ends."""

import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Final
from urllib.parse import urlencode

from dml.client.events import Sent
from dml.client.http import NotReached
from dml.client.marketplace import LATER, ApiRefused, Marketplace
from dml.tool import common

STREAM_SECONDS: Final = 86_400.0  # Then it is opened anew.
PAUSE_SECONDS: Final = 1.0  # Before a stream that ended is opened again.
# `refused` comes when an access token has expired, which is renewed for the next opening. If they
# may not follow at all, that opening is refused. `dropped`: they read too slowly.
_ENDS: Final = ("refused", "dropped")


def follow(market: Marketplace, chosen: Mapping[str, str], after: str | None) -> Generator[Sent]:
    """Yield events as they come: those after a position, or from now on. None is missed."""
    began = False
    while True:
        query = urlencode(chosen if after is None else {**chosen, "after": after})
        try:
            with closing(market.sent(f"/v1/events/stream?{query}", STREAM_SECONDS)) as stream:
                for it in stream:
                    began = True
                    if it.name in _ENDS:
                        break
                    after = it.id or after
                    if it.name != "position":
                        yield it
        except NotReached as error:
            common.console(to_stderr=True).print(f"{error} Trying again …")
        except ApiRefused as refused:
            if not began or refused.status not in LATER:
                raise
            common.console(to_stderr=True).print(f"{refused} Trying again …")
        time.sleep(PAUSE_SECONDS)
