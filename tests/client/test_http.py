"""Which proxy, which certificates, and what is no answer: each in one line that names its cause."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dml.client.http import (
    HttpClient,
    Misconfigured,
    NoMarketplace,
    NotReached,
    find_proxy,
    read_address,
    require_token,
)

HTTP, HTTPS = "http://market.example.org", "https://market.example.org"


def proxy(url: str, **environment: str) -> str | None:
    return find_proxy(urlsplit(url), environment)[1]


@pytest.mark.parametrize(
    ("url", "environment", "found"),
    [
        (HTTP, {}, None),
        (HTTP, {"HTTP_PROXY": ""}, None),
        (HTTP, {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        (HTTP, {"HTTP_PROXY": "p:1"}, "http://p:1"),
        (HTTP, {"HTTPS_PROXY": "http://p:1"}, None),
        (HTTPS, {"HTTPS_PROXY": "http://p:1/"}, "http://p:1"),
        (HTTPS, {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://a:1"),
        (HTTPS, {"ALL_PROXY": "socks5h://p:1"}, "socks5h://p:1"),
        (HTTPS, {"all_proxy": "socks://p:1/"}, "socks5://p:1"),
        (HTTPS, {"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1"),
    ],
)
def test_the_proxy_is_found_as_curl_finds_it(
    url: str, environment: dict[str, str], found: str | None
) -> None:
    assert proxy(url, **environment) == found


@pytest.mark.parametrize(
    ("url", "exceptions", "is_excepted"),
    [
        ("http://127.0.0.1:8000", "localhost,127.0.0.1,::1,[::1]", True),
        ("http://[::1]:8000", "localhost,127.0.0.1,::1", True),
        ("http://[::1]:8000", "[::1]", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://[::1]:8000", "[::1]:9000", False),
        ("http://[fd07:b51a:cc66:f0::5]", "localhost,fd07:b51a:cc66:f0::/64", True),
        ("http://[fd07:b51a:cc66:f0::5]", "[fd07:b51a:cc66:f0::]/64", True),
        ("http://[fd08::5]", "fd07:b51a:cc66:f0::/64", False),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://a.example.org", "example.org", True),
        ("http://a.example.org", ".example.org", True),
        ("http://a.example.org", "*.EXAMPLE.org", True),
        ("http://notexample.org", "example.org", False),
        ("http://example.org:81", "example.org:80", False),
        ("http://example.org", "example.org:80", True),
        ("http://example.org", "*", True),
        ("http://example.org", "a b  example.org", True),
        ("http://example.org", "[,],::,/,//,[::1,300.1.1.1/99,:::80,:", False),
    ],
)
def test_what_is_excepted_from_proxies(url: str, exceptions: str, is_excepted: bool) -> None:
    found = proxy(url, ALL_PROXY="socks5://p:1", NO_PROXY=exceptions)
    assert (found is None) == is_excepted


@pytest.mark.parametrize(
    "text",
    [
        *("http://u:hush@p:abc", "ftp://u:hush@p:1", "socks4://hush:1", "http://"),
        *("http://hush:99999", "http://[::hush", "://hush", "http://hu sh:1", "http://:8080"),
        "http://p\nhush:1",
    ],
)
def test_a_variable_that_names_no_proxy_is_named_without_what_it_holds(text: str) -> None:
    with pytest.raises(Misconfigured, match="ALL_PROXY names no proxy") as refused:
        HttpClient(HTTP, name="test", seconds=1, environment={"ALL_PROXY": text})
    assert "hush" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "market", "ftp://market", "http://", "http://[::1", "http://a:b", "http://a b"),
        *("http://a?b", "http://a\nb", "http://a..b", f"http://{'a' * 64}.example"),
        *("http://a:99999", "http://\udce9"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(Misconfigured, match="is no server's address") as refused:
        read_address(text)
    assert str(refused.value).isprintable()


def test_an_address_is_read() -> None:
    assert read_address(" http://[::1]:8000/ ") == "http://[::1]:8000"
    assert read_address("https://münchen.example/a/") == "https://münchen.example/a"


@pytest.mark.parametrize("token", ["secret\n.", "sec ret", "geheim\u2026", "", "a\0b", "\udce9"])
def test_a_token_that_no_header_takes_is_not_repeated(token: str) -> None:
    with pytest.raises(Misconfigured, match="DML_TOKEN is no token") as refused:
        require_token(token, "DML_TOKEN")
    assert not token or token not in str(refused.value)


def test_a_token_may_end_in_a_line_as_files_do() -> None:
    assert require_token("abc.def\n", "DML_TOKEN") == "abc.def"


def test_certificates_that_are_not_there_or_are_none_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("none")
    for variable, path in (
        ("SSL_CERT_FILE", tmp_path / "gone.pem"),
        ("SSL_CERT_FILE", tmp_path),
        ("SSL_CERT_FILE", empty),
        ("SSL_CERT_DIR", tmp_path / "gone"),
        ("SSL_CERT_DIR", empty),
    ):
        with pytest.raises(Misconfigured, match=variable) as refused:
            HttpClient(HTTPS, name="test", seconds=1, environment={variable: str(path)})
        assert str(path) in str(refused.value)
        HttpClient(HTTP, name="test", seconds=1, environment={variable: str(path)}).close()


class Web(http.server.BaseHTTPRequestHandler):
    """Answers what the test says, whatever is asked."""

    body, headers_too = b"", dict[str, str]()

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        for name, value in self.headers_too.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web(body: bytes, **headers: str) -> Iterator[str]:
    class This(Web):
        pass

    This.body, This.headers_too = body, headers
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), This) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # the client hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" * 200_000, b"{"])
def test_what_is_no_json_is_no_marketplace(body: bytes) -> None:
    with web(body) as url:
        client = HttpClient(url, name="test", seconds=5, environment={})
        with pytest.raises(NoMarketplace, match="answers no JSON"):
            client.ask("GET", "/").json()
        assert client.ask("GET", "/").problem() == {}
        client.close()


def test_an_answer_without_end_and_one_that_unfolds_are_cut_off() -> None:
    with web(bytes(1 << 20)) as url:
        client = HttpClient(url, name="test", seconds=5, environment={})
        with pytest.raises(NoMarketplace, match="more than 1000 bytes"):
            client.ask("GET", "/", most=1000)
        client.close()
    with web(b"", **{"Content-Encoding": "gzip"}) as url:
        client = HttpClient(url, name="test", seconds=5, environment={})
        with pytest.raises(NoMarketplace, match="compressed"):
            client.ask("GET", "/")
        client.close()


def test_a_proxy_is_used_and_one_that_is_away_is_named() -> None:
    with web(b'{"by": "proxy"}') as url:
        client = HttpClient(HTTP, name="test", seconds=5, environment={"http_proxy": url})
        assert client.ask("GET", "/x").json() == {"by": "proxy"}
        client.close()
    for scheme in ("http", "socks5"):
        away = {"ALL_PROXY": f"{scheme}{url.removeprefix('http')}"}
        client = HttpClient(HTTP, name="test", seconds=5, environment=away)
        with pytest.raises(NotReached, match="through the proxy of ALL_PROXY") as refused:
            client.ask("GET", "/x")
        assert "\n" not in str(refused.value)
        client.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The socket.
def test_who_speaks_no_http_and_no_socks_is_said_to_break_off() -> None:
    class Nonsense(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(b"\x07nonsense\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"127.0.0.1:{server.server_address[1]}"
        for url, environment in (
            (f"http://{where}", {}),
            (f"https://{where}", {}),
            (HTTP, {"ALL_PROXY": f"socks5://{where}"}),
            (HTTPS, {"ALL_PROXY": f"http://{where}"}),
        ):
            client = HttpClient(url, name="test", seconds=5, environment=environment)
            with pytest.raises(NotReached) as refused:
                client.ask("GET", "/")
            assert str(refused.value).isprintable()
            client.close()
        server.shutdown()
