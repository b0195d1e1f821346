"""What the pages on security name is there: a threat that no test holds is not held."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "SECURITY.md", *sorted((ROOT / "docs" / "security").glob("*.md")))
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)`")
LINK: Final = re.compile(r"\]\(([\w./-]+\.md)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_each_test_and_page_that_is_named_is_there(page: Path) -> None:
    named = TEST.findall(page.read_text())
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path
        assert "def test_" in (ROOT / path).read_text(), path
    for link in LINK.findall(page.read_text()):
        assert (page.parent / link).is_file(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_each_threat_has_a_test(page: Path) -> None:
    rows = [it for it in page.read_text().splitlines() if it.startswith("| **")]
    assert len(rows) == 10
    for row in rows:
        assert TEST.search(row), row
