"""A timeline tells what happened, and no one's id to anybody else."""

from datetime import UTC, datetime

import pytest

from dml.core.context import NOBODY, Actor
from dml.core.event_log import EventRow
from dml.core.ids import UserId, new_id
from dml.edge.timeline import UpcomingActionOut, timeline

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER, OTHER = UserId(new_id()), UserId(new_id())


def entry(actor_id: UserId | None) -> EventRow:
    return EventRow(
        at=NOW,
        actor_id=actor_id,
        subject="job:1",
        type="job.paused",
        to_state="paused",
        reason="why",
    )


@pytest.mark.parametrize(
    ("viewer", "told"),
    [
        (Actor(OWNER), ["you", "moderator", "system"]),
        (Actor(OTHER), ["owner", "you", "system"]),
        (
            Actor(UserId(new_id())),
            ["owner", "moderator", "system"],
        ),
        (NOBODY, ["owner", "moderator", "system"]),
    ],
)
def test_who_acted_is_told_as_a_part_and_never_as_an_id(viewer: Actor, told: list[str]) -> None:
    shown = timeline(viewer, OWNER, [entry(OWNER), entry(OTHER), entry(None)])
    assert [it.actor for it in shown.entries] == told
    assert str(OWNER) not in shown.model_dump_json()
    assert str(OTHER) not in shown.model_dump_json()


def test_what_is_next_is_told_with_its_moment_where_it_has_one() -> None:
    shown = timeline(
        NOBODY,
        OWNER,
        [],
        [UpcomingActionOut(action="expire", at=NOW), UpcomingActionOut(action="review")],
    )
    assert shown.model_dump(mode="json")["next"] == [
        {"action": "expire", "at": "2026-01-01T00:00:00Z"},
        {"action": "review", "at": None},
    ]
