"""What docs/operations tells operators to type, typed; and what it lists, held against the code."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import event_keeping
from dml.core.settings import Settings
from dml.entrypoints import domains, wiring
from dml.entrypoints.embedded import servers
from tests import folders
from tests.guides.pages import ROOT, as_pattern, blocks
from tests.seeds import plant

PAGES: Final = ROOT / "docs" / "operations"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a home whose PostgreSQL runs, and nothing else: a quiet marketplace."""
    made = folders.make("dml-backup-")
    servers.start_postgres(plant(made / ".dml"))
    wiring.make_keys(Settings(home=made / ".dml"))
    yield made
    for home in (made / ".dml", made / "restored"):
        if home.exists():
            servers.down(home)
    shutil.rmtree(made)


@pytest.mark.parametrize(("page", "count"), [("backup.md", 2), ("upgrading.md", 1)])
def test_each_line_does_what_it_says(folder: Path, page: str, count: int) -> None:
    typed = blocks(PAGES / page)
    assert len(typed) == count
    script = "\n".join(f"{it.commands}\necho --- end" for it in typed)
    environment = {
        "HOME": str(folder),
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "DML_LOCAL_CHAIN": "false",
    }
    ended = subprocess.run(
        ["/bin/bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for it, output in zip(typed, ended.stdout.split("--- end"), strict=False):
        assert it.shown is not None
        assert as_pattern(it.shown).search(output), output
    assert (folder / "restored" / "state.json").exists() == (page == "backup.md")


def test_links_of_these_pages_lead_somewhere() -> None:
    pages = sorted(PAGES.glob("*.md"))
    assert pages
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


async def test_each_table_that_rows_go_from_is_listed_with_its_period(tx: AsyncSession) -> None:
    """Where this fails: a cleaner is new, or a period changed, and retention.md does not say so."""
    page = (PAGES / "retention.md").read_text()
    deleted = set[str]()

    def note(*told: Any) -> None:
        deleted.update(re.findall(r"DELETE FROM (\w+)", told[2]))

    connection = (await tx.connection()).sync_connection
    assert connection is not None
    event.listen(connection, "before_cursor_execute", note)
    try:
        for forget in domains.load_cleaners():
            await forget(tx, datetime.now(UTC))
    finally:
        event.remove(connection, "before_cursor_execute", note)
    assert len(deleted) > 15
    said = [its for it in domains.DOMAINS for its in it.load(it.personal)]
    kept = {holding.table: holding.kept for it in said for holding in it.holdings}
    for table in deleted:
        assert f"| `{table}` | {kept[table]}" in page, table
    for it in (event_keeping.EVENTS, event_keeping.READERS):
        assert f"`{it.table}`" in page


def test_each_setting_of_a_period_is_listed() -> None:
    page = (PAGES / "retention.md").read_text()
    for name in Settings.model_fields:
        if name.startswith(("keep_", "session_days")):
            assert f"`DML_{name.upper()}`" in page, name
