"""The device path on tables that PostgreSQL parts by job: docs/scaling.md says what that is for.

In a process of its own, whose databases are made so. Which statements then ask one part, and which
must ask all, `parted_statements.py` holds; it runs here.
"""

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.conftest import ROOT
from tests.jobs import parting

TESTS: Final = ("tests/jobs/parted_statements.py", "tests/jobs/test_device_path.py")
OPTIONS: Final = ("-q", "-x", "-p", "no:cacheprovider", "-n", "0")


@pytest.mark.timeout(300)
def test_the_device_path_s_tests_pass_on_tables_that_are_parted_by_job() -> None:
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *TESTS],
        env=inherited | {parting.VARIABLE: "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stdout[-6_000:]
