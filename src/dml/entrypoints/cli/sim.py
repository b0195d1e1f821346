"""`dml sim`: an operator's load test with a crowd of simulated devices."""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from dml.core.settings import Settings
from dml.entrypoints import domains, wiring
from dml.entrypoints.supervisor import up
from dml.entrypoints.supervisor.plan import recall
from dml.jobs.service import bounds_of
from dml.refused import ExitCode, Refused
from dml.sim import report
from dml.sim.engine import Address
from dml.sim.outcome import SimulationResult
from dml.sim.population import Operator
from dml.sim.screen import Bar
from dml.sim.simulation import Scenario, simulate
from dml.sim.wire import NotUnderstood


def run(
    settings: Settings, scenario: Scenario, *, yes: bool, as_json: bool, picture: Path | None
) -> int:
    """Simulate, and show the result. Return the exit code."""
    _require_consent(settings, yes=yes)
    _require_keys(settings)
    _require_allowed(settings, scenario.epsilon)
    for address in scenario.addresses:
        _require_answer(address)
    with Bar(to_stderr=as_json) as bar:
        try:
            outcome = asyncio.run(_simulate(settings, scenario, bar))
        except (SQLAlchemyError, OSError, NotUnderstood) as error:
            Console(stderr=True).print(f"dml sim: {error}", markup=False, soft_wrap=True)
            return ExitCode.NOT_REACHED
    report.show(bar.console, outcome)
    if picture is not None:
        picture.write_text(report.svg(outcome))
    document = outcome.as_json()
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
    return ExitCode.DONE if document["ok"] else ExitCode.NOT_DONE


def read_addresses(settings: Settings, urls: Sequence[str]) -> list[Address]:
    """Return where the API listens: at these URLs, or where this home's `dml up` runs it."""
    if urls:
        return [_address(url) for url in urls]
    plan = up.make_plan(settings)
    return [plan.reachable(recall(plan).port or settings.port)]


def _address(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
        raise Refused(
            f"{url} is no address of an API that can be simulated against: name it as "
            "http://host:port, without TLS and without a path"
        )
    return parts.hostname, parts.port or 80


def _require_consent(settings: Settings, *, yes: bool) -> None:
    if settings.database_url is not None and not yes:
        raise Refused(
            "a simulation puts people, devices and payments into the database for good, and "
            "DML_DATABASE_URL names one that `dml up` did not make: unset it to use this home's, "
            "or say --yes"
        )


def _require_keys(settings: Settings) -> None:
    keys = settings.keys_file or settings.home / "keys.json"
    if not keys.is_file():
        raise Refused(
            f"there is no {keys}: a simulation signs its devices' tokens with the marketplace's "
            "own keys; start it with `dml up`, or set DML_KEYS_FILE as it has it"
        )


def _require_allowed(settings: Settings, epsilon: float | None) -> None:
    bounds = bounds_of(settings)
    if epsilon is None and not bounds.allows_exact:
        raise Refused("this marketplace gives no exact answers: leave out --exact")
    if epsilon is not None and epsilon > bounds.epsilon_max:
        raise Refused(
            f"no job may have an epsilon above {bounds.epsilon_max:g} here: say a smaller "
            "--epsilon, or set DML_EPSILON_MAX and DML_OWNER_EPSILON"
        )


def _require_answer(address: Address) -> None:
    """Refuse before filling a database if the API does not answer."""
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError as error:
        raise Refused(
            f"nobody answers at {address[0]}:{address[1]} ({error.strerror or error}): start the "
            "marketplace with `dml up`, or say where it is with --server"
        ) from error


async def _simulate(settings: Settings, scenario: Scenario, bar: Bar) -> SimulationResult:
    domains.load_processes()
    engine = wiring.make_engine(settings, "dml sim")
    try:
        operator = Operator(
            wiring.make_sessions(engine),
            wiring.make_keys(settings),
            wiring.make_blobs(settings),
            settings,
        )
        return await simulate(operator, scenario, bar)
    finally:
        await engine.dispose()
