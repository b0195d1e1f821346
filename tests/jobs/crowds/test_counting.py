"""Owners are counted once a day, each once for a kind, and told with noise that is drawn once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import DataKind, User
from dml.core.ids import UserId
from dml.devices.models import OwnerLimits
from dml.jobs.crowds import queries, service, statements
from dml.jobs.crowds.models import EVERYWHERE, Crowd
from tests.conftest import At
from tests.devices.factories import paired
from tests.world import make_user

DAY = timedelta(days=1)


@pytest.fixture
async def people(tx: AsyncSession, at: At, owner: UserId, rival: UserId) -> None:
    """Two owners in Portugal, one of them with a second device in Spain, seen before; and others
    who do not count.
    """
    now = at(owner).now
    theirs: list[tuple[UserId, dict[str, Any]]] = [
        (owner, {}),
        (owner, {"country": "ES", "last_seen_at": now - timedelta(days=2)}),
        (rival, {"last_seen_at": now - timedelta(hours=5), "kinds": ["photo", "text"]}),
        ((await make_user(tx, "nowhere")).id, {"country": None}),
        ((await make_user(tx, "revoked")).id, {"revoked_at": now}),
        ((await make_user(tx, "unseen")).id, {"last_seen_at": None}),
        ((await make_user(tx, "away")).id, {"last_seen_at": now - timedelta(days=30)}),
        ((await make_user(tx, "narrow")).id, {"permitted_kinds": ["text"]}),
    ]
    suspended = await make_user(tx, "suspended")
    suspended.suspended_at, suspended.suspension_reason = now, "spam"
    private = await make_user(tx, "private")
    private.permitted_kinds = []
    for whose, has in [*theirs, (suspended.id, {}), (private.id, {})]:
        device = await paired(at(whose))
        for name, value in ({"last_seen_at": now} | has).items():
            setattr(device, name, value)
    for user_id in (*(it[0] for it in theirs), suspended.id):
        await permit_photos(tx, user_id)
    tx.add(OwnerLimits(owner_id=rival, allows_exact=True))
    await tx.flush()


async def permit_photos(tx: AsyncSession, user_id: UserId) -> None:
    (await tx.get_one(User, user_id)).permitted_kinds = [DataKind.PHOTO]


@pytest.mark.usefixtures("people")
async def test_each_owner_counts_once_for_a_kind_where_they_were_seen_last(
    tx: AsyncSession, at: At, owner: UserId
) -> None:
    assert await statements.count(tx, at(owner).now) == {
        ("photo", EVERYWHERE): [2, 0, 0, 0, 0, 1, 0, 0],
        ("photo", "PT"): [1, 1],
    }


@pytest.mark.usefixtures("people")
async def test_who_asks_before_and_after_somebody_came_hears_the_same(
    tx: AsyncSession, at: At, owner: UserId
) -> None:
    assert await service.count_if_due(at(owner), every=DAY) == 0
    before = {(it.country, tuple(it.owners)) for it in await tx.scalars(select(Crowd))}
    assert {it[0] for it in before} == {"PT", EVERYWHERE}
    new = await make_user(tx, "new")
    await permit_photos(tx, new.id)
    (await paired(at(new.id))).last_seen_at = at(owner).now
    await tx.flush()
    await service.count_if_due(at(owner, hours=23), every=DAY)
    tx.expire_all()
    after = {(it.country, tuple(it.owners)) for it in await tx.scalars(select(Crowd))}
    assert after == before
    await service.count_if_due(at(owner, hours=24), every=DAY)
    assert await queries.find_counted_at(tx) == at(owner, hours=24).now


@pytest.mark.usefixtures("people")
async def test_a_crowd_is_that_of_the_countries_that_are_named(
    tx: AsyncSession, at: At, owner: UserId
) -> None:
    now = at(owner).now
    told = {
        ("photo", EVERYWHERE): [10, 20, 30, 40, 1, 2, 3, 4],
        ("photo", "PT"): [50, 5],
        ("photo", "ES"): [7, 1],
        ("text", "ES"): [900, 900],
    }
    await statements.replace(tx, told, now)

    async def owners(*countries: str, is_exact: bool = False) -> int:
        return (await queries.get_crowd(tx, "photo", countries, is_exact=is_exact)).owners

    assert [await owners(), await owners("PT"), await owners("PT", "ES")] == [110, 55, 63]
    assert [await owners(is_exact=True), await owners("PT", is_exact=True)] == [10, 5]
    assert await owners("FR") == 0
