"""People who use the API in tests: signed in, each with a client of their own."""

import re
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
from dml.edge.descriptions import name_of
from dml.edge.http import Parts

# argon2id of "a password", with the least parameters: hashing it each time would take seconds.
PASSWORD: Final = "a password"
PASSWORD_HASH: Final = (
    "$argon2id$v=19$m=8,t=1,p=1$pT9H0xOxv8BuYecKunVMxw$xLtfRgoNT1rEzqBQvgLC/GHueRmpCwzG3mAnDEjH+cM"
)


async def make_user(
    tx: AsyncSession, name: str, role: Role = Role.MEMBER, *, user_id: UserId | None = None
) -> User:
    ctx = Context(tx, NOBODY, datetime.now(UTC))
    email = f"{name}@example.org"
    return await register(ctx, email=email, password_hash=PASSWORD_HASH, role=role, user_id=user_id)


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

    async def events(self, **asked: Any) -> list[dict[str, Any]]:
        """All events that fit, whatever happened to others before: page after page."""
        found: list[dict[str, Any]] = []
        while True:
            answer = await self.get("/v1/events", params=asked)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if not page["has_more"]:
                return found
            asked["after"] = page["position"]


class Described:
    """Holds every answer of the API, in every test, to what OpenAPI says of it."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._operations: list[tuple[re.Pattern[str], dict[str, Any]]] = []

    async def __call__(self, answer: httpx2.Response) -> None:
        asked = answer.request
        operation = self._find(asked.method, asked.url.path)
        if operation is None or answer.status_code in (405, 500):
            return
        where = f"{asked.method} {asked.url.path}: {answer.status_code}"
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None, f"{where} is not described"
        if answer.status_code < 400:
            said = "ETag" in told.get("headers", ())
            assert ("etag" in answer.headers) == said, f"{where}: its ETag is not as described"
            return
        if answer.headers["content-type"].startswith("text/html"):
            return  # For people, made of the document (`tests/edge/test_problem_pages.py`).
        await answer.aread()
        document = answer.json()
        schema = told["content"]["application/problem+json"]["schema"]
        named = [it["$ref"].rpartition("/")[2] for it in schema.get("oneOf", [schema])]
        name = name_of(document["code"])
        assert name in named, f"{where} with {name} is not described"
        own = self._app.openapi()["components"]["schemas"][name]["allOf"][1]
        known = {*own["properties"], "type", "title", "status", "detail", "errors"}
        assert set(own["required"]) <= document.keys() <= known, f"{where}: {document}"

    def _find(self, method: str, path: str) -> dict[str, Any] | None:
        if not path.startswith("/v1/"):
            return None
        if not self._operations:
            paths = self._app.openapi()["paths"]
            for named in sorted(paths, key=lambda it: it.count("{")):
                pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", named.replace(".", r"\.")))
                self._operations.append((pattern, paths[named]))
        for pattern, operations in self._operations:
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None


class World:
    def __init__(self, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.parts: Parts = app.state
        client.event_hooks["response"] = [Described(app)]

    async def person(self, name: str = "somebody", role: Role = Role.MEMBER) -> Person:
        """Register and sign in somebody new."""
        async with self.parts.sessions.begin() as tx:
            user = await make_user(tx, f"{name}-{new_id()}", role)
            ctx = Context(tx, Actor(user.id, role), datetime.now(UTC))
            opened = await sessions.open_session(ctx, user.id, days=1)
        token = sessions.access_token(
            self.parts.keys, opened.session, datetime.now(UTC), seconds=3_600
        )
        return Person(user.id, user.email or "", token, self.client)

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
