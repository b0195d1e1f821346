"""`dml up` with real servers, and small programs in the place of the API and the worker.

Processes are found by the lock that they hold, and ended by their pid, never by a name.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import psycopg
import pytest

import dml
from dml.core.settings import Settings
from dml.entrypoints import up, up_plan, up_ports, up_watch
from dml.entrypoints.embedded import accounts, life, locks, postgres, valkey
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.embedded.refusals import Refused

SOURCE: Final = Path(dml.__file__).parents[1]

LAUNCH: Final = """
import json, sys
from dml.core.settings import Settings
from dml.entrypoints import up
from dml.entrypoints.up_plan import Commands
commands = {name: (sys.executable, "-c", code) for name, code in json.loads(sys.argv[2]).items()}
if sys.argv[1] == "up":
    sys.exit(up.run(Settings(), commands=Commands(**commands)))
sys.exit(up.stop(Settings()))
"""

API: Final = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k: v for k, v in os.environ.items() if k.startswith("DML_")}).encode()
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(body)
address = os.environ["DML_HOST"], int(os.environ["DML_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""

ENSURE_FIRST: Final = """
import os, pathlib
made = pathlib.Path(os.environ["DML_HOME"], "admin")
if not made.exists():
    made.touch()
    print("admin@example.org  secret-password")
