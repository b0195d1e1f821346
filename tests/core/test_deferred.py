"""A library that is imported when it is first used, and not before."""

import subprocess
import sys

import pytest

from dml.core.deferred import deferred

USE = """
import sys
from dml.core.deferred import deferred
library = deferred("jinja2")
assert "jinja2.environment" not in sys.modules
assert library.Template("{{ 1 + 1 }}").render() == "2"
assert "jinja2.environment" in sys.modules
import jinja2
assert library.Template is jinja2.Template
"""
# Python's own way shows all threads but the first a module in which nothing is yet.
THREADS = """
from concurrent.futures import ThreadPoolExecutor
from dml.core.deferred import deferred
library = deferred("httpx2")
with ThreadPoolExecutor(16) as pool:
    assert len(set(pool.map(lambda _: library.AsyncClient, range(16)))) == 1
"""


def test_it_is_imported_when_something_of_it_is_used() -> None:
    subprocess.run([sys.executable, "-c", USE], check=True)


def test_any_thread_may_be_the_first_to_use_it() -> None:
    subprocess.run([sys.executable, "-c", THREADS], check=True)


def test_what_is_imported_already_is_taken_as_it_is() -> None:
    assert deferred("subprocess") is subprocess


def test_what_is_not_installed_is_missed_at_once() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        deferred("no_such_library")


def test_the_api_starts_without_the_libraries_of_the_chain() -> None:
    heavy = {
        "eth_abi.abi",
        "eth_keys.datatypes",
        "eth_utils.crypto",
        "httpx2._client",
        "segno.utils",
    }
    code = f"import sys, dml.entrypoints.server; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
