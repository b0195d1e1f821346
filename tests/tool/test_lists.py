"""A list that the tool reads page after page has pages."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"""all_of\(\s*["'](/v1/[^"'{]+)["']""")


def test_each_list_that_is_read_by_pages_takes_a_limit() -> None:
    paths = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())["paths"]
    read = {
        path
        for folder in ("src/dml/tool", "src/dml/entrypoints/bounty")
        for file in (ROOT / folder).glob("*.py")
        for path in READ.findall(file.read_text())
    }
    assert "/v1/jobs" in read
    for path in read:
        names = {it["name"] for it in paths[path]["get"]["parameters"]}
        assert {"limit", "cursor"} <= names, path