"""

COMMANDS: Final = {
    "migrate": "import time; time.sleep(0.1)",
    "ensure_first_admin": ENSURE_FIRST,
    "api": API,
    "worker": "import time; time.sleep(1000)",
}

EVERYONE: Final = ("api", "worker", "postgres", "valkey", "supervisor", "up")


@dataclass
class Marketplace:
    """A home, and whatever `dml up` runs for it."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=lambda: dict(COMMANDS))
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    terminals: list[Path] = field(default_factory=list)

    def popen(self, verb: str = "up") -> subprocess.Popen[str]:
        self.terminals.append(self.home.with_name(f"{self.home.name}.{len(self.terminals)}"))
        with self.terminals[-1].open("w") as terminal:
            process = self._popen(verb, terminal)
        self.started.append(process)
        return process

    def _popen(self, verb: str, terminal: TextIO) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", LAUNCH, verb, json.dumps(self.commands)],
            cwd=self.home.parent,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(SOURCE),
                "PYTHONDONTWRITEBYTECODE": "1",
                "DML_HOME": self.home.name,  # Relative, as it is by default.
                "DML_SHUTDOWN_SECONDS": "2",
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
        self.until(lambda: "Stop    " in self.shown() or process.poll() is not None)
        assert process.poll() is None, self.shown()
        return process

    def shown(self) -> str:
        """What the last that was started has shown up to now."""
        return self.terminals[-1].read_text()

    def ends(self, process: subprocess.Popen[str]) -> str:
        """Wait until it has ended well, and answer what it showed."""
        assert process.wait(timeout=30) == 0, self.shown()
        return self.shown()

    def fail(self) -> str:
        """Start, and answer why that was refused."""
        assert self.popen().wait(timeout=60) == 1
        return self.shown()

    def down(self) -> None:
        self.ends(self.popen("down"))

    @property
    def plan(self) -> up_plan.Plan:
        return up.make_plan(Settings(home=self.home))

    @property
    def port(self) -> int:
        return up_plan.recall(self.plan).port

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
        return up_ports.answer(self.plan, self.port) == "200"

    def environment(self) -> dict[str, str]:
        """What the API was given."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as response:
            found: dict[str, str] = json.load(response)
            return found

    def nothing_runs(self) -> bool:
        return not any(self.process(name) for name in EVERYONE)

    def until(self, holds: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"{log}:\n{life.tail(log)}" for log in self.plan.logs.glob("*.log"))

    def clean_up(self) -> None:
        if self.home.is_dir():
            self.down()
            assert self.nothing_runs()
        for process in self.started:
            with process:
                process.kill()


@pytest.fixture
def marketplaces() -> Iterator[Callable[[str], Marketplace]]:
    folder, made = Path(tempfile.mkdtemp(prefix="dmltest-", dir="/tmp")), list[Marketplace]()
    folder.chmod(0o755)

    def make(name: str) -> Marketplace:
        made.append(Marketplace(folder / name))
        return made[-1]

    yield make
    for marketplace in made:
        marketplace.clean_up()
    shutil.rmtree(folder)


@pytest.fixture
def marketplace(marketplaces: Callable[[str], Marketplace]) -> Marketplace:
    return marketplaces("a home")


def test_it_comes_up_says_where_it_is_and_stops_at_ctrl_c(marketplace: Marketplace) -> None:
    first = marketplace.up()
    given = marketplace.environment()
    assert Path(given["DML_HOME"]) == marketplace.home
    assert Path(given["DML_BLOBS"]) == marketplace.home / "blobs"
    assert Path(given["DML_KEYS_FILE"]) == marketplace.home / "keys.json"
    assert given["DML_REDIS_URL"].startswith("unix://")
    assert up_plan.VARIABLE not in given
    with psycopg.connect(given["DML_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dml",)

    begun = marketplace.shown()
    out = marketplace.ends(marketplace.popen())
    assert out.startswith("dml already runs.\n")
    url = f"http://127.0.0.1:{marketplace.port}"
    assert f"{url}/docs" in out

    first.send_signal(signal.SIGINT)
    marketplace.ends(first)
    for shown in ("PostgreSQL", url, f"{url}/docs", str(marketplace.home / "logs")):
        assert shown in begun
    assert "admin@example.org  secret-password\n" in begun
    assert "secret" not in marketplace.logs()
    assert marketplace.nothing_runs()

    port, again = marketplace.port, marketplace.up()
    assert marketplace.port == port
    again.send_signal(signal.SIGTERM)
    assert "admin" not in marketplace.ends(again)


def test_whoever_is_killed_comes_back_and_the_rest_goes_on(marketplace: Marketplace) -> None:
    marketplace.up()
    for name in EVERYONE:
        before = {other: marketplace.process(other) for other in EVERYONE}
        marketplace.kill(name)
        killed_at = time.monotonic()
        known = (None, *before.values())  # For an instant a lock is held by whoever hands it on.
        marketplace.until(lambda: marketplace.process(name) not in known, 5)  # noqa: B023
        took = time.monotonic() - killed_at
        assert took < 3, f"{name} took {took:.1f} s"
        after = {other: marketplace.process(other) for other in EVERYONE}
        assert [other for other in EVERYONE if before[other] != after[other]] == [name]
    marketplace.until(marketplace.serves)
    told = (marketplace.plan.logs / "up.log").read_text()
    for line in (
        "The API was killed (SIGKILL); it was started again.",
        "The worker was killed (SIGKILL); it was started again.",
        "PostgreSQL was killed (SIGKILL); it was started again.",
        "Valkey was killed (SIGKILL); it was started again.",
        "The supervisor died; it was started again.",
        "`dml up` was killed.",
    ):
        assert line in told


def test_it_recovers_when_all_are_killed_at_once(marketplace: Marketplace) -> None:
    marketplace.up()
    marketplace.kill(*EVERYONE)
    marketplace.up()
    marketplace.until(marketplace.serves)


def test_all_but_the_foreground_killed_at_once_come_back(marketplace: Marketplace) -> None:
    first = marketplace.up()
    marketplace.kill(*[name for name in EVERYONE if name != "up"])
    marketplace.until(lambda: all(marketplace.process(name) for name in EVERYONE), 10)
    marketplace.until(marketplace.serves)
    first.send_signal(signal.SIGINT)
    marketplace.ends(first)
    assert marketplace.nothing_runs()


def test_what_outlived_both_watchers_is_adopted_unless_settings_changed(
    marketplace: Marketplace,
) -> None:
    marketplace.up()
    served = ("api", "worker", "postgres", "valkey")
    before = [marketplace.process(name) for name in served]
    marketplace.kill("up", "supervisor")
    assert marketplace.serves()
    marketplace.up()
    assert [marketplace.process(name) for name in served] == before

    marketplace.kill("up", "supervisor")
    marketplace.variables["DML_MIN_DEVICES"] = "7"
    marketplace.up()
    assert [marketplace.process(name) for name in served][2:] == before[2:]
    assert marketplace.environment()["DML_MIN_DEVICES"] == "7"


@pytest.mark.slow
def test_a_terminal_that_lost_its_foreground_can_have_another(marketplace: Marketplace) -> None:
    marketplace.up()
    for _ in range(3):  # Either it attaches, or the supervisor was faster and it says so.
        before = marketplace.process("supervisor")
        marketplace.kill("up")
        another = marketplace.popen()
        marketplace.until(lambda: marketplace.process("up"))
        time.sleep(1)
        assert another.poll() in (None, 0)
        assert marketplace.process("supervisor") == before
        assert marketplace.serves()


def test_a_taken_port_is_passed_over_and_a_wanted_one_is_refused(
    marketplace: Marketplace, marketplaces: Callable[[str], Marketplace]
) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        plan = up.make_plan(Settings(home=marketplace.home))
        chosen = up_ports.choose(_with(plan, port=taken), 0)
        assert chosen != taken
        assert up_ports.choose(_with(plan, port=taken), chosen) == chosen
        assert up_ports.choose(_with(plan, port=taken), taken) != taken
        marketplace.variables["DML_PORT"] = str(taken)
        refusal = marketplace.fail()
    assert f"dml: port {taken} is taken: " in refusal
    assert "another DML_PORT" in refusal
    assert marketplace.nothing_runs()


def test_another_who_takes_the_port_meanwhile_is_not_taken_for_ours(
    marketplace: Marketplace,
) -> None:
    # Runs once the port is chosen, and leaves somebody there who answers as our API would.
    marketplace.commands["migrate"] = f"""
