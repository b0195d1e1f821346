"""Points of a minute: spent where there are as many, in Valkey and where that is away alike."""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from dml.core.ids import new_id
from dml.edge.http import Parts
from dml.edge.limits import Here, spend
from tests.world import World


@dataclass
class Without:
    """The parts of a server whose Valkey is away."""

    redis: Any


async def test_both_count_the_same(world: World) -> None:
    away: Any = Without(Redis.from_url("redis://127.0.0.1:1"))
    for server in (world.parts, away):
        assert await spent(server) == [(40, 60), (50, 10), (20, -10), (10, 0), (1, -1)]
    await away.redis.aclose()


async def spent(server: Parts) -> list[tuple[int, int]]:
    """Spend some of a hundred points, and tell what was left each time."""
    whose, told = str(new_id()), []
    for points in (40, 50, 20, 10, 1):
        it = await spend(server, whose, points, most=100)
        assert 0 < it.seconds <= 60
        told.append((it.points, it.left))
    return told


def test_a_minute_later_all_points_are_there_again() -> None:
    here = Here()
    assert [here.spend("a", it, 60, 100)[0] for it in (0, 30, 59, 61)] == [40, -20, -20, 40]
