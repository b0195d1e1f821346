"""People who use the API in tests: signed in, each with a client of their own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import sessions
from dml.accounts.models import User
from dml.accounts.service import register
from dml.core.context import NOBODY, Actor, Context, Role
from dml.core.ids import UserId, new_id
from dml.edge.http import Parts

# argon2id of "a password", with the least parameters: hashing it each time would take seconds.
PASSWORD: Final = "a password"
PASSWORD_HASH: Final = (
    "$argon2id$v=19$m=8,t=1,p=1$pT9H0xOxv8BuYecKunVMxw$xLtfRgoNT1rEzqBQvgLC/GHueRmpCwzG3mAnDEjH+cM"
)


async def make_user(tx: AsyncSession, name: str, role: Role = Role.MEMBER) -> User:
    ctx = Context(tx, NOBODY, datetime.now(UTC))
    return await register(ctx, email=f"{name}@example.org", password_hash=PASSWORD_HASH, role=role)


@dataclass(frozen=True)
class Person:
    """Somebody signed in. Each verb answers what the API answered."""

    id: UserId
    email: str
    token: str
    client: httpx2.AsyncClient

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", **request.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> httpx2.Response:
        return await self.ask("GET", path, **request)

    async def post(self, path: str, json: Any = None, **request: Any) -> httpx2.Response:
        return await self.ask("POST", path, json=json, **request)

    async def patch(self, path: str, json: Any, **request: Any) -> httpx2.Response:
        return await self.ask("PATCH", path, json=json, **request)

    async def put(self, path: str, json: Any, **request: Any) -> httpx2.Response:
        return await self.ask("PUT", path, json=json, **request)


class World:
    def __init__(self, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.parts: Parts = app.state

    async def person(self, name: str = "somebody", role: Role = Role.MEMBER) -> Person:
        """Register and sign in somebody new."""
        async with self.parts.sessions.begin() as tx:
            user = await make_user(tx, f"{name}-{new_id()}", role)
            ctx = Context(tx, Actor(user.id, role), datetime.now(UTC))
            opened = await sessions.open_session(ctx, user.id, days=1)
        token = sessions.access_token(
            self.parts.keys, opened.session, datetime.now(UTC), seconds=3_600
        )
        return Person(user.id, user.email, token, self.client)

    async def rich(self, name: str, tokens: str) -> Person:
        """Register somebody who has so many tokens to spend."""
        person, admin = await self.person(name), await self.person("admin", Role.ADMIN)
        body = {"user_id": str(person.id), "amount": tokens, "reason": "for a test"}
        answer = await admin.post("/v1/admin/credits", body)
        assert answer.status_code == 201, answer.text
        return person


def soon(**later: float) -> str:
    """A moment from now, as a client writes it: `soon(hours=1)`."""
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def problem(answer: httpx2.Response, status: int, code: str) -> Any:
    """Check that the answer is this problem, and return its document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code), document
    return document
