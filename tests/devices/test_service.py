"""What jobs read of a device, what they hear of it, and what is forgotten."""

from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import service as accounts
from dml.accounts.models import DataKind
from dml.core import event_log, events
from dml.core.context import Context
from dml.core.db import raw
from dml.core.ids import DeviceId, JobId, UserId, new_id
from dml.devices import queries, rules, service, statements
from dml.devices.events import DeviceRevoked
from dml.devices.models import Nonce, PairingCode
from dml.devices.queries import DeviceProfile
from dml.devices.service import Limits
from tests.conftest import NOW, At
from tests.devices.factories import paired


@events.on(DeviceRevoked, name="trial.hear_revoked.v1")
async def hear_revoked(ctx: Context, event: DeviceRevoked) -> None:
    """Is never run here: that it would be is what is looked at."""


_HEARD = text("SELECT count(*) FROM dbos.workflow_status WHERE name = 'trial.hear_revoked.v1'")


async def find_profile(tx: AsyncSession, device_id: DeviceId) -> DeviceProfile:
    (profile,) = await queries.find_profiles(await raw(tx), [device_id])
    assert profile is not None
    return profile


async def test_a_profile_says_what_decides_which_jobs_a_device_may_run(
    at: At, owner: UserId
) -> None:
    ctx, job, developer = at(owner), JobId(new_id()), UserId(new_id())
    device = await paired(ctx)
    nothing_yet = await find_profile(ctx.tx, device.id)
    assert nothing_yet == DeviceProfile(
        device_id=device.id,
        owner_id=owner,
        stamp=nothing_yet.stamp,
        country="PT",
        kinds=frozenset(),
        memory_mib=queries.UNSAID,
        speed=queries.UNSAID,
        suspended=False,
        refused_jobs=frozenset(),
        refused_developers=frozenset(),
        refused_labels=frozenset(),
        allows_exact=False,
        refused_countries=frozenset(),
        max_epsilon=None,
    )
    permitted = [DataKind.PHOTO, DataKind.TEXT]
    await accounts.edit_profile(ctx, owner, {"permitted_kinds": permitted}, revision=None)
    refused = Limits(refused_jobs=[job], refused_developers=[developer])
    refused |= Limits(refused_labels=["passport"], refused_countries=["PT"], max_epsilon=0.5)
    await service.set_limits(ctx, refused)
    profile = await find_profile(ctx.tx, device.id)
    assert profile.stamp != nothing_yet.stamp
    assert profile.kinds == {DataKind.PHOTO}
    assert profile.refused_jobs == {job}
    assert profile.refused_developers == {developer}
    assert profile.refused_labels == {"passport"}
    assert profile.refused_countries == {"PT"}
    assert profile.max_epsilon == 0.5

    await service.edit(ctx, device.id, {"permitted_kinds": [DataKind.TEXT]}, revision=None)
    assert (await find_profile(ctx.tx, device.id)).kinds == set()


async def test_who_revokes_a_device_is_heard_once(at: At, owner: UserId) -> None:
    ctx = at(owner)
    device = await paired(ctx)
    await service.revoke(ctx, device.id)
    await service.revoke(at(owner, hours=1), device.id)
    assert device.revoked_at == NOW
    assert await ctx.tx.scalar(_HEARD) == 1
    actions = [it.action for it in await event_log.history(ctx.tx, device.reference)]
    assert actions == ["paired", "revoked"]


async def test_a_change_of_limits_is_on_record_without_what_they_hold(
    at: At, owner: UserId
) -> None:
    ctx = at(owner)
    for labels in (["passport"], []):
        limits = Limits(refused_jobs=[], refused_developers=[], refused_labels=labels)
        await service.set_limits(ctx, limits | Limits(max_epsilon=2.0))
    *_, first, second = await event_log.history(ctx.tx, f"user:{owner}")
    assert first.action == second.action == "device_limits_set"
    counts = {"refused_jobs": 0, "refused_developers": 0, "refused_labels": 1}
    counts |= {"refused_countries": 0}
    how = {"allows_exact": False, "max_epsilon": 2.0}
    assert first.body == {"user_id": str(owner), **counts, **how}


async def test_what_has_expired_is_forgotten_and_nothing_else(at: At, owner: UserId) -> None:
    ctx = at(owner)
    device = await paired(ctx)
    await service.make_code(ctx)
    await statements.use_nonce(ctx.tx, device.id, "used", NOW + rules.NONCE_LIFETIME)

    async def left() -> tuple[int | None, int | None]:
        codes = await ctx.tx.scalar(select(func.count()).select_from(PairingCode))
        return codes, await ctx.tx.scalar(select(func.count()).select_from(Nonce))

    moment = timedelta(microseconds=1)
    await service.forget_expired(ctx.tx, NOW + rules.NONCE_LIFETIME - moment)
    assert await left() == (2, 1)
    await service.forget_expired(ctx.tx, NOW + rules.NONCE_LIFETIME)
    assert await left() == (2, 0)
    code_forgotten_at = NOW + rules.CODE_LIFETIME + rules.CODE_REMEMBERED
    await service.forget_expired(ctx.tx, code_forgotten_at - moment)
    assert await left() == (2, 0)
    await service.forget_expired(ctx.tx, code_forgotten_at)
    assert await left() == (0, 0)
