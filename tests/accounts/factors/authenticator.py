"""Somebody with an authenticator app: what it shows, and signing in with it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pyotp
from sqlalchemy import update

from dml.accounts.factors.models import TotpFactor
from tests.accounts.notices.told import verify
from tests.world import PASSWORD, Person, World

ME: Final = "/v1/users/me"
AUTHENTICATE: Final = "/v1/users/authenticate"
BY_PASSWORD: Final = {"kind": "password", "password": PASSWORD}


def shown(secret: str, *, seconds: int = 0) -> str:
    """What an app shows whose clock is off by so many seconds."""
    return pyotp.TOTP(secret).at(int(datetime.now(UTC).timestamp()) + seconds)


@dataclass(frozen=True)
class App:
    """An authenticator app that was confirmed, and the recovery codes."""

    world: World
    person: Person
    secret: str
    recovery_codes: list[str]

    async def proof(self) -> dict[str, str]:
        """A proof by the code that is shown now, whatever was used before: time goes on."""
        async with self.world.parts.sessions.begin() as tx:
            mine = TotpFactor.user_id == self.person.id
            await tx.execute(update(TotpFactor).where(mine).values(last_step=0))
        return {"kind": "totp", "code": shown(self.secret)}


async def enroll(world: World, person: Person) -> App:
    await verify(world, person)
    made = await person.post(f"{ME}/totp", {"proof": BY_PASSWORD})
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    done = await person.post(f"{ME}/totp/confirm", {"code": shown(secret)})
    assert done.status_code == 200, done.text
    return App(world, person, secret, done.json()["recovery_codes"])


async def begin(world: World, person: Person, password: str = PASSWORD) -> httpx2.Response:
    """The first half of signing in."""
    body = {"email": person.email, "password": password}
    return await world.client.post(AUTHENTICATE, json=body)


async def ticket_of(world: World, person: Person) -> str:
    ticket: str = (await begin(world, person)).json()["ticket"]
    return ticket


async def finish(world: World, ticket: str, proof: Any) -> httpx2.Response:
    """The second half."""
    body = {"ticket": ticket, "proof": proof}
    return await world.client.post(f"{AUTHENTICATE}/confirm", json=body)
