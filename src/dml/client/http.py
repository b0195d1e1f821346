"""How the agent and our commands ask a server: proxies, certificates, and bounds on its answers.

A client asks one address. So which proxy is right for it is found out once, before anything is
sent, where the variable that can't be used can be named. What an answer holds may come from
anybody, a hotel's sign-in page say: it has a largest size and a longest time, and is JSON or not.
"""

import ipaddress
import json
import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpx2
from socksio.exceptions import SOCKSError

ANSWER_BYTES_MAX: Final = 32 << 20  # A page of a list is some hundred kB.
ANSWER_SECONDS: Final = 60.0  # From the head of an answer to its end.
CONNECT_SECONDS: Final = 5.0
PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_HOST: Final = re.compile(r"[^\s/@\\\x00-\x20\x7f]+")


class Misconfigured(Exception):
    """An address, or a variable of the environment, that can't be used: one line that names it."""


class NotReached(Exception):
    """No answer came, or it broke off: one line. It may be another time."""


class NoMarketplace(Exception):
    """Who answers is something else, or answers without end: one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `url` is what was asked."""

    url: str
    status: int
    reason: str
    headers: httpx2.Headers
    content: bytes

    def json(self) -> Any:
        """What it says; NoMarketplace where that is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise NoMarketplace(
                f"{self.url[:200]} answers no JSON: that is no marketplace, or something between "
                "answers for it (a network that wants you to sign in, say)."
            ) from None

    def problem(self) -> dict[str, Any]:
        """The problem document (RFC 9457) that it is; empty where it is none."""
        try:
            problem = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return problem if isinstance(problem, dict) else {}


class HttpClient:
    """Asks one server. Thread-safe. Raises NotReached or NoMarketplace. Follows no redirect."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        seconds: float,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`name` is what it calls itself. Misconfigured where it can't ask that address."""
        self.url = read_address(url)
        parts = urlsplit(self.url)
        variable, named = find_proxy(parts, environment)
        self._through = "" if variable is None else f" through the proxy of {variable}"
        by_proxy = named is not None and named.startswith("https:")
        # Certificates are read from disk only where they are needed: it takes 150 ms.
        context = trusted(environment) if by_proxy or parts.scheme == "https" else None
        try:
            proxy = named and httpx2.Proxy(named, ssl_context=context if by_proxy else None)
            self._http = httpx2.Client(
                base_url=self.url,
                verify=context or False,
                trust_env=False,  # What it says was read above.
                proxy=proxy,
                timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
                headers={"User-Agent": name, "Accept-Encoding": "identity"},
                # Well below the five seconds after which many servers close one that rests.
                limits=httpx2.Limits(keepalive_expiry=2.0),
            )
        except (httpx2.InvalidURL, ValueError) as error:
            raise Misconfigured(f"{self.url} can't be asked{self._through}: {error}") from None

    def close(self) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, *, most: int = ANSWER_BYTES_MAX, **request: Any
    ) -> Answer:
        """The whole answer, of at most so many bytes."""
        with self.stream(method, path, **request) as (answer, pieces):
            return whole(answer, pieces, most)

    @contextmanager
    def stream(
        self, method: str, path: str, *, until_end_seconds: float = ANSWER_SECONDS, **request: Any
    ) -> Iterator[tuple[httpx2.Response, Iterator[bytes]]]:
        """An answer's head and its body, piece by piece. `path` may come from the server."""
        if not path.startswith("/") or path.startswith("//"):
            # A token goes with it, so it must be a path of this server and no other address.
            raise NoMarketplace(f"{self.url} names what is no path of it: {one_line(path)}")
        with self._reaching(), self._http.stream(method, path, **request) as answer:
            yield answer, self._pieces(answer, until_end_seconds)

    def _pieces(self, answer: httpx2.Response, seconds: float) -> Iterator[bytes]:
        if answer.headers.get("content-encoding", "identity") != "identity":
            # Nobody asked for it, and a few bytes could unfold to gigabytes.
            raise NoMarketplace(f"{answer.url} answers compressed, which was not asked for.")
        give_up_at = time.monotonic() + seconds
        for piece in answer.iter_raw():
            yield piece
            if time.monotonic() > give_up_at:
                raise NotReached(f"{self.url} takes too long{self._through}.")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TimeoutException as error:
            connects = isinstance(error, httpx2.ConnectTimeout)
            what = "can't be reached: it takes too long" if connects else "takes too long"
            raise NotReached(f"{self.url} {what}{self._through}.") from error
        except (httpx2.ConnectError, httpx2.ProxyError) as error:
            hint = "; for an address of your own, name it in NO_PROXY" if self._through else ""
            raise NotReached(
                f"{self.url} can't be reached{self._through}: {_why(error)}{hint}."
            ) from error
        except (httpx2.HTTPError, SOCKSError) as error:
            raise NotReached(f"{self.url} broke off{self._through}.") from error
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise Misconfigured(f"{self.url} can't be asked: {one_line(str(error))}") from error


