"""The marketplace as `dml bounty` sees it: a problem document becomes one line to read."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2

from dml.entrypoints.embedded.refusals import Refused

SECONDS: Final = 60.0
PAGE: Final = 100
URL: Final = "http://127.0.0.1:8000"


class ApiRefused(Refused):
    """The API said no. `code` is the problem's own."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Marketplace:
    """Asks the API, as somebody or as nobody. Close it, or use it in a `with`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=self.url,
            timeout=SECONDS,
            trust_env=False,
            verify=self.url.startswith("https:"),
            headers={"User-Agent": "dml-bounty"},
        )

    def __enter__(self) -> "Marketplace":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, environment: Mapping[str, str] = os.environ) -> "Marketplace":
        """Use `DML_TOKEN`, or sign in as `DML_EMAIL` with `DML_PASSWORD`."""
        if token := environment.get("DML_TOKEN"):
            self._http.headers["Authorization"] = f"Bearer {token}"
            return self
        email, password = environment.get("DML_EMAIL"), environment.get("DML_PASSWORD")
        if not email or not password:
            raise Refused(
                "this needs an account: set DML_EMAIL and DML_PASSWORD, or DML_TOKEN (an access "
                "token)"
            )
        body = {"email": email, "password": password}
        opened = self.ask("POST", "/v1/users/authenticate", json=body)
        self._http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        return self

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the answer's JSON, or None where it has no body; Refused where it says no."""
        answer = self._send(method, path, **request)
        return answer.json() if answer.content else None

    def bytes_of(self, path: str, *, limit: int) -> bytes:
        """Return a file. Refused where it is longer than `limit`."""
        content = bytearray()
        with self._reaching(), self._http.stream("GET", path) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > limit:
                    raise Refused(f"{path} has more than {limit} bytes")
        return bytes(content)

    def all_of(self, path: str, **wanted: str) -> Iterator[dict[str, Any]]:
        """Yield every item of a list, page after page."""
        query = {"limit": str(PAGE), **wanted}
        while True:
            page = self.ask("GET", path, params=query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def upload(
        self, method: str, path: str, file: Path, media_type: str, **query: str
    ) -> dict[str, Any]:
        """Send a file as the body of a request."""
        try:
            with file.open("rb") as content:
                answer: dict[str, Any] = self.ask(
                    method,
                    path,
                    params=query,
                    content=content,
                    headers={
                        "Content-Type": media_type,
                        "Content-Length": str(file.stat().st_size),
                    },
                )
        except OSError as error:
            raise Refused(f"cannot read {file} ({error.strerror})") from error
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        with self._reaching():
            answer = self._http.request(method, path, **request)
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TransportError as error:
            raise Refused(
                f"{self.url} cannot be reached ({type(error).__name__}: {error}): is it up, and is "
                "--server (or DML_SERVER) right?"
            ) from error


def bounty_path(bounty_id: str) -> str:
    """Where a bounty is. Whatever was typed stays one part of the path."""
    return f"/v1/bounties/{quote(bounty_id, safe='')}"


def _refusal(answer: httpx2.Response) -> ApiRefused:
    """Say what a problem document says: what is wrong, what to do, and each wrong field."""
    try:
        problem = answer.json()
        title, detail = str(problem["title"]), str(problem.get("detail", ""))
        code = str(problem.get("code", f"http.{answer.status_code}"))
    except (ValueError, KeyError, TypeError):
        return ApiRefused(f"{answer.url} answers {answer.status_code}", "http.unknown")
    told = [f"{title} {detail}".strip()]
    known = {"type", "title", "detail", "code", "errors", "status"}
    told += [f"{name}: {value}" for name, value in problem.items() if name not in known]
    told += [f"{it.get('pointer')}: {it.get('detail')}" for it in problem.get("errors", [])]
    return ApiRefused("\n     ".join(told), code)
