"""What `dml model list` and `dml model search` ask for, and how they show it."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dml.client.http import one_line
from dml.client.marketplace import Marketplace
from dml.refused import Refused
from dml.tool.common import console

PAGE: Final = 100
COLUMNS: Final = (
    ("algorithm", "id"),
    ("title", "title"),
    ("state", "state"),
    ("fee", "device_fee"),
    ("runs", "runs"),
    ("rating", "rating"),
    ("of", "rating_count"),
    ("by", "developer_name"),
    ("summary", "summary"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Filters, as they were typed. `fees` are the lowest and the highest."""

    tags: list[str] | None
    kind: str | None
    data_kind: str | None
    fees: tuple[str | None, str | None]
    developer_id: str | None
    state: str | None
    rating_min: int | None = None

    def query(self, *, mine: bool, sort: str | None) -> dict[str, str]:
        """Return them as the marketplace takes them."""
        lowest, highest = self.fees
        named = {
            "tags": ",".join(self.tags or ()),
            "kind": self.kind,
            "data_kind": self.data_kind,
            "fee_min": lowest,
            "fee_max": highest,
            "developer_id": self.developer_id,
            "state": self.state,
            "rating_min": None if self.rating_min is None else str(self.rating_min),
            "mine": "true" if mine else None,
            "sort": sort,
        }
        return {name: it for name, it in named.items() if it}


def change(
    title: str | None,
    summary: str | None,
    card: Path | None,
    tags: list[str] | None,
    device_fee: str | None,
) -> dict[str, Any]:
    """Return what an algorithm is to become, of what was typed. Refused where that is nothing."""
    try:
        text = None if card is None else card.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the model card can't be read: {error}") from None
    named = {
        "title": title,
        "summary": summary,
        "model_card": text,
        "tags": tags or None,
        "device_fee": device_fee,
    }
    found = {name: it for name, it in named.items() if it is not None}
    if not found:
        raise Refused("say what to change: see `dml model edit --help`")
    return found


@contextmanager
def marketplace(server: str | None, *, mine: bool) -> Iterator[Marketplace]:
    """Open a marketplace, signed in where one's own are asked for."""
    with Marketplace(server) as market:
        if mine:
            market.sign_in()
        yield market


def search(market: Marketplace, query: dict[str, str]) -> Generator[dict[str, Any]]:
    """Yield what a search finds, page after page; say to standard error what it looked for."""
    asked = {"limit": str(PAGE), **query}
    while True:
        page = market.ask("GET", "/v1/algorithms/search", params=asked)
        if page["corrected_q"] is not None and "cursor" not in asked:
            corrected = one_line(page["corrected_q"])
            console(to_stderr=True).print(f"Nothing has these words. Looked for: {corrected}")
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        asked["cursor"] = page["next_cursor"]