import os, pathlib, subprocess, sys
mark = pathlib.Path(os.environ["DML_HOME"], "squatter")
squatter = subprocess.Popen([sys.executable, "-c", {API!r}], stdout=-3, stderr=-3, stdin=-3)
mark.write_text(f"{{squatter.pid}} {{os.environ['DML_PORT']}}")
import socket, time
while socket.socket().connect_ex(("127.0.0.1", int(os.environ["DML_PORT"]))):
    time.sleep(0.05)
"""
    marketplace.up()
    pid, port = map(int, (marketplace.home / "squatter").read_text().split())
    os.kill(pid, signal.SIGKILL)
    assert marketplace.port != port
    assert marketplace.environment()["DML_PORT"] == str(marketplace.port)


def test_an_address_that_is_not_ours_is_refused(marketplace: Marketplace) -> None:
    plan = up.make_plan(Settings(home=marketplace.home))
    with pytest.raises(Refused, match="cannot listen on DML_HOST"):
        up_ports.choose(_with(plan, host="192.0.2.1"), 0)
    with pytest.raises(Refused, match="is no address"):
        up_ports.choose(_with(plan, host="no such host"), 0)


def _with(plan: up_plan.Plan, **changes: object) -> up_plan.Plan:
    return up_plan.Plan(**{**vars(plan), **changes})


def test_a_migration_that_fails_is_shown_and_nothing_stays(marketplace: Marketplace) -> None:
    marketplace.commands["migrate"] = "import sys; sys.exit('no such column: oops')"
    refusal = marketplace.fail()
    assert "dml: " in refusal
    assert "no such column: oops" in refusal
    assert marketplace.nothing_runs()


def test_a_child_that_ends_at_once_is_shown_with_its_log(marketplace: Marketplace) -> None:
    marketplace.commands["api"] = "import sys; sys.exit('cannot read the keys')"
    refusal = marketplace.fail()
    assert "The API ended; " in refusal
    assert "cannot read the keys" in refusal
    assert marketplace.nothing_runs()


def test_a_worker_that_always_dies_is_tried_ever_less_often(marketplace: Marketplace) -> None:
    count = "import os; print('tried', flush=True); __import__('time').sleep(0.5); os._exit(3)"
    marketplace.commands["worker"] = count
    marketplace.up()
    time.sleep(5)
    tries = (marketplace.plan.logs / "worker.log").read_text().count("tried")
    assert 3 <= tries <= 5
    assert "The worker ended (exit code 3); it was started again." in marketplace.logs()
    assert marketplace.serves()


def test_delays_double_up_to_ten_seconds_and_start_over(tmp_path: Path) -> None:
    dead = Process(2**30, "never")

    def start() -> Process:
        if not alive:
            raise Refused("no")
        return Process(os.getpid(), _started())

    alive, now, tried = False, 1000.0, list[float]()
    it = up_watch.Watch("It", start, process=dead)
    while now < 1030:
        if "does not start" in it.tend(now):
            tried.append(now)
        now += 0.05
    gaps = [round(b - a, 1) for a, b in itertools.pairwise(tried)]
    assert gaps[:5] == [0.4, 0.8, 1.6, 3.2, 6.4]
    assert it.delay == up_watch.DELAY_SECONDS_MAX
    alive = True
    assert it.tend(now + 20) == "It died; it was started again."
    it.tend(time.monotonic() + up_watch.STEADY_SECONDS + 1)
    assert it.delay == up_watch.DELAY_SECONDS


def _started() -> str:
    found = Process.of(os.getpid())
    assert found is not None
    return found.started


STUBBORN: Final = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(1000)
"""


