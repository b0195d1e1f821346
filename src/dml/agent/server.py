"""The marketplace as a device sees it: problems become refusals, silence becomes Away."""

import hashlib
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.agent.leases import read_seconds
from dml.agent.refusals import Away, CannotRun, NoLongerPaired, Refusal

SECONDS: Final = 20.0
CONNECT_SECONDS: Final = 5.0
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE: Final = "devices"
RENEW_SECONDS: Final = 60.0  # A token is renewed so long before its end, or at 3/4 of a short one.
_PASSING: Final = frozenset({408, 425, 429})

Answer = TypeVar("Answer")


class Server:
    """Asks without a token. Thread-safe. Raises Away or Refusal."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Certificates are read from disk only where they are needed: it takes 40 ms.
        self._http = httpx2.Client(
            base_url=url,
            verify=url.startswith("https:"),
            timeout=httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": "dml-device", "Accept-Encoding": "identity"},
        )

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
        headers = _authorization(token)
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._reaching():
            answer = self._http.request(
                method, path, content=body, headers=headers, timeout=seconds
            )
        self._require_success(answer)
        if answer.status_code == httpx2.codes.NO_CONTENT:
            return None
        return _json(answer)

    def save(self, path: str, file: BinaryIO, *, most: int, token: str) -> str:
        """Write what is at `path` into the file, and return its SHA-256.

        What is longer than `most` is cut off a little beyond, and so has another digest.
        """
        digest, size = hashlib.sha256(), 0
        with (
            self._reaching(),
            self._http.stream("GET", path, headers=_authorization(token)) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                answer.read()
            self._require_success(answer)
            for chunk in answer.iter_raw():
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
                if size > most:
                    break
        return digest.hexdigest()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise Away(f"{self.url} can't be reached: {_why(error)}.") from error
        except httpx2.TransportError as error:
            what = "takes too long" if isinstance(error, httpx2.TimeoutException) else "broke off"
            raise Away(f"{self.url} {what}.") from error

    def _require_success(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        if status < 300:
            return
        if status < 400:
            target = answer.headers.get("location", "elsewhere")[:200]
            raise Away(f"{self.url} redirects to {target}. If that is right, use it as --server.")
        problem = _problem(answer)
        title = str(problem.get("title", answer.reason_phrase))[:300]
        text = " ".join([title, *_details(problem)])
        if status >= 500 or status in _PASSING:
            retry_after = answer.headers.get("retry-after", "")
            seconds = float(retry_after) if retry_after.isdecimal() else 0
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

    def _with_token(self, act: Callable[[str], Answer]) -> Answer:
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
    url = text.strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise CannotRun(f"{text} is no server's address. Write it as https://market.example.org")
    return url


def sign(key: Ed25519PrivateKey, claims: dict[str, str]) -> str:
    """A JWS in compact form (RFC 7515): three lines, where a library takes 50 ms to import."""
    said = ".".join(base64url(json.dumps(it).encode()) for it in ({"alg": "Ed25519"}, claims))
    return f"{said}.{base64url(key.sign(said.encode()))}"


def base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


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


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        where = str(answer.request.url)[:200]
        raise Away(f"{where} answers no JSON: that is no marketplace.") from None


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _details(problem: dict[str, Any]) -> list[str]:
    """The remedy, and what is wrong where."""
    told = [str(problem["detail"])[:300]] if "detail" in problem else []
    wrong = problem.get("errors") or problem.get("problems") or []
    if isinstance(wrong, list):
        told += [f"{it.get('pointer')} {it.get('detail')}"[:200] for it in wrong[:3]]
    return told


def _why(error: Exception) -> str:
    """In a few words; a certificate that is not believed has a remedy."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        reason = text.partition("verify failed: ")[2].partition(" (")[0] or "not believed"
        return f"its certificate is {reason} (for one of your own, set SSL_CERT_FILE to your CA's)"
    return text.rpartition("] ")[2] or type(error).__name__
