"""What can be wrong with bounties: as in `wrongs`, and the bounties that are made so."""

from typing import Any, Final

from dml.bounties.models import BountyState
from tests.bounties.factories import bring_to, enroll, finish, make_bounty, place
from tests.entrypoints.complaints import (
    B_DATES,
    B_ENTRANT,
    B_ESCROW,
    B_FEE,
    B_FEES,
    B_LATE,
    B_NOBODY,
    B_PAID,
    B_POOL,
    B_PRIZE,
    B_SHARES,
    B_TEAM,
    B_TWICE,
)
from tests.entrypoints.moves import moved
from tests.world import World

# Whatever a process had to do after a bounty ended, it has done by now.
LONG_AGO: Final = "UPDATE bounties SET ended_at = ended_at - interval '1 hour';"

BOUNTY_WRONGS: Final = [
    (
        moved("deposit", "x", "escrow:bounty:{b_open}", "revenue"),
        [B_ESCROW],
        "bounty:{b_open} (enrolling) holds 149999999, not 150000000",
    ),
    (
        LONG_AGO + moved("deposit", "x", "revenue", "escrow:bounty:{b_done}"),
        [B_ESCROW],
        "bounty:{b_done} (finished) holds 1, not 0",
    ),
    (
        moved("bounty_escrow", "bounty:{b_open}", "chain", "revenue"),
        [B_PAID],
        "bounty:{b_open} (enrolling) has prizes of 150000000, into escrow went",
    ),
    (
        moved("bounty_escrow", "bounty:{b_draft}", "chain", "revenue"),
        [B_PAID],
        "bounty:{b_draft} (draft) has prizes of 150000000, into escrow went 1 from chain",
    ),
    (
        moved("deposit", "x", "revenue", "escrow:bounty:{b_open}:fees"),
        [B_FEES],
        "bounty:{b_open} (enrolling) holds fees of 1000001, not 1000000",
    ),
    (
        LONG_AGO + moved("deposit", "x", "revenue", "escrow:bounty:{b_cancelled}:fees"),
        [B_FEES],
        "bounty:{b_cancelled} (cancelled) holds fees of 1, not 0",
    ),
    (
        "UPDATE enrollments SET fee_returned_at = NULL WHERE bounty_id = '{b_cancelled}'",
        [B_FEE],
        "of 1000000: paid 1000000, returned 1000000",
    ),
    (
        "UPDATE enrollments SET prize = 150000001 WHERE bounty_id = '{b_disputed}'",
        [B_POOL],
        "bounty:{b_disputed} has 150000000, its entrants 150000001",
    ),
    (
        moved("prize", "enrollment:{b_winner}", "revenue", "chain"),
        [B_PRIZE],
        "enrollment:{b_winner} (winner) won 100000000, paid 100000001, 1 of it astray",
    ),
    (
        LONG_AGO + "UPDATE enrollments SET prize = 99999999 WHERE id = '{b_winner}'",
        [B_PRIZE],
        "enrollment:{b_winner} (winner) won 99999999, paid 100000000, 0 of it astray",
    ),
    (moved("prize", "x", "revenue", "chain"), [B_NOBODY], "prize of x moved 1"),
    (
        "UPDATE enrollment_members SET share_bps = 1 WHERE user_id = '{b_mate}'",
        [B_SHARES],
        "enrollment:{b_team} shares out 7001",
    ),
    (
        "INSERT INTO enrollment_members (enrollment_id, user_id, bounty_id, share_bps, agreed_at) "
        "SELECT '{b_team}', owner_id, id, 0, now() FROM bounties WHERE id = '{b_open}'",
        [B_TWICE],
        "in bounty:{b_open}: 1",
    ),
    (
        "UPDATE bounties SET team_size_max = 1 WHERE id = '{b_open}'",
        [B_TEAM],
        "enrollment:{b_team} has 2 members",
    ),
    (
        "UPDATE enrollment_members SET agreed_at = NULL WHERE enrollment_id = '{b_team}'",
        [B_TEAM],
        "enrollment:{b_team} has 0 members",
    ),
    (
        "UPDATE enrollments SET state = 'not_placed' WHERE id = '{b_team}'",
        [B_ENTRANT],
        "enrollment:{b_team} is not_placed, its bounty enrolling",
    ),
    (
        "UPDATE bounties SET paused_at = now() WHERE id = '{b_done}'",
        [B_DATES],
        "bounty:{b_done} is finished",
    ),
    (
        "UPDATE bounties SET enrolls_at = now() - interval '1 day', "
        "submits_at = now() - interval '16 minutes' WHERE id = '{b_open}'",
        [B_LATE],
        "bounty:{b_open} is enrolling, due",
    ),
    (
        "UPDATE bounties SET disputes_until = now() - interval '16 minutes' "
        "WHERE id = '{b_disputed}'",
        [B_LATE],
        "bounty:{b_disputed} is disputing, due",
    ),
]


async def build_bounties(world: World) -> dict[str, Any]:
    """A bounty that is open, with a team; one each that is a draft, disputed, done, cancelled."""
    draft = await make_bounty(world, state=BountyState.DRAFT)
    opened = await make_bounty(world, team_size_max=3, enrollment_fee="1")
    mate = await world.person("mate")
    invited = [{"user_id": str(mate.id), "share_bps": 3_000}]
    team = await enroll(world, opened, team=invited)
    path = f"{opened.path}/enrollments/{team.enrollment_id}/agree"
    assert (await mate.post(path, {"accept_rules": True})).status_code == 200

    disputed = await make_bounty(world)
    first = await enroll(world, disputed)
    await bring_to(disputed, BountyState.EVALUATING)
    await place(world, disputed, [(first, "100")])

    done = await make_bounty(world, enrollment_fee="1", dispute_seconds=0)
    winner = await enroll(world, done)
    await bring_to(done, BountyState.EVALUATING)
    await place(world, done, [(winner, "100")])
    await finish(world, done)

    cancelled = await make_bounty(world, enrollment_fee="1")
    await enroll(world, cancelled)
    await cancelled.post("cancel", {"reason": "No data."})
    return {
        "b_draft": draft.id,
        "b_open": opened.id,
        "b_team": team.enrollment_id,
        "b_mate": mate.id,
        "b_disputed": disputed.id,
        "b_done": done.id,
        "b_winner": winner.enrollment_id,
        "b_cancelled": cancelled.id,
    }
