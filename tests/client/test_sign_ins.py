"""Who is signed in on a machine: kept for its owner alone, renewed by one command at a time."""

import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dml.client.marketplace import ApiRefused, Marketplace
from dml.client.servers import find_server
from dml.client.sign_ins import SignIn, SignIns
from dml.refused import Refused

ADA = SignIn("http://127.0.0.1:1", "ada@example.org", "u1", "token", time.time() + 900, "refresh")
BEN = replace(ADA, email="ben@example.org", user_id="u2")
ELSEWHERE = replace(ADA, server="https://market.example.org")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "config" / "dml"


def test_a_session_is_kept_for_the_owner_of_the_file_alone(folder: Path) -> None:
    previous = os.umask(0)
    try:
        SignIns(folder).keep(ADA)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((folder / "sign-ins.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert SignIns(folder).find(ADA.server) == ADA


def test_the_account_that_signed_in_last_counts_or_the_one_that_is_named(folder: Path) -> None:
    kept = SignIns(folder, {})
    for it in (ADA, ELSEWHERE, BEN):
        kept.keep(it)
    assert kept.find() == BEN
    assert kept.find(ELSEWHERE.server) == ELSEWHERE
    assert SignIns(folder, {"DML_AS": "Ada@example.org"}).find(ADA.server) == ADA
    assert SignIns(folder, {"DML_AS": "nobody@example.org"}).find() is None
    kept.keep(ADA)
    assert kept.find() == ADA
    kept.renew(replace(BEN, access_token="newer"))
    assert kept.find() == ADA
    kept.forget(ADA)
    assert [it.access_token for it in kept.all()] == ["token", "newer"]


def test_a_damaged_file_is_named_with_what_to_do(folder: Path) -> None:
    folder.mkdir(parents=True)
    for content in ("{", "[1]", '[{"server": "x"}]', "7"):
        (folder / "sign-ins.json").write_text(content)
        with pytest.raises(Refused, match=r"sign-ins\.json is damaged: delete it"):
            SignIns(folder).find()


def test_the_server_is_named_or_signed_in_to_or_runs_here_and_is_never_guessed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    kept = SignIns(folder, {})
    with pytest.raises(Refused, match="which marketplace"):
        find_server(None, kept, {})
    home = tmp_path / ".dml"
    home.mkdir()
    for damaged in ("", "[]", '{"port": 0}', '{"port": null}'):
        (home / "up.json").write_text(damaged)
        with pytest.raises(Refused, match="which marketplace"):
            find_server(None, kept, {})
    (home / "up.json").write_text('{"port": 8003}')
    assert find_server(None, kept, {}) == "http://127.0.0.1:8003"
    other = tmp_path / "other"
    other.mkdir()
    (other / "up.json").write_text('{"port": 8009}')
    assert find_server(None, kept, {"DML_HOME": str(other)}) == "http://127.0.0.1:8009"
    kept.keep(ELSEWHERE)
    assert find_server(None, kept, {}) == ELSEWHERE.server
    assert find_server("http://named.example.org/", kept, {}) == "http://named.example.org"


class Server(ThreadingHTTPServer):
    """Renews a session, each refresh token once; busy as often as it is told to be."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.newest, self.busy, self.asked = 0, 0, list[tuple[str, str, str | None]]()
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            key = self.headers["Idempotency-Key"]
            self.server.asked.append((self.path, str(self.headers["Authorization"]), key))
            status, told = self._told(json.loads(body or b"null"))
        content = json.dumps(told).encode()
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _told(self, body: Any) -> tuple[int, dict[str, Any]]:
        if self.server.busy:
            self.server.busy -= 1
            return 503, {"title": "Busy.", "code": "http.busy", "status": 503}
        if not self.path.endswith("refresh"):
            return 200, {"you": self.headers["Authorization"]}
        if body["refresh_token"] != f"r{self.server.newest}":
            return 401, {"title": "No.", "code": "accounts.refresh_token_reused", "status": 401}
        self.server.newest += 1
        token = f"t{self.server.newest}"
        return 200, {
            "access_token": token,
            "refresh_token": f"r{self.server.newest}",
            "expires_in": 900,
            "user_id": "u1",
        }

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def signed_in(server: Server, kept: SignIns) -> SignIn:
    sign_in = replace(ADA, server=server.url, access_token="t0", refresh_token="r0", expires_at=0)
    kept.keep(sign_in)
    return sign_in


def test_commands_that_run_at_once_renew_a_session_once(folder: Path) -> None:
    with serving() as server:
        signed_in(server, SignIns(folder, {}))

        def ask() -> None:
            with Marketplace(server.url, sign_ins=SignIns(folder, {})) as market:
                said.append(market.sign_in({}).ask("GET", "/v1/users/me")["you"])

        said = list[str]()
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for it in threads:
            it.start()
        for it in threads:
            it.join()
        assert said == ["Bearer t1"] * 8
        assert server.newest == 1


def test_a_session_that_has_ended_is_forgotten_and_that_is_said(folder: Path) -> None:
    kept = SignIns(folder, {})
    with serving() as server:
        server.newest = 5
        signed_in(server, kept)
        with (
            Marketplace(server.url, sign_ins=kept) as market,
            pytest.raises(Refused, match="has ended: use `dml login`"),
        ):
            market.sign_in({})
        assert kept.all() == []
        with (
            Marketplace(server.url, sign_ins=kept) as market,
            pytest.raises(Refused, match="you are not signed in"),
        ):
            market.sign_in({})


def test_who_is_busy_is_asked_again_with_the_same_key_and_not_for_ever(folder: Path) -> None:
    pauses = list[float]()
    with (
        serving() as server,
        Marketplace(server.url, sign_ins=SignIns(folder, {}), pause=pauses.append) as market,
    ):
        server.busy = 2
        market.ask("POST", "/v1/jobs", json={})
        assert pauses == [7.0, 7.0]
        keys = {key for _, _, key in server.asked}
        assert len(keys) == 1
        assert None not in keys
        server.busy = 100
        with pytest.raises(ApiRefused, match="Busy"):
            market.ask("GET", "/v1/jobs")
        assert len(pauses) == 2 + 3
