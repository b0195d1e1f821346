"""What lists and searches of algorithms take, and what they show."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Protocol

from pydantic import AfterValidator, Field

from dml.accounts.models import DataKind
from dml.accounts.schemas import PublicName
from dml.algorithms.models import AlgorithmKind, AlgorithmState
from dml.algorithms.schemas import (
    RATING,
    RATING_COUNT,
    RUNS,
    SLUG,
    TAGS_MAX,
    WEIGHTED_RATING,
    ApprovedVersionOut,
    Tag,
)
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, UserId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Parameters, Text, Wire
from dml.edge.paging import Page, SortedPaging

WORDS_MAX: Final = 200
TAG_MAX: Final = 40


class AlgorithmSort(StrEnum):
    """By what a list is sorted: the smallest or earliest first, with `-` the largest or latest."""

    CREATED = "created_at"
    CREATED_LAST = "-created_at"
    FEE = "device_fee"
    FEE_HIGHEST = "-device_fee"
    RUNS = "runs"
    RUNS_MOST = "-runs"
    RATING = "weighted_rating"
    RATING_BEST = "-weighted_rating"


class SearchSort(StrEnum):
    """By what a search is sorted; `-relevance` has first what fits the words best."""

    RELEVANCE = "-relevance"
    CREATED = "created_at"
    CREATED_LAST = "-created_at"
    FEE = "device_fee"
    FEE_HIGHEST = "-device_fee"
    RUNS = "runs"
    RUNS_MOST = "-runs"
    RATING = "weighted_rating"
    RATING_BEST = "-weighted_rating"


def _check_tags(tags: str) -> str:
    """Refuse a list of tags of which one could not be there."""
    named = tags.split(",")
    if len(named) > TAGS_MAX or not all(0 < len(it.strip()) <= TAG_MAX for it in named):
        raise ValueError(f"must be 1 to {TAGS_MAX} tags of 1 to {TAG_MAX} characters, with commas")
    return tags


class Narrowing(Parameters):
    """The filters of lists and searches. They combine."""

    kind: AlgorithmKind | None = Field(None, description="Only algorithms of this kind.")
    tag: Tag | None = Field(None, description="Only algorithms with this tag.")
    tags: Annotated[Text, AfterValidator(_check_tags)] | None = Field(
        None,
        max_length=TAGS_MAX * (TAG_MAX + 2),
        description="Only algorithms with each of these tags: `digits,mnist`.",
    )
    data_kind: DataKind | None = Field(
        None, description="Only algorithms that are run over this kind of data."
    )
    fee_min: AmountIn | None = Field(
        None, description="Only algorithms with this device fee or a higher one, in tokens."
    )
    fee_max: AmountIn | None = Field(
        None, description="Only algorithms with this device fee or a lower one, in tokens."
    )
    rating_min: int | None = Field(
        None,
        ge=1,
        le=5,
        description="Only algorithms rated with so many stars or more, in the mean.",
    )
    developer_id: UserId | None = Field(None, description="Only algorithms of this developer.")
    mine: bool = Field(False, description="Only your own, in every state.")
    state: AlgorithmState | None = Field(
        None,
        description="Only algorithms in this state. Other states than `listed` are for "
        "moderators, and for your own.",
    )


class AlgorithmsQuery(Narrowing, SortedPaging):
    sort: AlgorithmSort = Field(AlgorithmSort.CREATED_LAST, description="What to sort by.")


WORDS: Final = (
    "Words of title, tags, summary or model card, as in a web search: `digits -letters`, "
    '`"skin lesion"`, `cat or dog`.'
)
Words = Annotated[Text, Field(max_length=WORDS_MAX)]


class AlgorithmSearch(Narrowing, SortedPaging):
    sorts_by_fields: ClassVar[bool] = False
    q: Words = Field(description=WORDS, examples=["digits"])
    sort: SearchSort = Field(SearchSort.RELEVANCE, description="What to sort by.")


class FacetsQuery(Narrowing):
    q: Words | None = Field(None, description=WORDS)


class AlgorithmSummaryOut(Wire):
    """An algorithm in a list: without its model card and its labels."""

    id: AlgorithmId
    slug: str = Field(description=SLUG, examples=["handwritten-digits-b302099a8057"])
    developer_id: UserId = Field(description="The user who offers it.")
    developer_name: PublicName
    title: str
    summary: str = Field(description="What it does, in a sentence or two.")
    kind: AlgorithmKind = Field(description="What its model takes as input.")
    tags: list[str] = Field(description="Words to find it by.")
    data_kind: DataKind = Field(
        description="The kind of data on a device that its model is run over."
    )
    device_fee: AmountOut = Field(
        description="What its developer earns for each result of a device, in tokens."
    )
    state: AlgorithmState
    approved_version: ApprovedVersionOut | None = Field(
        description="The newest approved version; `null` where there is none."
    )
    runs: int = Field(description=RUNS)
    rating: float | None = Field(description=RATING)
    rating_count: int = Field(description=RATING_COUNT)
    weighted_rating: int = Field(description=WEIGHTED_RATING)
    created_at: datetime
    updated_at: datetime = Field(description="When it was last edited, or its state changed.")


CORRECTED: Final = (
    "The words that were looked for instead, where nothing has those of `q`; else `null`."
)


class AlgorithmSearchPage(Page[AlgorithmSummaryOut]):
    """A page of what a search found."""

    corrected_q: str | None = Field(description=CORRECTED)


class FacetOut(Wire):
    """A value, and how many have it."""

    value: str = Field(description="As the list takes it to be narrowed by.")
    count: int = Field(description="Of those that were counted.")


class AlgorithmFacetsOut(Wire):
    """How many there are, and what they could be narrowed by."""

    count: int = Field(description="At most 1000: of more, the 1000 most-run are counted.")
    has_more: bool = Field(description="Whether there are more: to be shown as `1000+`.")
    kinds: list[FacetOut] = Field(description="The values of `kind`.")
    data_kinds: list[FacetOut] = Field(description="The values of `data_kind`.")
    tags: list[FacetOut] = Field(description="The 20 most frequent tags.")
    fee_min: AmountOut | None = Field(
        description="The lowest device fee, in tokens; `null` where there is none."
    )
    fee_max: AmountOut | None = Field(description="The highest.")
    corrected_q: str | None = Field(description=CORRECTED)


class _Found(Protocol):
    @property
    def rows(self) -> Sequence[Shown]: ...
    @property
    def corrected(self) -> str | None: ...


class _Counted(Protocol):
    @property
    def row(self) -> Shown: ...
    @property
    def corrected(self) -> str | None: ...


def search_page(query: AlgorithmSearch, found: _Found) -> AlgorithmSearchPage:
    """Shape a page of a search, with what was looked for."""
    page = query.sorted_page(AlgorithmSummaryOut, found.rows, lambda it: it)
    return AlgorithmSearchPage(
        items=page.items, next_cursor=page.next_cursor, corrected_q=found.corrected
    )


def facets_out(counted: _Counted, most: int) -> AlgorithmFacetsOut:
    """Shape what was counted, of `most` at most."""
    row: Any = counted.row
    shown = {it: getattr(row, it) for it in ("kinds", "data_kinds", "tags", "fee_min", "fee_max")}
    return AlgorithmFacetsOut(
        count=min(row.matched, most),
        has_more=row.matched > most,
        corrected_q=counted.corrected,
        **shown,
    )
