"""The marketplace as commands see it: a problem document becomes one line to read.

Whoever is signed in stays so: tokens are renewed shortly before they expire. Where the server says
`later`, the same is asked again, a few times, with the same idempotency key.
"""

import json
import os
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, Any, Final
from uuid import uuid4

from dml.client.events import Sent, read_sent
from dml.client.http import (
    Answer,
    HttpClient,
    Misconfigured,
    NoMarketplace,
    NotReached,
    one_line,
    require_token,
    whole,
)
from dml.client.refusals import ApiRefused as ApiRefused, require_success
from dml.client.requests import Event, part
from dml.client.servers import find_server
from dml.client.sign_ins import CODE_NEEDED, AskCode, SignIn, SignIns, code_proof
from dml.refused import ExitCode, Refused

SECONDS: Final = 60.0
FILE_SECONDS: Final = 3600.0  # Until a file is here whole.
PAGE: Final = 100
PIECE_BYTES: Final = 1 << 20
FRESH_SECONDS: Final = 30.0  # A token that ends sooner is renewed before it is used.
TRIES: Final = 4
PAUSE_SECONDS_MAX: Final = 30.0  # Who is told to come back later than that is told so.
NO_TOKEN: Final = "core.not_signed_in"
OFFSET: Final = "Upload-Offset"
LATER: Final = (429, 503)
JSON: Final = {"Content-Type": "application/json"}
PIPE_BYTES_MAX: Final = 512 << 20  # A pipe does not tell its length, so all of it is read first.
# What comes of an answer that is JSON and yet no marketplace's: no key, or one of another kind.
SENSELESS: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class Read(dict[str, Any]):
    """An object that the API answered, and the ETag of the version that was read."""

    etag: str | None = None


class NotSignedIn(Refused):
    """Nobody is signed in here."""


class Unreached(Refused):
    """Nobody answers there."""

    exit_code = ExitCode.NOT_REACHED


