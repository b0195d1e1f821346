"""The parts of an agent, each by itself."""

import datetime as dt
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dml.agent import journal, photos
from dml.agent.home import Home, default_folder, require_apart, write_whole
from dml.agent.journal import Journal
from dml.agent.leases import SECONDS_MAX, read_claim
from dml.agent.pace import Pace, patiently, pause_seconds, read_quiet_hours
from dml.agent.refusals import Away, CannotRun, Resting, Stopped
from dml.agent.server import read_url
from dml.inference.counting import Period

ID = "01987c1e-0000-7000-8000-000000000001"


def lease(**changes: Any) -> dict[str, Any]:
    item = {
        "id": ID,
        "job_id": ID,
        "lease_seconds": 600,
        "lease_expires_at": "2026-01-01T00:00:00Z",
        "model": {"url": f"/v1/assignments/{ID}/model", "sha256": "a" * 64, "size": 10},
        "input": {},
        "labels": ["a"],
        "min_confidence": 0.5,
        "period": None,
    }
    return item | changes


def claim(*items: Any, **changes: Any) -> dict[str, Any]:
    return {"items": list(items), "retry_after_seconds": 5, "reason": None} | changes


def pace(**options: Any) -> Pace:
    return Pace(threading.Event(), **options)


def test_a_claim_is_read() -> None:
    period = {"from": "2025-01-01", "to": None}
    claimed = read_claim(claim(lease(period=period)))
    assert claimed.leases[0].period == Period(dt.date(2025, 1, 1), None)
    assert claimed.retry_after_seconds == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../self"},
        {"model": {"url": "https://elsewhere.example", "sha256": "a" * 64, "size": 1}},
        {"model": {"url": "//elsewhere.example/x", "sha256": "a" * 64, "size": 1}},
        {"model": {"url": "/x", "sha256": "../../../etc/passwd", "size": 1}},
        {"model": {"url": "/x", "sha256": "a" * 64, "size": 1 << 40}},
        {"model": {"url": "/x", "sha256": "a" * 64, "size": "1"}},
        {"lease_seconds": "soon"},
        {"labels": None},
        {"period": {"from": "yesterday", "to": None}},
    ],
)
def test_a_lease_that_could_lead_elsewhere_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
        read_claim(claim(lease(**changes)))


@pytest.mark.parametrize("answer", [None, [], {}, {"items": None}, claim("x")])
def test_what_is_no_claim_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
        read_claim(answer)


@pytest.mark.parametrize(("told", "read"), [(0, 1), (1e300, SECONDS_MAX), (float("nan"), 1)])
def test_no_server_makes_it_wait_for_ever_or_not_at_all(told: float, read: float) -> None:
    assert read_claim(claim(retry_after_seconds=told)).retry_after_seconds == read


def test_a_journal_keeps_what_is_pending_until_its_verdict(tmp_path: Path) -> None:
    path, told = tmp_path / "journal.jsonl", list[journal.Record]()
    with Journal(path, told.append) as first:
        for id in ("a", "b"):
            first.note("result", assignment_id=id, body={"items": 1}, lease_seconds=600)
        first.note("accepted", assignment_id="a", items=1)
        assert list(first.pending) == ["b"]
    with Journal(path, told.append) as second:
        assert list(second.pending) == ["b"]
        assert second.pending["b"].body == {"items": 1}
    assert [it["event"] for it in told] == ["result", "result", "accepted"]


def test_a_line_that_a_crash_cut_off_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = json.dumps({"at": "now", "event": "claimed"})
    path.write_text(f"{whole}\n{whole[:9]}")
    with Journal(path, lambda _: None) as journal_:
        journal_.note("accepted", assignment_id="a")
    assert [it["event"] for it in journal.read(path)] == ["claimed", "accepted"]


def test_one_result_has_the_same_bytes_each_time() -> None:
    assert journal.encode({"b": 1, "a": {"ü": 2}}) == '{"a":{"ü":2},"b":1}'.encode()
    assert journal.encode({"a": {"ü": 2}, "b": 1}) == '{"a":{"ü":2},"b":1}'.encode()


