"""Who seldom has something run comes before who often has; an hour holds so much and no more."""

from datetime import timedelta

import pytest

from dml.accounts import sandbox_time
from dml.core import worker
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.settings import Settings
from tests.conftest import NOW, At
from tests.worker_parts import make_parts
from tests.world import World

TOO_SLOW = [{"code": "model.too_slow", "detail": "It took too long."}]


@pytest.fixture(autouse=True)
def at_work(world: World, settings: Settings) -> None:
    settings = settings.model_copy(update={"sandbox_seconds_an_hour": 1_800})
    worker.provide(make_parts(settings, world.parts))


async def charge(ctx: Context, user_id: UserId, seconds: float, *refusals: dict[str, str]) -> None:
    await sandbox_time.charge(ctx, user_id, seconds, refusals)


async def test_however_many_pieces_somebody_leaves_who_comes_seldom_is_soon_due(
    at: At, owner: UserId, rival: UserId
) -> None:
    many = [await sandbox_time.take_turn(at(rival), rival) for _ in range(80)]
    assert many == [NOW + n * sandbox_time.THOUGHT for n in range(80)]
    later = at(owner, hours=0)
    mine = await sandbox_time.take_turn(later, owner)
    assert mine == NOW
    assert sum(it <= mine for it in many) == 1


async def test_what_took_long_puts_the_next_piece_off_and_what_we_failed_at_does_not(
    at: At, owner: UserId
) -> None:
    ctx = at(owner)
    await sandbox_time.take_turn(ctx, owner)
    await charge(ctx, owner, 0)
    assert await sandbox_time.take_turn(ctx, owner) == NOW
    await charge(ctx, owner, 30)
    assert await sandbox_time.take_turn(ctx, owner) == NOW + timedelta(seconds=60)
    assert await sandbox_time.take_turn(at(owner, hours=2), owner) == NOW + timedelta(hours=2)


async def test_who_used_up_their_hour_is_told_when_to_come_back(
    at: At, owner: UserId, rival: UserId
) -> None:
    ctx = at(owner)
    for _ in range(41):
        await sandbox_time.require_room(ctx, owner)
        await sandbox_time.take_turn(ctx, owner)
        await charge(ctx, owner, 45)
    with pytest.raises(sandbox_time.SandboxTimeUsed) as refused:
        await sandbox_time.require_room(ctx, owner)
    assert refused.value.facts == {"retry_after_seconds": 90}
    await sandbox_time.require_room(at(rival), rival)
    await sandbox_time.require_room(at(owner, hours=0.03), owner)


async def test_running_out_of_time_has_a_limit_of_its_own(at: At, owner: UserId) -> None:
    for _ in range(sandbox_time.TIMEOUTS_A_DAY):
        await sandbox_time.require_room(at(owner), owner)
        await charge(at(owner), owner, 1, *TOO_SLOW)
    await charge(at(owner), owner, 1, {"code": "model.zip", "detail": "a zip"})
    with pytest.raises(sandbox_time.TooManyTimeouts) as refused:
        await sandbox_time.require_room(at(owner, hours=23), owner)
    assert refused.value.facts == {"retry_after_seconds": 3600}
    await sandbox_time.require_room(at(owner, hours=24), owner)
    await charge(at(owner, hours=24), owner, 1, *TOO_SLOW)
    await sandbox_time.require_room(at(owner, hours=24), owner)