def whole(answer: httpx2.Response, pieces: Iterator[bytes], most: int = ANSWER_BYTES_MAX) -> Answer:
    """All of an answer; NoMarketplace where it is longer than that."""
    content, url = bytearray(), one_line(str(answer.url))
    for piece in pieces:
        content += piece
        if len(content) > most:
            raise NoMarketplace(f"{url} answers more than {most} bytes.")
    reason = one_line(answer.reason_phrase)
    return Answer(url, answer.status_code, reason, answer.headers, bytes(content))


def read_address(text: str) -> str:
    """A server's address, without a slash at its end; Misconfigured where it is none."""
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        if (
            parts.scheme not in PORTS
            or not _HOST.fullmatch(host)
            or parts.query
            or parts.fragment
            or not url.isprintable()
        ):
            raise ValueError
        host.encode("idna")
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        raise Misconfigured(
            f"{one_line(text)} is no server's address. Write it as https://market.example.org"
        ) from None
    return url


def require_token(token: str, variable: str) -> str:
    """A token that can stand in a header; Misconfigured, which does not repeat it, otherwise."""
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise Misconfigured(
            f"{variable} is no token: it holds blanks, line ends or other characters that none has."
        )
    return token


def find_proxy(url: SplitResult, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The variable that names the proxy for an address, and the proxy; neither where none is used.

    As curl has it: `http_proxy`, `https_proxy` or else `all_proxy`, small letters first, but for
    what `no_proxy` excepts. Misconfigured where what the variable says can't be used.
    """
    names = [
        name
        for small in (f"{url.scheme}_proxy", "all_proxy")
        for name in (small, small.upper())
        if environment.get(name, "").strip()
    ]
    excepted = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if not names or _is_excepted(url, excepted):
        return None, None
    return names[0], _read_proxy(names[0], environment[names[0]].strip())


def _read_proxy(variable: str, text: str) -> str:
    """The proxy as the client takes it. What is wrong is not repeated: it may hold a password."""
    # GNOME and KDE write `socks://`, which means the fifth version.
    url = re.sub(r"^socks://", "socks5://", text if "://" in text else f"http://{text}")
    url = url.rstrip("/")
    scheme = url.partition("://")[0].lower()
    try:
        parts = urlsplit(url)
        if not _HOST.fullmatch(parts.hostname or "") or not url.isprintable():
            raise ValueError
        _ = parts.port
        httpx2.Proxy(url)
    except (ValueError, httpx2.InvalidURL):
        what = f"its kind is none of {', '.join(PROXY_SCHEMES)}"
        why = "its host or its port is none" if scheme in PROXY_SCHEMES else what
        raise Misconfigured(
            f"{variable} names no proxy: {why}. Write it as http://host:port or "
            f"socks5://host:port, or unset {variable}."
        ) from None
    return url


def _is_excepted(url: SplitResult, exceptions: str) -> bool:
    """Whether one of the exceptions holds for the address; those that make no sense never do."""
    host, port = (url.hostname or "").rstrip("."), url.port or PORTS[url.scheme]
    address = _address(host)
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        name, _, only = entry.rpartition(":")
        if name and only.isdecimal() and (":" not in name or name.startswith("[")):
            if int(only[:6]) != port:
                continue
            entry = name
        if entry == "*":
            return True
        entry = entry.strip("[]")
        if address is not None:
            if _holds(entry, address):
                return True
        elif (suffix := entry.removeprefix("*").strip(".")) and (
            host == suffix or host.endswith(f".{suffix}")
        ):
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address, or a network as `10.0.0.0/8`, holds that address."""
    try:
        return address in ipaddress.ip_network(re.sub(r"\](?=/)", "", entry), strict=False)
    except ValueError:
        return False


def trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Whose certificates are believed: those of SSL_CERT_FILE and SSL_CERT_DIR, or the system's."""
    named = {
        variable: path
        for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR")
        if (path := environment.get(variable, "").strip())
    }
    for variable, path in named.items():
        is_there = Path(path).is_file() if variable == "SSL_CERT_FILE" else Path(path).is_dir()
        if not is_there:
            what = "file" if variable == "SSL_CERT_FILE" else "folder"
            raise Misconfigured(
                f"{variable} names no {what}: {one_line(path)}. Name one with the certificates of "
                f"your authority, or unset {variable}."
            )
    if not named:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(
            cafile=named.get("SSL_CERT_FILE"), capath=named.get("SSL_CERT_DIR")
        )
    except (OSError, ValueError) as error:
        variable, path = next(iter(named.items()))
        is_text = isinstance(error, ssl.SSLError)
        why = "it holds no certificate in PEM" if is_text else one_line(str(error))
        raise Misconfigured(f"{variable}={one_line(path)} can't be used: {why}.") from None


def one_line(text: str) -> str:
    """Text from outside in one line, without what would steer a terminal."""
    return "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in text)[:300]


def _why(error: Exception) -> str:
    """In a few words; a certificate that is not believed has a remedy."""
    text = one_line(str(error))
    if "CERTIFICATE_VERIFY_FAILED" in text:
        reason = text.partition("verify failed: ")[2].partition(" (")[0] or "not believed"
        return f"its certificate is {reason} (for one of your own, set SSL_CERT_FILE to your CA's)"
    return text.rpartition("] ")[2].rstrip(".") or type(error).__name__
