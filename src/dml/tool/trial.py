"""A trial on one machine: people with a folder of photos each, as real accounts and real agents."""

import contextlib
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from dml.agent.home import Home, default_folder
from dml.client.http import one_line
from dml.client.marketplace import Marketplace
from dml.refused import Refused
from dml.tool import pairing

PEOPLE_MAX: Final = 50
HOMES: Final = "dml-trial"  # Beside the agent's usual home.


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    photos: Path
    home: Path


def people_of(folders: list[Path]) -> list[Person]:
    """Somebody for each folder, called as it is. Refused where there are none, or too many."""
    photos = sorted(it for it in folders if it.is_dir())
    if not 1 <= len(photos) <= PEOPLE_MAX:
        raise Refused(f"name 1 to {PEOPLE_MAX} folders with photos, one for each person")
    names = [one_line(it.resolve().name) for it in photos]
    if len(set(names)) < len(names):
        raise Refused("two of the folders have one name: each is to be somebody else")
    base = default_folder().parent / HOMES
    return [Person(name, it, base / name) for name, it in zip(names, photos, strict=True)]


def run(server: str | None, folders: list[Path], console: Console, *, as_json: bool) -> int:
    """Let each of them be a device until there is no work left. Returns how many failed."""
    people = people_of(folders)
    with contextlib.ExitStack() as agents:
        started = []
        for person in people:
            with Marketplace(server) as market:
                command = [*_command(market, person, console), *(["--json"] if as_json else [])]
            # S603 warns of commands that others chose: this is `dml device run`, without a shell.
            agent = subprocess.Popen(command)  # noqa: S603 - our own
            agents.callback(_end, agent)
            started.append(agent)
        codes = [agent.wait() for agent in started]
    return sum(code != 0 for code in codes)


def _command(market: Marketplace, person: Person, console: Console) -> list[str]:
    """How this person's agent is run; the first time with an account and a code of its own."""
    run = [sys.executable, "-m", "dml.entrypoints.cli", "device", "run", "--once"]
    run += ["--data", str(person.photos), "--home", str(person.home), "--name", person.name]
    identity = Home(person.home).identity()
    if identity is not None and identity.server == market.url:
        return run
    email, password = f"{person.name}-{secrets.token_hex(3)}@example.org", secrets.token_urlsafe()
    market.ask("POST", "/v1/users", json={"email": email, "password": password})
    market.sign_in({"DML_EMAIL": email, "DML_PASSWORD": password})
    agreed: dict[str, list[str]] = {
        "refused_jobs": [],
        "refused_developers": [],
        "refused_labels": [],
    }
    market.ask("PUT", "/v1/devices/limits", json={**agreed, "allows_exact": True})
    code = pairing.new_code(market, ["photo"], yes=True)["code"]
    console.print(f"{person.name} is {email}, and photographs into {person.photos}.")
    return [*run, "--server", market.url, "--pair", code]


def _end(agent: "subprocess.Popen[bytes]") -> None:
    if agent.poll() is None:
        agent.terminate()
        agent.wait()
