"""Of which form a developer agreement is, and what a marketplace starts with."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from dml.accounts.agreement import rules
from dml.accounts.agreement.reading import OURS, read_demands
from dml.core.settings import Settings
from dml.refused import Refused


def test_a_text_says_its_title_and_version() -> None:
    read = rules.read("# Our rules\r\n\r\nVersion: 2026-11.b\r\n\r\nBe kind.\r\n\r\n")
    assert (read.title, read.version) == ("Our rules", "2026-11.b")
    assert read.text == "# Our rules\n\nVersion: 2026-11.b\n\nBe kind.\n"
    assert read == rules.read(read.text)
    assert read.sha256 != rules.read(read.text.replace("kind", "bold")).sha256


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Version: 1\n", "title"),
        ("# Title\n", "Version"),
        ("# Title\nVersion: 1\nVersion: 2\n", "Version"),
        ("# Title\nVersion: no blanks\n", "Version"),
        ("# Title\nVersion: 1\n\0", "NUL"),
    ],
)
def test_what_is_no_agreement_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        rules.read(text)


def test_ours_is_asked_for_unless_an_operator_says_otherwise(tmp_path: Path) -> None:
    asked = read_demands(Settings())
    assert (asked.agreement.version, asked.is_required, asked.needs_github) == ("1", True, False)
    assert asked.agreement.text == OURS.read_text()
    file = tmp_path / "ours.md"
    file.write_text("# House rules\n\nVersion: 7\n")
    theirs = read_demands(Settings(developer_agreement_file=file, developer_agreement="off"))
    assert (theirs.agreement.title, theirs.is_required) == ("House rules", False)


def test_nothing_starts_with_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="DML_DEVELOPER_AGREEMENT_FILE"):
        read_demands(Settings(developer_agreement_file=tmp_path / "missing.md"))
    broken = tmp_path / "broken.md"
    for content in (b"# T\nVersion: 1\n\xff", b"# T\nVersion: 1\n" + bytes(200_000), b""):
        broken.write_bytes(content)
        with pytest.raises(Refused, match="no developer agreement"):
            read_demands(Settings(developer_agreement_file=broken))


def test_github_is_asked_for_only_where_it_can_be_linked() -> None:
    with pytest.raises(ValidationError, match="nobody could link one"):
        Settings(developers_need_github=True)
    able = Settings(
        developers_need_github=True, github_client_id="us", github_client_secret=SecretStr("it")
    )
    assert read_demands(able).needs_github
