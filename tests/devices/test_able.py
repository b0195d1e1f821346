"""How many owners have a device that could run a version: in steps, and of no single device."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import UserId
from dml.devices import queries, rules
from tests.conftest import At
from tests.devices.factories import paired
from tests.jobs.factories import make_job
from tests.world import World, make_user, problem


@pytest.mark.parametrize(
    ("owners", "least", "told"),
    [
        *((4, 5, None), (5, 5, 5), (9, 5, 5), (10, 5, 10), (499, 5, 100), (1_001, 5, 1_000)),
        *((9, 10, None), (49, 20, None), (50, 20, 50), (5, 1, 5), (4, 1, None)),
    ],
)
def test_owners_are_told_in_steps(owners: int, least: int, told: int | None) -> None:
    assert rules.band_of(owners, least) == told


async def test_each_owner_counts_once_whose_device_was_seen_and_has_enough(
    tx: AsyncSession, at: At, owner: UserId, rival: UserId
) -> None:
    enough: dict[str, Any] = {"memory_mib": 512, "speed": 100}
    theirs: list[tuple[UserId, dict[str, Any]]] = [
        (owner, enough),
        (owner, enough),
        (rival, {"memory_mib": None, "speed": None}),
        ((await make_user(tx, "little")).id, {"memory_mib": 511}),
        ((await make_user(tx, "slow")).id, {"speed": 99}),
        ((await make_user(tx, "revoked")).id, {"revoked_at": at(owner).now}),
        ((await make_user(tx, "unseen")).id, {"last_seen_at": None}),
        ((await make_user(tx, "away")).id, {"last_seen_at": at(owner, days=-30).now}),
        ((await make_user(tx, "texts")).id, {"kinds": ["text"]}),
    ]
    for whose, has in theirs:
        device = await paired(at(whose))
        for name, value in ({"last_seen_at": at(owner).now} | enough | has).items():
            setattr(device, name, value)
    await tx.flush()

    async def count(memory: int | None, speed: int | None) -> int:
        return await queries.count_able_owners(
            tx,
            data_kind="photo",
            least_memory_mib=memory,
            least_speed=speed,
            seen_since=at(owner).now - timedelta(days=30),
        )

    assert await count(512, 100) == 2
    assert await count(513, 100) == 1, "who says nothing is offered everything"
    assert await count(None, None) == 4


async def test_who_sees_a_version_is_told(world: World) -> None:
    job = await make_job(world)
    eve = await world.person("eve")
    algorithm_id = (await job.get())["algorithm_id"]
    path = f"/v1/algorithms/{algorithm_id}/versions/{job.version_id}/device-count"
    told = (await eve.get(path)).json()
    assert told.keys() == {"owners", "least_memory_mib", "least_speed"}
    assert (told["least_memory_mib"], told["least_speed"]) == (None, None)
    problem(await world.client.get(path), 401, "core.not_signed_in")
    await job.developer.post(f"/v1/algorithms/{algorithm_id}/suspend", {"reason": "a fault"})
    problem(await eve.get(path), 404, "algorithms.not_found")
    assert (await job.developer.get(path)).status_code == 200
