"""Keys rotate while several processes sign and verify with them, and no good token is refused."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from dml.core import key_file, tokens
from dml.core.key_file import WAIT_SECONDS
from dml.core.tokens import BadToken, Keys

TOKEN_SECONDS = 900


@pytest.fixture(autouse=True)
def looking_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Keys.load(tmp_path / "keys.json")
    return tmp_path / "keys.json"


def rotate(path: Path, now: datetime, *, at_once: bool = False) -> None:
    key_file.rotate(path, now, token_seconds=TOKEN_SECONDS, at_once=at_once)


def kids(keys: Keys, now: datetime) -> list[str]:
    return [it["kid"] for it in keys.public(now)["keys"]]


def sign(keys: Keys, now: datetime) -> str:
    return keys.sign(audience="users", now=now, seconds=TOKEN_SECONDS, sub="somebody")


def is_good(keys: Keys, token: str, now: datetime) -> bool:
    try:
        return bool(keys.verify(token, audience="users", now=now)["sub"] == "somebody")
    except BadToken:
        return False


def test_no_token_is_refused_through_a_rotation_and_then_the_old_key_is_gone(path: Path) -> None:
    one, other, now = Keys.load(path), Keys.load(path), datetime.now(UTC)
    (old,) = kids(one, now)
    rotate(path, now)
    ends = now + timedelta(seconds=WAIT_SECONDS + TOKEN_SECONDS)
    seconds = 0
    while (at := now + timedelta(seconds=seconds)) < ends + timedelta(hours=1):
        for signing, reading in ((one, other), (other, one)):
            token = sign(signing, at)
            assert is_good(reading, token, at)
            assert is_good(reading, token, at + timedelta(seconds=TOKEN_SECONDS - 1)), seconds
        assert (old in kids(one, at)) == (at < ends)
        seconds += 60
    before = json.loads(path.read_text())["keys"]
    rotate(path, ends)
    after = json.loads(path.read_text())["keys"]
    assert (len(before), len(after)) == (2, 2)
    assert old not in {it["kid"] for it in after}


def test_the_new_key_is_published_before_it_signs(path: Path) -> None:
    keys, now = Keys.load(path), datetime.now(UTC)
    rotate(path, now)
    new, old = kids(keys, now)
    early = sign(keys, now + timedelta(seconds=WAIT_SECONDS - 1))
    late = sign(keys, now + timedelta(seconds=WAIT_SECONDS))
    only_old = Keys({"keys": json.loads(path.read_text())["keys"][1:]})
    at = now + timedelta(seconds=WAIT_SECONDS)
    assert (is_good(only_old, early, at), is_good(only_old, late, at)) == (True, False)
    assert new != old


def test_a_stolen_key_ends_at_once_and_so_do_its_tokens(path: Path) -> None:
    keys, now = Keys.load(path), datetime.now(UTC)
    token, proof, generation = sign(keys, now), keys.mac("test", b"said"), keys.generation
    assert is_good(keys, token, now)
    rotate(path, now, at_once=True)
    assert not is_good(keys, token, now)
    assert not keys.is_mac(proof, "test", b"said")
    assert keys.generation != generation
    assert is_good(keys, sign(keys, now), now)


def test_a_key_signs_nothing_good_beyond_its_end_whatever_a_token_says(path: Path) -> None:
    now = datetime.now(UTC)
    stolen = Keys.load(path)
    long = stolen.sign(audience="users", now=now, seconds=10**6, sub="somebody")
    rotate(path, now)
    keys, ends = Keys.load(path), now + timedelta(seconds=WAIT_SECONDS + TOKEN_SECONDS)
    assert is_good(keys, long, ends - timedelta(seconds=2))
    assert not is_good(keys, long, ends)


def test_several_who_rotate_at_once_lose_no_key_and_nobody_else_reads_the_file(path: Path) -> None:
    (old,), now = kids(Keys.load(path), datetime.now(UTC)), datetime.now(UTC)
    threads = [Thread(target=rotate, args=(path, now)) for _ in range(8)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    listed = [it.kid for it in key_file.list_keys(path)]
    assert (len(set(listed)), listed[-1]) == (9, old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}',
    ],
)
def test_a_file_that_can_not_be_read_changes_nothing(path: Path, text: str) -> None:
    keys, now = Keys.load(path), datetime.now(UTC)
    token = sign(keys, now)
    path.write_text(text)
    assert is_good(keys, token, now)
    assert is_good(keys, sign(keys, now), now)
