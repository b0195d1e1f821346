"""Organisations in tests, and who acts for them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx2

from dml.accounts.models import User
from dml.core.context import Role
from dml.core.ids import UserId
from tests.accounts.recovery.mailbox import letters
from tests.world import PASSWORD, Person, World

PATH: Final = "/v1/organisations"
ACCEPT: Final = "/v1/users/me/organisations"
PROOF: Final = {"kind": "password", "password": PASSWORD}


async def found(owner: Person, name: str = "Institute") -> str:
    """Found an organisation, and return its id."""
    answer = await owner.post(PATH, {"name": name})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


async def invite(owner: Person, society: str, email: str, role: str = "member") -> Any:
    proof = {"proof": PROOF} if role == "owner" else {}
    body = {"email": email, "role": role, **proof}
    return await owner.post(f"{PATH}/{society}/invitations", body)


async def code_to(world: World, email: str) -> str:
    """The code in the last mail to an address."""
    letter = (await letters(world, email))[-1]
    match = re.search(r"dml org accept (\S+)", letter.text)
    assert match is not None, letter.text
    return match[1]


async def prove(world: World, person: Person) -> None:
    """Have it be known that their address is theirs."""
    async with world.parts.sessions.begin() as tx:
        user = await tx.get_one(User, person.id)
        user.email_verified_at = datetime.now(UTC)


async def join(
    world: World, owner: Person, society: str, person: Person, role: str = "member"
) -> None:
    """Invite somebody, and have them accept."""
    answer = await invite(owner, society, person.email, role)
    assert answer.status_code == 201, answer.text
    await prove(world, person)
    joined = await person.post(ACCEPT, {"code": await code_to(world, person.email)})
    assert joined.status_code == 201, joined.text


@dataclass(frozen=True)
class Acting(Person):
    """Somebody who asks all that they ask for an organisation."""

    society: str

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = {"DML-Act-For": self.society, **request.pop("headers", {})}
        return await super().ask(method, path, headers=headers, **request)


def acting(person: Person, society: str) -> Acting:
    """The same person, for an organisation. Their id is the organisation's then."""
    return Acting(UserId(UUID(society)), person.email, person.token, person.client, society)


async def enrich(world: World, society: str, tokens: str = "1000") -> None:
    """Let an organisation have so many tokens to spend."""
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": society, "amount": tokens, "reason": "for a test"}
    answer = await admin.post("/v1/admin/credits", body)
    assert answer.status_code == 201, answer.text