class Marketplace:
    """Asks the API, as somebody or as nobody. Use it in a `with`.

    Without a `url`, it is found (`find_server`). Whatever the answers hold ends in Refused there:
    who answers may be no marketplace at all.
    """

    def __init__(
        self,
        url: str | None,
        *,
        sign_ins: SignIns | None = None,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._sign_ins, self._pause = sign_ins or SignIns(), pause or _wait
        with _in_one_line():
            found = find_server(url, self._sign_ins)
            self._http = HttpClient(found, name="dml", seconds=SECONDS)
        self.url = self._http.url
        self._headers: dict[str, str] = {}
        self._kept: SignIn | None = None
        self._renewing = Lock()

    def __enter__(self) -> "Marketplace":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, SENSELESS):
            error_text = one_line(f"{type(error).__name__}: {error}")
            raise Refused(
                f"what {self.url} answers can't be read ({error_text}): is it a marketplace, and "
                "none that is newer than this command?"
            ) from error

    def close(self) -> None:
        self._http.close()

    def sign_in(self, environment: Mapping[str, str] = os.environ) -> "Marketplace":
        """Be who `DML_TOKEN` is for, or `DML_EMAIL` with `DML_PASSWORD`, or who is signed in."""
        if token := environment.get("DML_TOKEN"):
            return self.use(token, "DML_TOKEN")
        email, password = environment.get("DML_EMAIL"), environment.get("DML_PASSWORD")
        if email and password:
            opened = self.open_session(email, password)
            return self.use(opened.access_token, "what it gives as access_token")
        self._kept = self._sign_ins.find(self.url)
        if self._kept is None:
            raise NotSignedIn(
                f"you are not signed in to {self.url}: use `dml login`, or set DML_EMAIL and "
                "DML_PASSWORD, or DML_TOKEN (a personal access token: `dml account tokens create`)"
            )
        self._renew()
        return self

    @property
    def is_signed_in(self) -> bool:
        """Whether it asks as somebody."""
        return "Authorization" in self._headers

    def open_session(self, email: str, password: str, ask_code: AskCode = None) -> SignIn:
        """Sign in, and return the new session. It is not kept, nor used here.

        Where the account has a second factor, its code is asked for, if anybody can be.
        """
        body = {"email": email, "password": password}
        return self.open_as(email, "/v1/users/authenticate", body, ask_code)

    def open_as(
        self, named: str, path: str, body: Any, ask_code: Callable[[], str] | None = None
    ) -> SignIn:
        """The same, by any way to sign in. What is kept of it is called so."""
        try:
            answer = self.ask("POST", path, json=body)
        except ApiRefused as refusal:
            if refusal.code != CODE_NEEDED or ask_code is None:
                raise
            proven = {"ticket": refusal.facts["ticket"], "proof": code_proof(ask_code())}
            answer = self.ask("POST", "/v1/users/authenticate/confirm", json=proven)
        return SignIn.opened(self.url, named, answer)

    def ask(self, method: str, path: str, *, json: Any = None, **request: Any) -> Any:
        """Return the answer's JSON, or None where it has no body; Refused where it says no."""
        headers = dict(request.pop("headers", {}))
        if json is not None:
            request["content"] = _encode(json)
            headers |= JSON
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        with _in_one_line():
            answer = self._answer(method, path, headers, request)
            require_success(answer)
            return _read(answer) if answer.content else None

    def _answer(
        self, method: str, path: str, headers: dict[str, str], request: dict[str, Any]
    ) -> Answer:
        """Ask until the server does not say `later`; and once more with new tokens, where it
        refuses those that are kept. What is read from a file is sent once.
        """
        tries = TRIES if isinstance(request.get("content", b""), bytes) else 1
        refused: str | None = None
        while True:
            self._renew(refused)
            used = self._kept and self._kept.access_token
            answer = self._http.ask(method, path, headers={**self._headers, **headers}, **request)
            tries -= 1
            is_bad = answer.status == 401 and answer.problem().get("code") == NO_TOKEN
            if is_bad and used and tries and refused is None:  # Its key was replaced, say.
                refused = used
                continue
            pause = _seconds(answer.headers.get("retry-after"))
            if answer.status not in LATER or pause is None or tries == 0:
                return answer
            self._pause(pause)

    def bytes_of(self, path: str, *, limit: int, params: Mapping[str, str] | None = None) -> bytes:
        """Return a file. Refused where it is longer than `limit`."""
        self._renew()
        stream = self._http.stream(
            "GET", path, until_end_seconds=FILE_SECONDS, headers=self._headers, params=params
        )
        with _in_one_line(), stream as (head, pieces):
            if not head.is_success:
                require_success(whole(head, pieces))
            return whole(head, pieces, limit).content

    def events(self, path: str, seconds: float) -> Generator[Event]:
        """Yield the name and the JSON of each server-sent event, until the stream ends.

        Raises NotReached where it breaks off: whoever reads may open it again.
        """
        with closing(self.sent(path, seconds)) as events:
            for it in events:
                yield it.name, it.read()

    def sent(self, path: str, seconds: float) -> Generator[Sent]:
        """The same, with the id of each event, and its JSON unread."""
        self._renew()
        try:
            with self._http.stream(
                "GET", path, until_end_seconds=seconds, headers=self._headers
            ) as (head, pieces):
                if not head.is_success:
                    require_success(whole(head, pieces))
                yield from read_sent(pieces)
        except (NoMarketplace, Misconfigured) as error:
            raise Refused(str(error)) from error

    def all_of(self, path: str, **filters: str) -> Generator[dict[str, Any]]:
        """Yield every item of a list, page after page."""
        query = {"limit": str(PAGE), **filters}
        while True:
            page = self.ask("GET", path, params=query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def upload(
        self,
        method: str,
        path: str,
        file: Path,
        media_type: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a file, or what comes out of a pipe, as the body of a request.

        Where the headers name an `Upload-Offset`, what is sent begins there.
        """
        headers = {**(headers or {}), "Content-Type": media_type}
        offset = int(headers.get(OFFSET, "0"))
        try:
            with file.open("rb") as stream:
                content: bytes | Iterator[bytes]
                facts = os.fstat(stream.fileno())
                if stat.S_ISREG(facts.st_mode):
                    stream.seek(offset)
                    headers["Content-Length"] = str(max(0, facts.st_size - offset))
                    content = _pieces(stream, file)
                else:
                    content = stream.read(PIPE_BYTES_MAX + 1)
                    if len(content) > PIPE_BYTES_MAX:
                        raise Refused(f"{readable(file)} gives more than {PIPE_BYTES_MAX} bytes")
                answer: dict[str, Any] = self.ask(
                    method, path, params=params, content=content, headers=headers
                )
        except OSError as error:
            raise Refused(f"cannot read {readable(file)} ({error.strerror})") from error
        return answer

    def _renew(self, refused: str | None = None) -> None:
        """Have a token that lasts, and is not the one that was refused, where a session is kept."""
        if self._kept is None:
            return
        with self._renewing:  # Of several threads, one.
            if not self._kept.is_good(FRESH_SECONDS, refused):
                self._kept = self._renewed(self._kept, refused)
            self.use(self._kept.access_token, "what it gives as access_token")

    def _renewed(self, kept: SignIn, refused: str | None) -> SignIn:
        """The kept session with new tokens: those of another command, or fetched here."""
        with self._sign_ins.held():
            known = self._sign_ins.find_same(kept)
            if known is None:
                raise Refused(f"you have signed out of {self.url} meanwhile: use `dml login`")
            if known.is_good(FRESH_SECONDS, refused):
                return known
            body = _encode({"refresh_token": known.refresh_token})
            answer = self._http.ask("POST", "/v1/users/refresh", content=body, headers=JSON)
            if answer.status == 401:
                self._sign_ins.forget(known)
                raise Refused(f"your session at {self.url} has ended: use `dml login`")
            require_success(answer)
            renewed = SignIn.opened(self.url, known.email, answer.json())
            self._sign_ins.renew(renewed)
            return renewed

    def use(self, token: str, source: str) -> "Marketplace":
        """Be who this access token is for. `source` is what to call it where it is none."""
        with _in_one_line():
            self._headers["Authorization"] = f"Bearer {require_token(token, source)}"
        return self

    def act_for(self, organisation_id: str) -> "Marketplace":
        """Ask all from now on for an organisation, as one of its members."""
        self._headers["DML-Act-For"] = organisation_id
        return self


def etag_of(answer: Mapping[str, object]) -> str | None:
    """The ETag of an answer, for `if_match`; None where it came without one."""
    return answer.etag if isinstance(answer, Read) else None


def _read(answer: Answer) -> Any:
    told = answer.json()
    if isinstance(told, dict):
        told = Read(told)
        told.etag = answer.headers.get("etag")
    return told


def bounty_path(bounty_id: str) -> str:
    """Where a bounty is. Whatever was typed stays one part of the path."""
    return "/v1/bounties/" + part(bounty_id, "bounty's id")


def readable(path: Path | str) -> str:
    """A file's name as text. One that is no UTF-8 gets marks for what can't be read."""
    return one_line(os.fsencode(path).decode(errors="replace"))


def _encode(body: Any) -> bytes:
    """JSON in ASCII: what a terminal gave may be no Unicode, and the server says so then."""
    return json.dumps(body).encode("ascii")


def _pieces(stream: IO[bytes], file: Path) -> Iterator[bytes]:
    while True:
        try:
            piece = stream.read(PIECE_BYTES)
        except OSError as error:  # While it is sent: told apart from an error of the network.
            raise Refused(f"cannot read {readable(file)} ({error.strerror})") from error
        if not piece:
            return
        yield piece


def _wait(seconds: float) -> None:
    sys.stderr.write(f"The marketplace is busy: waiting {seconds:.0f} s …\n")
    time.sleep(seconds)


def _seconds(text: str | None) -> float | None:
    """How long `Retry-After` says to wait, where that is a time that a person would wait."""
    if text is None or not text.isdecimal() or len(text) > 6:
        return None
    seconds = float(text)
    return seconds if seconds <= PAUSE_SECONDS_MAX else None


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except NotReached as error:
        hint = "is it up, and is --server (or DML_SERVER) right?"
        raise Unreached(f"{str(error).rstrip('.')}: {hint}") from error
    except (NoMarketplace, Misconfigured) as error:
        raise Refused(str(error)) from error
