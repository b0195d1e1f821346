"""Everybody who takes part, registered."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from demo.market import Market
from demo.people import Admin, Customer, Developer, Moderator, Owner
from demo.together import both, together


@dataclass(frozen=True)
class Cast:
    """Those of whom there is one."""

    admin: Admin
    developer: Developer
    moderator: Moderator
    customer: Customer


async def join_cast(client: httpx.AsyncClient, market: Market) -> Cast:
    """The first admin signs in, the others register; one of them is made moderator."""
    admin = Admin(client, market.admin_email, market.admin_password)
    (_, moderator), (developer, customer) = await both(
        both(admin.sign_in(), Moderator.join(client, "moderator")),
        both(Developer.join(client, "developer"), Customer.join(client, "customer")),
    )
    await admin.make_moderator(moderator)
    return Cast(admin, developer, moderator, customer)


async def join_owners(client: httpx.AsyncClient, count: int) -> Sequence[Owner]:
    """So many people with a device each, who permit models to look at their photos."""

    async def join(n: int) -> Owner:
        owner = await Owner.join(client, f"owner-{n:02}")
        await owner.permit_photos()
        return owner

    return await together(join(n) for n in range(1, count + 1))
