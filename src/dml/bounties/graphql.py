"""The graph of bounties: each with its owner, its entrants and what they sent, and its ranking."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from dml.accounts.graphql import load_users
from dml.accounts.schemas import PublicUserOut
from dml.bounties import queries, shapes
from dml.bounties.schemas import BountyOut, BountySummaryOut
from dml.bounties.submissions.graphql import load_submissions
from dml.bounties.submissions.schemas import SubmissionDetailsOut, SubmissionOut
from dml.core.context import Context
from dml.core.ids import BountyId
from dml.edge.graphql.graph import Follow, Graph, Leads, Read, Whole

A_FILE: Final = "A file goes by REST."


async def load_bounties(ctx: Context, ids: Sequence[UUID]) -> Mapping[UUID, BountyOut]:
    """Return those of these bounties that the actor may see, with their long texts."""
    asked = [BountyId(it) for it in ids]
    found = await queries.list_bounties_by_ids(ctx.tx, ctx.actor, asked)
    return {
        it.bounty.id: shapes.shown(it.bounty, it.beside, it.test_set, ctx.actor) for it in found
    }


def _of_submissions() -> tuple[Leads, ...]:
    sent_by, sent_to = "The user who submitted it.", "The bounty that it was submitted to."
    return tuple(
        leads
        for it in (SubmissionOut, SubmissionDetailsOut)
        for leads in (
            Leads(it, "submitter", "submitter_id", PublicUserOut, load_users, sent_by),
            Leads(it, "bounty", "bounty_id", BountyOut, load_bounties, sent_to),
        )
    )


GRAPH: Final = Graph(
    reads=(
        Read("bounties", "bounties.list"),
        Read("bounty", "bounties.get"),
        Read("changes", "bounties.list_changes", on=BountyOut),
        Read("timeline", "bounties.get_timeline", on=BountyOut),
        Read("attachments", "attachments.list", on=BountyOut),
        Read("test_set_check", "test_sets.get", on=BountyOut),
        Read("prizes", "prizes.list", on=PublicUserOut),
        Read("enrollments", "enrollments.list", on=BountyOut),
        Read("my_enrollment", "enrollments.get_mine", on=BountyOut),
        Read("enrollment", "enrollments.get"),
        Read("submissions", "submissions.list", on=BountyOut, pages=load_submissions),
        Read("submission", "submissions.get"),
        Read("timeline", "submissions.get_timeline", on=SubmissionOut),
        Read("timeline", "submissions.get_timeline", on=SubmissionDetailsOut),
        Read("leaderboard", "leaderboards.get", on=BountyOut),
        Read("records", "records.list", on=BountyOut),
        Read("evidence", "evidence.get", on=BountyOut),
        Read("decisions", "bounties.list_decisions", on=BountyOut),
        Read("disputes", "disputes.list", on=BountyOut),
        Read("agreements", "agreements.list"),
    ),
    follows=(
        Follow(
            "leaderboard",
            "leaderboards.get",
            "A bounty's leaderboard as it is now, and again whenever it changed. For everybody who "
            "sees the bounty.",
            about="bounty:{bounty_id}",
        ),
    ),
    leads=(
        Leads(BountyOut, "owner", "owner_id", PublicUserOut, load_users, "Who offers the prizes."),
        *_of_submissions(),
    ),
    wholes=(Whole(BountySummaryOut, BountyOut, load_bounties),),
    nodes=("bounties.get",),
    without={
        "attachments.create": A_FILE,
        "attachments.get": A_FILE,
        "evidence.get_file": A_FILE,
        "leaderboards.export": A_FILE,
        "submissions.create": "A file goes by REST; its submission is then named by its id.",
        "submissions.get_file": A_FILE,
        "test_sets.replace": A_FILE,
        "pages.get_bounty": "A page for people.",
    },
)
