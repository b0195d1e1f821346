"""Turns request bodies into what use cases take, and rows into what is shown."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from dml.bounties import queries, rules
from dml.bounties.attachments.schemas import url_of
from dml.bounties.models import AttachmentKind, Bounty, Judging, TestSet, TestSetState
from dml.bounties.queries import BountyFilter
from dml.bounties.schemas import (
    BountiesQuery,
    BountyChangeOut,
    BountyCreate,
    BountyOut,
    BountySummaryOut,
    TestSetSummaryOut,
    amounts,
)
from dml.bounties.service import Plan
from dml.bounties.submissions import queries as submission_queries
from dml.core.context import Actor, Context
from dml.core.db import Shown
from dml.core.event_log import EventRow
from dml.edge.etags import RevisionTeller
from dml.edge.paging import Page
from dml.edge.timeline import UpcomingActionOut


def plan_of(body: BountyCreate) -> Plan:
    sent = {name: getattr(body, name) for name in BountyCreate.model_fields}
    limits = sent.pop("limits")
    return Plan(
        **(sent | {"prizes": amounts(body.prizes)}),
        submissions_per_day=limits.per_day,
        submissions_concurrent=limits.concurrent,
        submissions_total=limits.total,
    )


def filter_of(query: BountiesQuery) -> BountyFilter:
    return BountyFilter(
        state=query.state,
        tag=query.tag,
        prize_min=query.prize_min,
        closes_before=query.closes_before,
        closes_after=query.closes_after,
        mine=query.mine,
        entered=query.entered,
        q=query.q,
        sort=query.sort,
    )


async def bounty_out(ctx: Context, bounty: Bounty, tell: RevisionTeller) -> BountyOut:
    """Return a bounty as it is after a change, and set its ETag."""
    await ctx.tx.flush()
    beside = await queries.get_beside(ctx.tx, bounty.id)
    test_set = await submission_queries.find_test_set(ctx.tx, bounty.id)
    tell(bounty.revision)
    return shown(bounty, beside, test_set, ctx.actor)


def page(query: BountiesQuery, rows: Sequence[Shown]) -> Page[BountySummaryOut]:
    """Shape a page of bounties, all at once. A row beyond the limit says that more follow."""
    return query.sorted_page(BountySummaryOut, rows, lambda row: _summary(row, row))


def shown(bounty: Bounty, beside: Shown, test_set: TestSet | None, viewer: Actor) -> BountyOut:
    """Return a bounty as shown to this viewer, who may see it."""
    summary = _summary(bounty, beside)
    return BountyOut(
        **summary,
        description=bounty.description,
        data=bounty.data,
        evaluation=bounty.evaluation,
        rules=bounty.rules,
        rules_sha256=rules.rules_sha256(bounty.rules),
        test_set=_test_set(bounty, test_set, viewer),
    )


_AS_THEY_ARE: Final = (
    *("id", "owner_id", "state", "name", "organisation", "subtitle", "tags", "judging", "metric"),
    *("ties", "prize_pool", "enrollment_fee", "team_size_max", "enrolls_at", "submits_at"),
    *("closes_at", "judged_by", "dispute_seconds", "created_at", "funded_at", "disputes_until"),
    *("paused_at", "ended_at", "end_reason"),
)
_columns: Final = attrgetter(*_AS_THEY_ARE)


def _summary(bounty: Any, beside: Shown) -> dict[str, Any]:
    """What lists show of a bounty, or of a row that has its columns."""
    images = beside.images or {}
    return {
        **dict(zip(_AS_THEY_ARE, _columns(bounty), strict=True)),
        "prizes": [
            {"place": place, "amount": amount} for place, amount in enumerate(bounty.prizes, 1)
        ],
        "limits": {
            "per_day": bounty.submissions_per_day,
            "concurrent": bounty.submissions_concurrent,
            "total": bounty.submissions_total,
        },
        "owner_name": beside.owner_name,
        "counts": beside.counts,
        "escrow": beside.escrow,
        "thumbnail_url": _image(bounty, images.get(AttachmentKind.THUMBNAIL)),
        "cover_url": _image(bounty, images.get(AttachmentKind.COVER)),
        "next": coming(bounty),
    }


def coming(bounty: Bounty) -> list[UpcomingActionOut]:
    return [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(bounty)]


def change(entry: EventRow) -> BountyChangeOut:
    assert entry.facts is not None
    return BountyChangeOut(at=entry.at, reason=entry.reason, changes=entry.facts["changes"])


def _test_set(bounty: Bounty, test_set: TestSet | None, viewer: Actor) -> TestSetSummaryOut | None:
    """Return what the check found: to the owner at once, to others when enrollment opens."""
    if bounty.judging is not Judging.METRIC or test_set is None:
        return None
    if test_set.state is not TestSetState.CHECKED:
        return None
    if not rules.has_opened(bounty) and not rules.manages(bounty, viewer):
        return None
    return TestSetSummaryOut.model_validate(test_set)


def _image(bounty: Bounty, attachment_id: str | None) -> str | None:
    return None if attachment_id is None else url_of(bounty.id, attachment_id)
