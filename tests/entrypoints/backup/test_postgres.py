"""Which programs work with a PostgreSQL, and what is said where there are none."""

from pathlib import Path

import pytest

from dml.entrypoints.backup.postgres import Programs, Server, choose, fits
from dml.refused import Refused

HERE = Server("postgresql://…", major=18, by_tls=False)


@pytest.mark.parametrize(
    ("major", "knows_tls", "server", "by_tls", "good"),
    [
        (18, False, 18, False, True),
        (19, False, 18, False, True),
        (18, False, 19, False, False),
        (18, False, 18, True, False),
        (18, True, 18, True, True),
    ],
    ids=["the same", "newer programs", "a newer server", "TLS is unknown", "TLS is known"],
)
def test_programs_fit_a_server(
    major: int, knows_tls: bool, server: int, by_tls: bool, good: bool
) -> None:
    programs = Programs(Path("/usr/bin"), major, knows_tls=knows_tls)
    assert fits(programs, Server("", server, by_tls)) == good


def test_those_that_came_with_us_are_taken_and_run() -> None:
    found = choose(HERE, None)
    assert found.major >= 18
    assert (found.folder / "psql").is_file()
    assert choose(HERE, found.folder).folder == found.folder


def test_a_server_that_asks_for_more_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refused, match=r"PostgreSQL 18 by TLS: .*postgresql-client-18"):
        choose(Server("", 18, by_tls=True), None)
    with pytest.raises(Refused, match="PostgreSQL 99"):
        choose(Server("", 99, by_tls=False), None)


def test_a_folder_without_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="DML_POSTGRES_PROGRAMS"):
        choose(HERE, tmp_path)
