"""The marketplace as a device sees it: problems become refusals, silence becomes Away."""

import datetime as dt
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, Final, TypeVar

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from dml.agent.leases import read_seconds
from dml.agent.refusals import Away, CannotRun, NoLongerPaired, Refusal
from dml.client.http import (
    Answer,
    HttpClient,
    Misconfigured,
    NoMarketplace,
    NotReached,
    one_line,
    read_address,
    whole,
)
from dml.inference.spec import VERSION

SECONDS: Final = 20.0
SAVE_SECONDS: Final = 7200.0  # A model of 512 MiB by a slow line.
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE: Final = "devices"
ALGORITHM: Final = "Ed25519"  # RFC 9864's name for it.
RENEW_SECONDS: Final = 60.0  # A token is renewed so long before its end, or at 3/4 of a short one.
# Which versions of the input spec this agent can prepare. A server of before ignores it.
SPEC_HEADER: Final = "Input-Spec-Version"
_PASSING: Final = frozenset({408, 425, 429})

Given = TypeVar("Given")


class Server:
    """Asks without a token. Thread-safe. Raises Away, Refusal or CannotRun."""

    def __init__(self, url: str) -> None:
        try:
            self._http = HttpClient(url, name="dml-device", seconds=SECONDS)
        except Misconfigured as why:
            raise CannotRun(str(why)) from None
        self.url = self._http.url
        self._ahead = dt.timedelta()  # Of the server's clock before ours, which may be unset.

    def now(self) -> dt.datetime:
        """The time by the server's clock where it has told it, else by ours."""
        return dt.datetime.now(dt.UTC) + self._ahead

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = None,
        seconds: float = SECONDS,
    ) -> Any:
        """The answer's JSON, or None where it has no body."""
        headers = {**_authorization(token), SPEC_HEADER: str(VERSION)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with _reaching():
            answer = self._http.ask(method, path, content=body, headers=headers, timeout=seconds)
            self._hear_time(answer.headers.get("date", ""))
            self._require_success(answer)
            return None if answer.status == httpx2.codes.NO_CONTENT else answer.json()

    def save(self, path: str, file: BinaryIO, *, most: int, token: str | None) -> str:
        """Write what is at `path` into the file, and return its SHA-256.

        What is longer than `most` is cut off a little beyond, and so has another digest.
        """
        digest, size = hashlib.sha256(), 0
        stream = self._http.stream(
            "GET", path, until_end_seconds=SAVE_SECONDS, headers=_authorization(token)
        )
        with _reaching(), stream as (answer, pieces):
            if answer.status_code != httpx2.codes.OK:
                self._require_success(whole(answer, pieces))
            for piece in pieces:
                size += len(piece)
                digest.update(piece)
                file.write(piece)
                if size > most:
                    break
        return digest.hexdigest()

    def _hear_time(self, date: str) -> None:
        """Hear the time that an answer tells (RFC 9110: always in GMT)."""
        with suppress(ValueError, TypeError, OverflowError):
            server_time = parsedate_to_datetime(date).replace(tzinfo=dt.UTC)
            self._ahead = server_time - dt.datetime.now(dt.UTC)

    def _require_success(self, answer: Answer) -> None:
        status = answer.status
        if status < 300:
            return
        if status < 400:
            target = one_line(answer.headers.get("location", "elsewhere")[:200])
            raise Away(f"{self.url} redirects to {target}. If that is right, use it as --server.")
        problem = answer.problem()
        title = str(problem.get("title", answer.reason))[:300]
        text = one_line(" ".join([title, *_details(problem)]))
        if status >= 500 or status in _PASSING:
            retry_after = answer.headers.get("retry-after", "")
            is_number = retry_after.isascii() and retry_after.isdecimal()
            seconds = float(retry_after[:9]) if is_number else 0
            raise Away(f"{self.url} says {status}: {text}", min(seconds, 600))
        raise Refusal(status, str(problem.get("code", f"http.{status}"))[:100], text)


class Session:
    """Asks as this device, with a token that is renewed when it must be. Thread-safe."""

    def __init__(self, server: Server, device_id: str, key: Ed25519PrivateKey) -> None:
        self.server, self.device_id = server, device_id
        self._key = key
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    def now(self) -> dt.datetime:
        """The time by the server's clock where it has told it, else by ours."""
        return self.server.now()

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, seconds: float = SECONDS
    ) -> Any:
        """The answer's JSON. Raises Away, Refusal, or NoLongerPaired."""
        return self._with_token(
            lambda token: self.server.ask(method, path, body, token=token, seconds=seconds)
        )

    def save(self, path: str, file: BinaryIO, *, most: int) -> str:
        """Write what is at `path` into the file, and return its SHA-256."""

        def start(token: str) -> str:
            file.seek(0)
            file.truncate()
            return self.server.save(path, file, most=most, token=token)

        return self._with_token(start)

    def _with_token(self, act: Callable[[str], Given]) -> Given:
        with _still_paired():
            token = self._live_token()
            try:
                return act(token)
            except Refusal as refusal:
                if refusal.status != httpx2.codes.UNAUTHORIZED:
                    raise
            with self._lock:
                if self._token == token:
                    self._token = None
            return act(self._live_token())

    def _live_token(self) -> str:
        with self._lock:
            if self._token is None or time.monotonic() >= self._renew_at:
                self._renew()
            assert self._token is not None
            return self._token

    def _renew(self) -> None:
        """Sign a nonce of the server. How long the token lives is measured by our own clock."""
        path, began = f"/v1/devices/{self.device_id}", time.monotonic()
        nonce = str(field(self.server.ask("POST", f"{path}/nonce"), "nonce"))
        claims = {"iss": self.device_id, "sub": self.device_id, "aud": AUDIENCE, "nonce": nonce}
        body = {"grant_type": GRANT_TYPE, "assertion": sign(self._key, claims)}
        answer = self.server.ask("POST", f"{path}/token", json.dumps(body).encode())
        self._token = str(field(answer, "access_token"))
        lives = seconds(answer, "expires_in")
        self._renew_at = began + max(lives * 3 / 4, lives - RENEW_SECONDS)


