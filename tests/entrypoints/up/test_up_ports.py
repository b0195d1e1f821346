"""Ports: the one of last time, the next that is free, never somebody else's."""

import os
import signal
import socket
from collections.abc import Callable

import pytest

from dml.core.settings import Settings
from dml.entrypoints.embedded import free_ports
from dml.entrypoints.supervisor import ports, up
from dml.entrypoints.supervisor.plan import Plan, remember
from dml.refused import Refused
from tests.entrypoints.up.marketplace import API, Marketplace


def test_a_taken_port_is_passed_over_and_a_wanted_one_is_refused(
    marketplace: Marketplace, marketplaces: Callable[[str], Marketplace]
) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        plan = up.make_plan(Settings(home=marketplace.home))
        chosen = ports.choose(_with(plan, port=taken), 0)
        other = ports.choose(_with(plan, port=chosen.number), chosen.number)
        assert (
            len({taken, chosen.number, other.number}) == 3
        )  # It is reserved, though nobody listens.
        chosen.release()
        again = ports.choose(_with(plan, port=taken), chosen.number)
        assert again.number == chosen.number
        other.release()
        again.release()
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
        ports.choose(_with(plan, host="192.0.2.1"), 0)
    with pytest.raises(Refused, match="is no address"):
        ports.choose(_with(plan, host="no such host"), 0)


def _with(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**vars(plan), **changes})


def test_a_restart_takes_the_port_of_last_time_again(marketplace: Marketplace) -> None:
    port = free_ports.lasting("127.0.0.1")  # Not one of those that others try, too.
    remember(marketplace.plan, port=port)
    for _ in range(2):
        process = marketplace.up()
        assert marketplace.port == port
        assert marketplace.serves()
        process.send_signal(signal.SIGTERM)
        marketplace.ends(process)


@pytest.mark.slow
def test_two_checkouts_run_side_by_side(marketplaces: Callable[[str], Marketplace]) -> None:
    one, other = marketplaces("one"), marketplaces("other")
    one.up()
    other.up()
    assert one.port != other.port
    assert one.environment()["DML_DATABASE_URL"] != other.environment()["DML_DATABASE_URL"]
    one.down()
    assert other.serves()
