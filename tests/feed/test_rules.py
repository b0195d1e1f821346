"""Which positions of the log can be gone on from."""

import pytest

from dml.core.context import Actor, Role
from dml.core.event_feed import Log, Position
from dml.core.ids import UserId, new_id
from dml.feed import rules
from dml.feed.rules import AllForAdmins, PositionForgotten, PositionUnknown

LOG = Log(new_id(), forgotten_up_to=5)
USER = UserId(new_id())


def test_a_position_of_another_log_of_the_future_or_too_old_is_refused() -> None:
    for number in (5, 7):
        rules.require_known(LOG, LOG.position(number), 7)
    rules.require_known(LOG, None, 0)
    for position in (LOG.position(8), Position(bytes(8), 6)):
        with pytest.raises(PositionUnknown):
            rules.require_known(LOG, position, 7)
    with pytest.raises(PositionForgotten) as refused:
        rules.require_known(LOG, LOG.position(4), 7)
    assert refused.value.facts["oldest"] == LOG.position(5).write()


def test_a_position_is_read_as_it_was_written() -> None:
    position = LOG.position(2**62)
    assert Position.read(position.write()) == position
    for wrong in ("", "A", position.write()[:-1], Position(bytes(8), 2**63).write()):
        with pytest.raises(ValueError, match="next_cursor"):
            Position.read(wrong)


def test_each_role_reads_by_its_names() -> None:
    own = {f"user:{USER}", "everyone"}
    assert set(rules.readers_of(Actor(USER), everything=False) or ()) == own
    moderator, admin = Actor(USER, Role.MODERATOR), Actor(USER, Role.ADMIN)
    assert set(rules.readers_of(moderator, everything=False) or ()) == own | {"moderators"}
    assert set(rules.readers_of(admin, everything=False) or ()) == own | {"moderators"}
    assert rules.readers_of(admin, everything=True) is None
    for actor in (Actor(USER), moderator):
        with pytest.raises(AllForAdmins):
            rules.readers_of(actor, everything=True)
