"""Everybody who takes part, registered."""

from dataclasses import dataclass

import httpx2

from demo.market import Market
from demo.people import Admin, Customer, Developer, Moderator, Owner
from demo.together import both


@dataclass(frozen=True)
class Cast:
    """Those of whom there is one."""

    admin: Admin
    developer: Developer
    moderator: Moderator
    customer: Customer


async def join_cast(client: httpx2.AsyncClient, market: Market) -> Cast:
    """The first admin signs in, the others register; one of them is made moderator."""
    admin = Admin(client, market.admin_email, market.admin_password)
    (_, moderator), (developer, customer) = await both(
        both(admin.sign_in(), Moderator.join(client, "moderator")),
        both(Developer.join(client, "developer"), Customer.join(client, "customer")),
    )
    await admin.make_moderator(moderator)
    return Cast(admin, developer, moderator, customer)


async def join_owner(client: httpx2.AsyncClient, name: str) -> Owner:
    """Somebody with a device, who permits models to look at the photos on it."""
    owner = await Owner.join(client, name)
    await owner.permit_photos()
    return owner
