"""Who takes part, and what each of them asks of the public API."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self

import httpx2

from demo.children import Failed
from demo.made import Classifier

TIMEOUT_SECONDS: Final = 30
CHECK_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.1
TRIES_MAX: Final = 30  # Of a request that we are asked to send again later.


def web(url: str) -> httpx2.AsyncClient:
    """The way to the API."""
    return httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)


@dataclass
class Person:
    """Somebody with an account. Roles differ in what they do with it."""

    client: httpx2.AsyncClient
    email: str
    password: str
    id: str = ""
    token: str = ""

    @classmethod
    async def join(cls, client: httpx2.AsyncClient, name: str) -> Self:
        """Register as a new person, and sign in."""
        person = cls(client, f"{name}@example.org", secrets.token_urlsafe(12))
        await person.ask("POST", "/v1/users", {"email": person.email, "password": person.password})
        await person.sign_in()
        return person

    async def sign_in(self) -> None:
        credentials = {"email": self.email, "password": self.password}
        opened = await self.ask("POST", "/v1/users/authenticate", credentials)
        self.id, self.token = opened["user_id"], opened["access_token"]

    async def funds(self) -> Mapping[str, str]:
        """What this person has: available, pending, reserved."""
        funds: Mapping[str, str] = await self.ask("GET", "/v1/payments/balance")
        return funds

    async def balance(self) -> Decimal:
        """What this person can spend."""
        return Decimal((await self.funds())["available"])

    async def ask(
        self, method: str, path: str, body: Any = None, *, media_type: str = "", **more: Any
    ) -> Any:
        """Ask the API. A refusal is the end of the story, in its own words.

        A file goes as `content`, with its media type.
        """
        headers = self._headers() | ({"Content-Type": media_type} if media_type else {})
        try:
            for _ in range(TRIES_MAX):
                answer = await self.client.request(method, path, json=body, headers=headers, **more)
                if answer.status_code not in (429, 503):
                    break  # Else we are asked to come again: twenty people share our address.
                await asyncio.sleep(int(answer.headers.get("Retry-After", "1")))
        except httpx2.HTTPError as error:
            raise Failed(f"{method} {path}: {type(error).__name__} {error}") from error
        if not answer.is_success:
            raise Failed(f"{method} {path} was refused ({answer.status_code}): {answer.text}")
        return answer.json()

    def _headers(self) -> dict[str, str]:
        headers = {"Idempotency-Key": secrets.token_urlsafe(16)}
        return headers | {"Authorization": f"Bearer {self.token}"} if self.token else headers


class Admin(Person):
    async def make_moderator(self, person: Person) -> None:
        await self.ask("PATCH", f"/v1/admin/users/{person.id}", {"role": "moderator"})

    async def books(self) -> Mapping[str, str]:
        """The sum of the ledger, and its accounts by kind."""
        books: Mapping[str, str] = await self.ask("GET", "/v1/admin/books")
        return books


class Developer(Person):
    async def offer(self, classifier: Classifier, fee: Decimal) -> str:
        """Accept the developer agreement, upload a model, wait until it is checked, and ask for a
        review. Answers where it is.
        """
        agreement = await self.ask("GET", "/v1/developer-agreement")
        if agreement["accepted_at"] is None:
            accepted = {"version": agreement["version"]}
            await self.ask("POST", "/v1/users/me/developer-agreements", accepted)
        algorithm = await self.ask(
            "POST",
            "/v1/algorithms",
            {
                "title": "Handwritten digits",
                "summary": "Tells which digit a photo shows.",
                "model_card": "# Digits\n\nTrained on half of the digits of scikit-learn; "
                f"{classifier.accuracy:.1%} right on the other half.",
                "kind": "image",
                "tags": ["digits"],
                "data_kind": "photo",
                "device_fee": str(fee),
                "labels": classifier.labels,
            },
        )
        path = f"/v1/algorithms/{algorithm['id']}/versions"
        form = {
            "input_spec": (None, json.dumps(classifier.input_spec), "application/json"),
            "file": ("digits.onnx", classifier.onnx, "application/octet-stream"),
        }
        version = await self.ask("POST", path, files=form)
        where = f"{path}/{version['id']}"
        await self._await_check(where)
        await self.ask("POST", f"{where}/submit")
        return where

    async def _await_check(self, where: str) -> None:
        give_up_at = time.monotonic() + CHECK_SECONDS
        while (version := await self.ask("GET", where))["state"] == "uploaded":
            if time.monotonic() > give_up_at:
                raise Failed(f"the model was not checked after {CHECK_SECONDS} s")
            await asyncio.sleep(LOOK_SECONDS)
        if version["state"] != "checked":
            raise Failed(f"the model was refused: {version['refusals']}")


class Moderator(Person):
    async def approve(self, where: str) -> str:
        """Approve a version. Answers its id."""
        version = await self.ask("POST", f"{where}/approve", {})
        return str(version["id"])


class Customer(Person):
    async def order(self, version_id: str, devices: int, reward: Decimal) -> Mapping[str, Any]:
        """Create a job; its whole cost goes to escrow."""
        order = {
            "version_id": version_id,
            "title": "Which digits do people photograph?",
            "max_devices": devices,
            "reward": str(reward),
            "answers": "exact",  # Of twenty people who agreed: the demo compares it with the truth.
            "min_confidence": 0.5,
            "deadline": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        job: Mapping[str, Any] = await self.ask("POST", "/v1/jobs", order)
        return job

    async def watch(self, job_id: str) -> AsyncIterator[Mapping[str, Any]]:
        """The answer so far, again whenever it has grown, until the job has ended."""
        path, headers = f"/v1/jobs/{job_id}/events", self._headers()
        try:
            async with self.client.stream("GET", path, headers=headers, timeout=None) as events:
                if not events.is_success:
                    raise Failed(f"GET {path} was refused ({events.status_code})")
                event = ""
                async for line in events.aiter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        event = value
                    elif field == "data":
                        yield json.loads(value)
                        if event == "end":
                            return
        except httpx2.HTTPError as error:
            raise Failed(f"GET {path}: {type(error).__name__} {error}") from error
        raise Failed(f"GET {path} ended before the job did")


class Owner(Person):
    async def permit_photos(self) -> None:
        await self.ask("PATCH", "/v1/users/me", {"permitted_kinds": ["photo"]})

    async def pairing_code(self) -> str:
        """A code for one device."""
        return str((await self.ask("POST", "/v1/devices/pairing-codes"))["code"])

    async def link(self, address: str, sign: Callable[[str], str]) -> str:
        """Link a wallet by signing what the marketplace asks to be signed. Answers its id."""
        challenge = await self.ask("POST", "/v1/wallets/challenges", {"address": address})
        signed = {"message": challenge["message"], "signature": sign(challenge["message"])}
        proof = {"kind": "password", "password": self.password}
        return str((await self.ask("POST", "/v1/wallets", signed | {"proof": proof}))["id"])

    async def withdraw(self, wallet_id: str, amount: Decimal) -> str:
        """Ask for tokens to be paid out. Answers the withdrawal's id."""
        body = {"amount": f"{amount:f}", "wallet_id": wallet_id, "password": self.password}
        return str((await self.ask("POST", "/v1/payments/withdrawals", body))["id"])
