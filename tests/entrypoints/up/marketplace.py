"""A marketplace under test: real servers, and small programs in the place of API and worker.

Its processes are found by the lock that they hold, and ended by their pid, never by a name.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import dml
from dml.core.settings import Settings
from dml.entrypoints.embedded import accounts, life, locks, places, postgres, valkey
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.supervisor import up
from dml.entrypoints.supervisor.plan import Plan, recall

SOURCE: Final = Path(dml.__file__).parents[1]

LAUNCH: Final = """
import json, sys
from dml.core.settings import Settings
from dml.entrypoints.supervisor import up
from dml.entrypoints.supervisor.plan import Commands
commands = {name: (sys.executable, "-c", code) for name, code in json.loads(sys.argv[2]).items()}
if sys.argv[1] == "up":
    sys.exit(up.run(Settings(), commands=Commands(**commands)))
sys.exit({"down": up.stop, "restart": up.restart}[sys.argv[1]](Settings()))
"""

API: Final = """
import http.server, json, os, socket, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k: v for k, v in os.environ.items() if k.startswith("DML_")}).encode()
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(body)
class Server(http.server.HTTPServer):
    def __init__(self, listening):
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket = listening
    def get_request(self):
        connection, address = super().get_request()
        return connection, address or ("", 0)
from dml.entrypoints import listening
host, port = os.environ["DML_HOST"], int(os.environ["DML_PORT"])
for it in listening.open_sockets(host, port, shared=True):
    it.setblocking(True)
    threading.Thread(target=Server(it).serve_forever).start()
"""

ENSURE_FIRST: Final = """
import os, pathlib
made = pathlib.Path(os.environ["DML_HOME"], "admin")
if not made.exists():
    made.touch()
    print("admin@example.org  secret-password")
"""

STUBBORN: Final = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(1000)
"""

COMMANDS: Final = {
    "migrate": "import time; time.sleep(0.1)",
    "ensure_first_admin": ENSURE_FIRST,
    "api": API,
    "worker": "import time; time.sleep(1000)",
    "chain": "import time; time.sleep(1000)",
}

CHILDREN: Final = ("api-1", "api-2", "worker-1", "worker-2")
EVERYONE: Final = (*CHILDREN, "postgres", "valkey", "supervisor", "up")


@dataclass
class Marketplace:
    """A home, and whatever `dml up` runs for it."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=lambda: dict(COMMANDS))
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    terminals: list[Path] = field(default_factory=list)

    def popen(
        self, verb: str = "up", *, command: Sequence[str] | None = None
    ) -> subprocess.Popen[str]:
        self.terminals.append(self.home.with_name(f"{self.home.name}.{len(self.terminals)}"))
        with self.terminals[-1].open("w") as terminal:
            launch = [sys.executable, "-c", LAUNCH, verb, json.dumps(self.commands)]
            process = self._popen(command or launch, terminal)
        self.started.append(process)
        return process

    def _popen(self, command: Sequence[str], terminal: TextIO) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.home.parent,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(SOURCE),
                "PYTHONDONTWRITEBYTECODE": "1",
                "DML_HOME": self.home.name,  # Relative, as it is by default.
                "DML_SHUTDOWN_SECONDS": "2",
                "DML_API_PROCESSES": "2",
                "DML_WORKER_PROCESSES": "2",
                "DML_LOCAL_CHAIN": "false",
                **self.variables,
            },
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )

    def up(self) -> subprocess.Popen[str]:
        """Start, and wait until it is up."""
        process = self.popen()
        self.until(lambda: "Stop    " in self.shown() or process.poll() is not None, 90)
        assert process.poll() is None, self.shown()
        return process

    def shown(self) -> str:
        """What the last that was started has shown up to now."""
        return self.terminals[-1].read_text()

    def ends(self, process: subprocess.Popen[str], seconds: float = 60) -> str:
        """Wait until it has ended well, and answer what it showed."""
        assert process.wait(timeout=seconds) == 0, self.shown()
        return self.shown()

    def fail(self) -> str:
        """Start, and answer why that was refused."""
        assert self.popen().wait(timeout=60) == 1
        return self.shown()

    def down(self) -> None:
        self.ends(self.popen("down"))

    @property
    def plan(self) -> Plan:
        return up.make_plan(Settings(home=self.home))

    @property
    def port(self) -> int:
        return recall(self.plan).port

    def process(self, name: str) -> Process | None:
        if name == "postgres":
            return postgres.process(self.home)
        if name == "valkey":
            return valkey.process(self.home)
        return next(iter(locks.heads(self.plan.lock(name), accounts.caller())), None)

    def pid(self, name: str) -> int:
        found = self.process(name)
        assert found is not None, f"{name} does not run"
        return found.pid

    def kill(self, *names: str) -> None:
        for pid in [self.pid(name) for name in names]:
            os.kill(pid, signal.SIGKILL)

    def serves(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(self.readyz, timeout=6) as it:
            return bool(it.status == 200)
        return False

    @property
    def readyz(self) -> str:
        return f"http://127.0.0.1:{self.port}/readyz"

    def environment(self) -> dict[str, str]:
        """What the API was given."""
        with urllib.request.urlopen(self.readyz) as response:
            found: dict[str, str] = json.load(response)
            return found

    def database_url(self) -> str:
        site = places.find(self.home)
        assert site is not None
        return postgres.socket_url(site.state)

    def nothing_runs(self) -> bool:
        return not any(self.process(name) for name in EVERYONE)

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def until_another(
        self, name: str, before: Collection[Process | None], seconds: float = 30
    ) -> None:
        """Wait until a process of this name runs that is none of those."""
        self.until(lambda: self.process(name) not in (None, *before), seconds)

    def logs(self) -> str:
        return "\n".join(f"{log}:\n{life.tail(log)}" for log in self.plan.logs.glob("*.log"))

    def anything_is_held(self) -> bool:
        return any(locks.is_held(lock) for lock in self.home.rglob("*.lock"))

    def clean_up(self) -> None:
        if self.home.is_dir() and self.anything_is_held():
            self.down()
            assert self.nothing_runs()
        for process in self.started:
            with process:
                process.kill()
