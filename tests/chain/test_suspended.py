"""What becomes of the withdrawals of a user who is suspended."""

from datetime import UTC, datetime

import pytest

from dml.accounts.events import UserSuspended
from dml.chain import processes
from dml.core.context import SYSTEM, Context, Role
from tests.chain.people import link
from tests.world import PASSWORD, Person, World

WITHDRAWALS = "/v1/payments/withdrawals"
pytestmark = pytest.mark.usefixtures("vault")


async def call_off(world: World, user: Person) -> None:
    """Do what the handler does, which may come twice."""
    for _ in range(2):
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await processes.call_off_of_suspended(ctx, UserSuspended(user.id))


async def test_withdrawals_that_are_in_no_batch_are_called_off(world: World) -> None:
    ada, admin = await world.rich("ada", "100"), await world.person("admin", Role.ADMIN)
    body = {"amount": "10", "wallet_id": (await link(ada))["id"], "password": PASSWORD}
    for _ in range(2):
        assert (await ada.post(WITHDRAWALS, body)).status_code == 201
    path = f"/v1/admin/users/{ada.id}"

    async def holds() -> tuple[str, str]:
        balance = (await admin.get(f"{path}/books")).json()["balance"]
        return balance["available"], balance["reserved"]

    await call_off(world, ada)  # Who is not suspended is left alone.
    assert await holds() == ("80", "20")
    suspended = await admin.post(f"{path}/suspend", {"reason": "The account was stolen."})
    assert suspended.status_code == 200, suspended.text
    await call_off(world, ada)
    assert await holds() == ("100", "0")
