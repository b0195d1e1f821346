"""Turns request bodies into what use cases take, and rows into what is shown."""

from dml.bounties import queries, rules
from dml.bounties.attachments.schemas import url_of
from dml.bounties.models import AttachmentKind, Bounty, Judging, TestSet, TestSetState
from dml.bounties.queries import BountyFilter, Details
from dml.bounties.schemas import (
    BountiesQuery,
    BountyChangeOut,
    BountyCountsOut,
    BountyCreate,
    BountyEscrowOut,
    BountyOut,
    PrizeOut,
    SubmissionLimitsOut,
    TestSetSummaryOut,
    amounts,
)
from dml.bounties.service import Plan
from dml.core.audit import AuditEntry
from dml.core.context import Actor, Context
from dml.edge.etags import RevisionTeller
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
    details = await queries.get_details(ctx.tx, [bounty])
    tell(bounty.revision)
    return shown(bounty, details[bounty.id], ctx.actor)


def shown(bounty: Bounty, details: Details, viewer: Actor) -> BountyOut:
    """Return a bounty as shown to this viewer, who may see it."""
    return BountyOut(
        id=bounty.id,
        owner_id=bounty.owner_id,
        state=bounty.state,
        name=bounty.name,
        organisation=bounty.organisation,
        subtitle=bounty.subtitle,
        description=bounty.description,
        data=bounty.data,
        evaluation=bounty.evaluation,
        rules=bounty.rules,
        rules_sha256=rules.rules_sha256(bounty.rules),
        tags=bounty.tags,
        judging=bounty.judging,
        metric=bounty.metric,
        ties=bounty.ties,
        prizes=[
            PrizeOut(place=place, amount=amount)
            for place, amount in enumerate(bounty.prizes, start=1)
        ],
        prize_pool=bounty.prize_pool,
        enrollment_fee=bounty.enrollment_fee,
        team_size_max=bounty.team_size_max,
        limits=SubmissionLimitsOut(
            per_day=bounty.submissions_per_day,
            concurrent=bounty.submissions_concurrent,
            total=bounty.submissions_total,
        ),
        enrolls_at=bounty.enrolls_at,
        submits_at=bounty.submits_at,
        closes_at=bounty.closes_at,
        judged_by=bounty.judged_by,
        dispute_seconds=bounty.dispute_seconds,
        created_at=bounty.created_at,
        funded_at=bounty.funded_at,
        disputes_until=bounty.disputes_until,
        paused_at=bounty.paused_at,
        ended_at=bounty.ended_at,
        end_reason=bounty.end_reason,
        counts=BountyCountsOut(entrants=details.entrants, submissions=details.submissions),
        escrow=BountyEscrowOut(prizes=details.held, fees=details.fees_held),
        test_set=_test_set(bounty, details.test_set, viewer),
        thumbnail_url=_image(details, AttachmentKind.THUMBNAIL),
        cover_url=_image(details, AttachmentKind.COVER),
        next=coming(bounty),
    )


def coming(bounty: Bounty) -> list[UpcomingActionOut]:
    return [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(bounty)]


def change(entry: AuditEntry) -> BountyChangeOut:
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


def _image(details: Details, kind: AttachmentKind) -> str | None:
    image = details.images.get(kind)
    return None if image is None else url_of(image)
