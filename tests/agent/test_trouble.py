"""What goes wrong around an agent: a server away, kill -9, a bad file, a refusal, a signal."""

import asyncio
import os
import pty
import random
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from dml.agent.home import Home
from dml.agent.server import Server, Session
from dml.algorithms.models import Algorithm
from dml.jobs.models import Assignment, AssignmentState, Job
from tests.agent.market import SECONDS, Device, Market, end, open_job
from tests.devices.factories import pairing_code
from tests.inference.models import digits_like_model

SLOWLY = ("--cpu-percent", "10")  # Some three seconds for a few photos: enough to step in.


PHOTOS = 60


async def start_slowly(device: Device, *options: str, **how: Any) -> asyncio.subprocess.Process:
    """Pair a device with some photos, and let it do all there is, slowly."""
    for number in range(PHOTOS):
        device.photo(f"{number}.jpg", number % 10)
    pairing = ("--pair", await pairing_code(device.owner))
    return await device.start("--once", *options, *pairing, *SLOWLY, **how)


async def child_of(agent: int) -> int:
    """Wait until an agent has started a process: its sandbox."""
    children = Path(f"/proc/{agent}/task/{agent}/children")
    async with asyncio.timeout(SECONDS):
        while not (text := children.read_text()):  # noqa: ASYNC110, ASYNC240 - nobody tells
            await asyncio.sleep(0.01)
    return int(text.split()[0])


def is_alive(process: int) -> bool:
    """Whether it runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_a_server_that_is_away_for_a_while_gets_the_result_once(
    market: Market, device: Device
) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        await device.has_noted("downloaded")
        await market.close()
        await device.has_noted("result")
        await asyncio.sleep(1)
        await market.open()
        ended = await end(agent)
    assert '"event": "away"' in ended.out
    assert (ended.code, ended.summary["accepted"]) == (0, 1)
    (result,) = await device.results()
    assert result["items"] == PHOTOS


async def test_killed_at_work_it_resumes_its_lease(market: Market, device: Device) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        sandbox = await child_of(agent.pid)
        agent.kill()
        await agent.wait()
        ended = await device.run()
    first, second = device.noted("claimed")
    assert first["assignment_id"] == second["assignment_id"]
    assert ended.summary["accepted"] == 1
    assert await device.states() == ["accepted"]
    assert not is_alive(sandbox)


@pytest.mark.slow
async def test_killed_whenever_it_hands_in_one_result_for_each_job(
    market: Market, device: Device
) -> None:
    moments, kills = random.Random(1), 0
    device.photo("1.jpg", 3)
    start = ("--once", "--cpu-percent", "30", "--pair", await pairing_code(device.owner))
    async with open_job(market), open_job(market), open_job(market), open_job(market):
        agent = await device.start(*start)
        while await is_still_at_work(agent, moments.uniform(0.3, 1.8)):
            kills += 1
            assert kills < 100, "it does not get anywhere"
            agent = await device.start(*start)
    assert kills
    assert agent.returncode == 0
    assert len(device.noted("result")) == len(device.noted("accepted")) == 4
    assert await device.results() == [it["body"] for it in device.noted("result")]


async def is_still_at_work(agent: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether it has not ended by itself by then; it is killed if so."""
    try:
        await asyncio.wait_for(agent.communicate(), seconds)
    except TimeoutError:
        agent.kill()
        await agent.communicate()
        return True
    return False


async def test_killed_before_its_result_arrived_it_sends_that_and_no_other(
    market: Market, device: Device
) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        await device.has_noted("downloaded")
        await market.close()
        await device.has_noted("result")
        agent.kill()
        await agent.wait()
        device.photo("new.jpg", 3)
        await market.open()
        ended = await device.run()
    assert ended.summary["accepted"] == 1
    (noted,) = device.noted("result")
    assert await device.results() == [noted["body"]]
    assert noted["body"]["items"] == PHOTOS


async def test_killed_after_its_result_arrived_it_learns_that(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market):
        await device.pair()
        path = device.home / "journal.jsonl"
        lines = path.read_text().splitlines(keepends=True)
        assert '"accepted"' in lines[-1]
        path.write_text("".join(lines[:-1]) + lines[-1][:20])  # As a power cut would leave it.
        ended = await device.run()
    assert ended.summary["accepted"] == 1
    assert len(device.noted("accepted")) == 1
    assert len(await device.results()) == 1


async def test_a_lease_lives_for_as_long_as_the_work_takes(market: Market, device: Device) -> None:
    async with open_job(market):
        with market.set(lease_seconds=1):
            ended = await end(await start_slowly(device, "--json"))
    assert device.noted("counted")[0]["seconds"] > 1.2
    assert ended.summary["accepted"] == 1


async def test_a_model_that_is_not_the_announced_one_is_refused(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market, digits_like_model(10) + b"\x72\x00") as job:
        blob = market.blob(job.model_sha256)
        good = blob.read_bytes()
        blob.write_bytes(good[:-1] + b"\x01")
        ended = await device.pair()
        assert (ended.code, ended.summary["accepted"], ended.summary["failed"]) == (1, 0, 1)
        assert "not " + job.model_sha256 in device.noted("released")[0]["why"]
        assert list((device.home / "models").iterdir()) == []
        assert await device.states() == ["released"]


async def test_a_model_that_fails_is_given_back_and_not_tried_again(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market, b"no model at all"):
        ended = await device.pair()
    assert (ended.code, ended.summary["failed"]) == (1, 1)
    assert "the model failed here" in device.noted("released")[0]["why"]
    assert await device.states() == ["released"]


