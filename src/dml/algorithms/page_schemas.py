"""What the form on `/algorithms` sends."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from dml.algorithms.schemas import Tag
from dml.algorithms.search.schemas import WORDS, Words
from dml.core.ids import UserId
from dml.core.wire import Parameters
from dml.edge.paging import CURSOR, SeenCursor


class PageSort(StrEnum):
    """How the page is sorted; `-relevance` has first what fits the words best."""

    RELEVANCE = "-relevance"
    NEWEST = "-created_at"
    MOST_RUN = "-runs"
    CHEAPEST = "device_fee"


SORTS: Final[Mapping[PageSort, str]] = {
    PageSort.RELEVANCE: "Best match",
    PageSort.NEWEST: "Newest",
    PageSort.MOST_RUN: "Most run",
    PageSort.CHEAPEST: "Lowest fee",
}


def _read_typed(sent: Any) -> Any:
    """Take a field that was left empty, which a form sends all the same, as one not sent."""
    return None if isinstance(sent, str) and not sent.strip() else sent


_MayBeEmpty: Final = BeforeValidator(_read_typed)


class AlgorithmsPageQuery(Parameters):
    """What else stands in the address of a page, as of a campaign, is not read."""

    model_config = ConfigDict(extra="ignore")

    q: Annotated[Words | None, _MayBeEmpty] = Field(None, description=WORDS)
    tag: Annotated[Tag | None, _MayBeEmpty] = Field(
        None, description="Only algorithms with this tag."
    )
    developer_id: Annotated[UserId | None, _MayBeEmpty] = Field(
        None, description="Only algorithms of this developer."
    )
    sort: Annotated[PageSort | None, _MayBeEmpty] = Field(
        None, description="What to sort by: words by how well they fit, all else newest first."
    )
    after: Annotated[SeenCursor | None, _MayBeEmpty] = Field(None, description=CURSOR)

    @property
    def order(self) -> str:
        """By what the page is sorted: without words nothing fits better than another."""
        if self.sort is None or (self.q is None and self.sort is PageSort.RELEVANCE):
            return PageSort.NEWEST if self.q is None else PageSort.RELEVANCE
        return self.sort

    @model_validator(mode="after")
    def _check_sort(self) -> Self:
        if self.after is not None and self.after.sort != self.order:
            raise ValueError("`after` must be of a page in the same `sort`")
        return self
