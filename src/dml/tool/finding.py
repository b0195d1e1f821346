"""How models are found: by what was typed for one, and by `dml model list` and `search`."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from re import fullmatch
from typing import Any, Final

from dml.client.http import one_line
from dml.client.marketplace import Marketplace
from dml.client.refusals import ApiRefused
from dml.refused import Refused
from dml.tool import common
from dml.tool.common import console

PAGE: Final = 100
OFFERED: Final = ("listed", "announced")
SLUG_END: Final = 12  # Of an id's characters: the marketplace finds by them without a list.
WORDS_MAX: Final = 200
LOOKED_THROUGH_MOST: Final = 1_000
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


def find_id(
    market: Marketplace,
    typed: str,
    *,
    own: Iterable[dict[str, Any]] = (),
    states: tuple[str, ...] = OFFERED,
    what: str = "algorithm",
) -> str:
    """Return the id of the algorithm that is meant: one's own first. Refused where none is.

    A marketplace has many, so that those of others are searched there, not read and compared here.
    """
    if common.is_whole(typed):
        return typed.lower()
    if (found := _by_slug(market, typed)) is not None:
        return found
    others = _others(market, typed, states)
    return common.find_own_id(own, others, typed, title="title", what=what)


def _by_slug(market: Marketplace, typed: str) -> str | None:
    """Return the id that ends as what was typed does, if that can be the end of one."""
    end = typed.strip().lower()[-SLUG_END:]
    if fullmatch(f"[0-9a-f]{{{SLUG_END}}}", end) is None:
        return None
    try:
        return str(market.ask("GET", f"/v1/algorithms/by-slug/{end}")["id"])
    except ApiRefused as refused:
        if refused.code != "algorithms.not_found":
            raise
        return None


def _others(market: Marketplace, typed: str, states: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what may be meant: what has these words; for a part of an id, also the newest."""
    words = common.slug(typed).replace("-", " ")[:WORDS_MAX]
    is_part_of_id = fullmatch("[0-9a-f-]{4,}", typed.strip().lower()) is not None
    for state in states:
        if words:
            query = {"q": words, "state": state, "limit": str(PAGE)}
            yield from market.ask("GET", "/v1/algorithms/search", params=query)["items"]
        if is_part_of_id:
            newest = market.all_of("/v1/algorithms", state=state)
            yield from islice(newest, LOOKED_THROUGH_MOST)
            if next(newest, None) is not None:
                console(to_stderr=True).print(
                    f"Only the newest {LOOKED_THROUGH_MOST:,} were looked through for a part of an "
                    f"id. Its slug, its title or the last {SLUG_END} characters of its id find any."
                )