def field(answer: Any, name: str) -> Any:
    """A member of an answer; Away where it has none, as another kind of server's."""
    try:
        return answer[name]
    except (KeyError, TypeError):
        raise Away(f"The answer has no {name}: that is no marketplace.") from None


def seconds(answer: Any, name: str) -> float:
    """A time in an answer; Away where it has none."""
    try:
        return read_seconds(field(answer, name))
    except (ValueError, TypeError):
        raise Away(f"The answer's {name} is no number: that is no marketplace.") from None


def read_url(text: str) -> str:
    """A server's address, without a slash at its end; CannotRun where it is none."""
    try:
        return read_address(text)
    except Misconfigured as why:
        raise CannotRun(str(why)) from None


def sign(key: Ed25519PrivateKey, claims: dict[str, str]) -> str:
    """A JWS in compact form (RFC 7515) under this key."""
    return jws.serialize_compact({"alg": ALGORITHM}, json.dumps(claims), _jwk(key), [ALGORITHM])


def public_part(key: Ed25519PrivateKey) -> str:
    """The public key as a marketplace registers it: its 32 bytes in base64url."""
    return str(_jwk(key).as_dict(private=False)["x"])


def _jwk(key: Ed25519PrivateKey) -> OKPKey:
    return OKPKey.import_key(key)


@contextmanager
def _still_paired() -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        match refusal.code:
            case "devices.revoked":
                why = "This device was revoked by its owner."
            case "devices.device_not_found" | "devices.bad_assertion":
                why = "The server does not know this device."
            case _:
                raise
        raise NoLongerPaired(
            f"{why} To pair it anew, get a code from its owner's account and add --pair CODE."
        ) from None


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (NotReached, NoMarketplace) as why:
        raise Away(str(why)) from None
    except Misconfigured as why:
        raise CannotRun(str(why)) from None


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _details(problem: dict[str, Any]) -> list[str]:
    """The remedy, and what is wrong where."""
    lines = [str(problem["detail"])[:300]] if "detail" in problem else []
    wrong = problem.get("errors") or problem.get("problems") or []
    if isinstance(wrong, list):
        lines += [
            f"{it.get('pointer')} {it.get('detail')}"[:200]
            for it in wrong[:3]
            if isinstance(it, dict)
        ]
    return lines