@pytest.mark.parametrize(
    ("hours", "quiet", "loud"),
    [
        ("22:00-07:00", ["22:00", "00:00", "06:59"], ["07:00", "12:00", "21:59"]),
        ("09:30 - 17:00", ["09:30", "16:59"], ["17:00", "09:29", "00:00"]),
    ],
)
def test_quiet_hours_hold(hours: str, quiet: list[str], loud: list[str]) -> None:
    read = read_quiet_hours(hours)
    assert all(read.hold(dt.time.fromisoformat(it)) for it in quiet)
    assert not any(read.hold(dt.time.fromisoformat(it)) for it in loud)


@pytest.mark.parametrize("text", ["22:00", "late-early", "22:00-22:00", "25:00-07:00", ""])
def test_what_are_no_quiet_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
        read_quiet_hours(text)


def test_quiet_hours_that_begin_end_what_is_under_way() -> None:
    now = dt.datetime(2026, 1, 1, 21, 59, tzinfo=dt.UTC)
    resting = pace(quiet=read_quiet_hours("22:00-07:00"), clock=lambda: now)
    resting.breathe()
    now += dt.timedelta(minutes=1)
    with pytest.raises(Resting):
        resting.breathe()


def test_a_share_of_the_processor_is_kept_by_sleeping() -> None:
    slow = pace(cpu_percent=25)
    slow.begin()
    with slow.elsewhere():
        time.sleep(0.1)
    began = time.monotonic()
    slow.breathe()
    assert 0.3 <= time.monotonic() - began < 1
    began = time.monotonic()
    slow.breathe()  # What was rested for once is not owed again.
    assert time.monotonic() - began < 0.1


def test_what_other_threads_work_is_owed_too_by_all_cores_together() -> None:
    slow = pace(cpu_percent=25, cpus=2)
    slow.begin()

    def work() -> None:
        with slow.aside():
            while time.thread_time() < 0.2:
                pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    began = time.monotonic()
    slow.breathe()
    assert 0.29 <= time.monotonic() - began < 1


def test_a_stop_ends_every_pause() -> None:
    ending = pace(cpu_percent=1)
    ending.stop.set()
    with pytest.raises(Stopped):
        ending.sleep(60)
    with pytest.raises(Stopped):
        ending.breathe()


def test_pauses_grow_to_a_bound_and_are_never_in_step() -> None:
    assert 0.25 <= pause_seconds(0) <= 0.5
    assert 15 <= pause_seconds(10_000) <= 30
    assert len({pause_seconds(3) for _ in range(20)}) > 1


def test_patience_ends_when_the_next_try_would_be_too_late() -> None:
    tries, told = [], []

    def act() -> str:
        tries.append(1)
        raise Away("nobody", 0.05)

    ends_at = time.monotonic() + 1.2
    with pytest.raises(Away):
        patiently(act, pace(), until=lambda: ends_at, tell=lambda *it: told.append(it))
    assert 2 <= len(tries) == len(told) + 1
    assert time.monotonic() < ends_at


def test_photos_are_found_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "a/1.jpg", "c.webp", "d.txt", ".e.jpg", ".f/g.jpg", "b/1.tiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = [str(it.relative_to(tmp_path)) for it in photos.find(tmp_path)]
    assert found == ["c.webp", "a/1.jpg", "b/1.tiff", "b/2.PNG"]


def test_a_damaged_home_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.identity() is None
    for name, act in (("device.json", home.identity), ("key.pem", home.key)):
        write_whole(tmp_path / name, b"{")
        with pytest.raises(CannotRun, match=r"can't be read"):
            act()


def test_no_home_lies_among_the_photos(tmp_path: Path) -> None:
    data = tmp_path / "photos"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    inside = [data, data / "home", data / "a" / ".." / "home", tmp_path / "link" / "home"]
    for home in inside:
        with pytest.raises(CannotRun, match="lies within the data folder"):
            require_apart(home, data)
        with pytest.raises(CannotRun, match="lies within the data folder"):
            require_apart(home, tmp_path / "link")
    require_apart(tmp_path / "photos-home", data)


@pytest.mark.parametrize("url", ["market.example.org", "ftp://market", "http://", "http://a?b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(CannotRun, match="is no server's address"):
        read_url(url)


def test_an_address_may_have_a_path_and_a_slash() -> None:
    assert read_url(" https://example.org/market/ ") == "https://example.org/market"


def test_the_home_is_where_state_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert default_folder() == Path("/srv/state/dml-device")
    monkeypatch.setenv("XDG_STATE_HOME", "relative, so not to be used")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_folder() == Path("/home/ada/.local/state/dml-device")