def test_a_second_ctrl_c_hurries(marketplace: Marketplace) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "60"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    marketplace.until(lambda: (marketplace.plan.logs / "worker.log").exists())
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    marketplace.ends(process)
    assert marketplace.nothing_runs()


def test_a_closed_terminal_stops_it_even_where_a_child_is_stubborn(
    marketplace: Marketplace,
) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "0.5"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    process.send_signal(signal.SIGHUP)
    marketplace.ends(process)
    assert marketplace.nothing_runs()


@pytest.mark.slow
def test_a_supervisor_killed_while_it_stops_leaves_nothing(marketplace: Marketplace) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "3"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    marketplace.kill("supervisor")
    marketplace.ends(process)
    assert marketplace.nothing_runs()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.3, 0.6, 0.9, 1.2, 1.5])
def test_a_supervisor_killed_while_it_starts_is_started_again(
    marketplace: Marketplace, after: float
) -> None:
    process = marketplace.popen()
    marketplace.until(lambda: marketplace.home.exists() and marketplace.process("supervisor"))
    time.sleep(after)
    marketplace.kill("supervisor")
    marketplace.until(lambda: "Stop    " in marketplace.shown())
    assert process.poll() is None
    assert marketplace.serves()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.2, 0.5, 0.8, 1.1, 1.4])
def test_ctrl_c_at_any_moment_of_the_start_leaves_nothing(
    marketplace: Marketplace, after: float
) -> None:
    process = marketplace.popen()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert not marketplace.home.exists() or marketplace.nothing_runs()


def test_servers_that_are_given_are_used_and_none_is_started(marketplace: Marketplace) -> None:
    marketplace.variables |= {
        "DML_DATABASE_URL": "postgresql://there/dml",
        "DML_REDIS_URL": "redis://there",
    }
    marketplace.up()
    given = marketplace.environment()
    assert given["DML_DATABASE_URL"] == "postgresql://there/dml"
    assert given["DML_REDIS_URL"] == "redis://there"
    assert marketplace.process("postgres") is marketplace.process("valkey") is None


def test_two_checkouts_run_side_by_side(marketplaces: Callable[[str], Marketplace]) -> None:
    one, other = marketplaces("one"), marketplaces("other")
    one.up()
    other.up()
    assert one.port != other.port
    assert one.environment()["DML_DATABASE_URL"] != other.environment()["DML_DATABASE_URL"]
    one.down()
    assert other.serves()


def test_a_file_in_the_way_says_so_in_one_line(marketplace: Marketplace) -> None:
    marketplace.home.write_text("")
    refusal = marketplace.fail()
    assert refusal.startswith("dml: cannot use ")
    assert refusal.count("\n") == 1


def test_the_two_watchers_stay_small(marketplace: Marketplace) -> None:
    marketplace.up()
    for name in ("up", "supervisor"):
        rollup = Path(f"/proc/{marketplace.pid(name)}/smaps_rollup").read_text()
        (resident,) = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
        assert int(resident) < 20_000  # KiB