async def test_a_result_that_the_server_refuses_is_given_back_and_not_sent_again(
    market: Market, device: Device
) -> None:
    async with open_job(market) as job:
        agent = await start_slowly(device, "--json")
        await device.has_noted("claimed")
        async with market.world.parts.sessions.begin() as tx:
            whose = select(Job.algorithm_id).where(Job.id == job.id).scalar_subquery()
            await tx.execute(
                update(Algorithm).where(Algorithm.id == whose).values(labels=["others"])
            )
        market.world.app.state.device_path._models.clear()  # Labels never change, so it keeps them.
        ended = await end(agent)
    assert (ended.code, ended.summary["failed"]) == (1, 1)
    assert "names a label that this model does not have" in device.noted("refused")[0]["why"]
    assert len(device.noted("result")) == 1
    assert await device.states() == ["released"]


async def test_work_whose_lease_the_server_ended_is_dropped_and_done_anew(
    market: Market, device: Device
) -> None:
    async with open_job(market) as job:
        with market.set(lease_seconds=1):
            agent = await start_slowly(device, "--json")
            await device.has_noted("claimed")
            async with market.world.parts.sessions.begin() as tx:
                await tx.execute(
                    update(Assignment)
                    .where(Assignment.job_id == job.id)
                    .values(state=AssignmentState.EXPIRED, slot=None)
                )
            ended = await end(agent)
    assert device.noted("lost")[0]["why"].startswith("The lease of this assignment is over.")
    assert (ended.code, ended.summary["accepted"], len(device.noted("result"))) == (0, 1, 1)


async def test_a_device_that_is_revoked_at_work_ends_with_the_reason(
    market: Market, device: Device
) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        await device.has_noted("claimed")
        await device.owner.post(f"/v1/devices/{device.id}/revoke")
        ended = await end(agent)
    assert ended.code == 1
    assert ended.summary["error"].startswith("This device was revoked by its owner. To pair it")
    assert await device.results() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_gives_back_what_is_held(
    market: Market, device: Device, number: int
) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        await device.has_noted("claimed")
        agent.send_signal(number)
        async with asyncio.timeout(3):
            ended = await end(agent)
    assert (ended.code, ended.summary["accepted"]) == (0, 0)
    assert device.noted("released")[0]["why"] == "the agent was told to end"
    assert await device.states() == ["released"]


async def test_a_signal_ends_one_that_waits_for_work(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    code = await pairing_code(device.owner)
    agent = await device.start("--json", "--pair", code)
    assert agent.stdout is not None
    while b'"idle"' not in await agent.stdout.readline():
        pass
    agent.terminate()
    async with asyncio.timeout(5):
        assert (await end(agent)).code == 0


async def test_a_second_signal_ends_one_at_once_whose_server_does_not_answer(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    await market.close()
    with socket.create_server(("127.0.0.1", market.port)) as silent:
        agent = await device.start()
        silent.settimeout(SECONDS)
        connection, _ = await asyncio.to_thread(silent.accept)
        agent.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        assert agent.returncode is None
        agent.send_signal(signal.SIGTERM)
        async with asyncio.timeout(3):
            assert (await end(agent)).code == 130
        connection.close()


async def test_where_the_sandbox_does_not_hold_it_says_why_and_gives_back(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    async with open_job(market):
        # A machine whose kernel refuses to lock anybody in.
        code = (
            "import os, pyseccomp as s, sys; f = s.SyscallFilter(s.ALLOW);"
            "f.add_rule(s.ERRNO(1), 'seccomp');"
            "f.add_rule(s.ERRNO(1), 'prctl', s.Arg(0, s.EQ, 22));"
            "f.load(); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        )
        agent = await device.start("--once", "--json", before=("-c", code))
        ended = await end(agent)
    assert ended.code == 1
    assert "The sandbox does not hold here" in ended.summary["error"]
    assert await device.states() == ["released"]


async def test_a_token_that_the_server_takes_no_longer_is_renewed(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    session = Session(Server(market.url), str(device.id), Home(device.home).key())

    def ask_twice() -> Any:
        session.ask("GET", "/v1/devices/self")
        session._token = "one that was signed with a key which the server has no longer"
        return session.ask("GET", "/v1/devices/self")

    assert (await asyncio.to_thread(ask_twice))["id"] == str(device.id)
    session.server.close()


async def test_at_a_terminal_there_is_a_bar_for_what_takes_its_time(
    market: Market, device: Device
) -> None:
    master, terminal = pty.openpty()
    async with open_job(market):
        agent = await start_slowly(device, stdout=terminal)
        os.close(terminal)
        said = await asyncio.to_thread(read_all, master)
        assert await agent.wait() == 0
    assert "Looking at photos" in said
    assert f"/{PHOTOS}" in said
    assert f"Done: 1 accepted ({PHOTOS} photos)" in said


def read_all(file: int) -> str:
    """All that was written to a terminal, until everybody has closed it."""
    said = b""
    with suppress(OSError):  # Linux answers so at the end.
        while piece := os.read(file, 4096):
            said += piece
    os.close(file)
    return said.decode()


async def test_a_second_agent_in_one_home_is_refused(market: Market, device: Device) -> None:
    first = await device.start("--pair", await pairing_code(device.owner))
    await device.has_noted("registered")
    second = await device.run()
    first.kill()
    await first.wait()
    assert second.code == 1
    assert f"Another agent (process {first.pid}) works in" in second.summary["error"]
