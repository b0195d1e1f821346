"""`dml webhook` and `dml listen` at a marketplace that listens, with a server that is called."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from standardwebhooks import Webhook as Verifier, WebhookVerificationError
from typer.testing import CliRunner

from dml.client import webhooks
from dml.entrypoints.cli.main import app
from dml.refused import ExitCode
from dml.tool import forwarding
from tests.agent.market import Market
from tests.core.engine_watch import until
from tests.feed.webhooks.hooks import RESETS, happen, somebody, working
from tests.feed.webhooks.sink import Call, endless, flood, listening, status
from tests.world import Person, World

URL: Final = "http://127.0.0.1:9/hook"


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


class Typist:
    """Somebody who types commands."""

    def __init__(self, market: Market, who: Person) -> None:
        self.who = who
        self._environment = {"DML_SERVER": market.url, "DML_TOKEN": who.token, "COLUMNS": "120"}

    async def type(self, *arguments: str) -> str:
        """What a command prints, once it has done what it should."""
        ended = await asyncio.to_thread(
            CliRunner().invoke, app, arguments, env=self._environment, catch_exceptions=False
        )
        assert ended.exit_code == ExitCode.DONE, ended.output
        return ended.output

    async def read(self, *arguments: str) -> Any:
        # The server under test logs to the same output, each line with its time in front.
        lines = (await self.type(*arguments, "--json")).splitlines()
        return json.loads(next(it for it in lines if it[:1] in ("{", "[")))

    async def fails(self, *arguments: str) -> str:
        ended = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._environment)
        assert ended.exit_code not in (None, ExitCode.DONE)
        return f"{ended.output}{ended.exception}"

    @asynccontextmanager
    async def listens(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """`dml listen`, which Ctrl-C ends."""
        program = [sys.executable, "-m", "dml.entrypoints.cli", "listen", *arguments]
        process = await asyncio.create_subprocess_exec(
            *program,
            env={**os.environ, **self._environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                yield process
                process.send_signal(signal.SIGINT)
                _, err = await process.communicate()
            assert process.returncode == ExitCode.INTERRUPTED
            assert b"Traceback" not in err
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


def verified(secret: str, call: Call) -> Any:
    return Verifier(secret).verify(call.body, call.headers)


async def test_a_webhook_is_created_shown_changed_and_deleted(world: World, market: Market) -> None:
    typist = Typist(market, await world.person("hooked"))
    assert "nothing yet" in await typist.type("webhook", "list")
    created = await typist.type("webhook", "create", URL, "--types", "job.*, withdrawal.paid")
    secret = next(it for it in created.split() if it.startswith("whsec_"))
    assert webhooks.is_secret(secret)
    (made,) = await typist.read("webhook", "list")
    assert (made["url"], made["types"]) == (URL, ["job.*", "withdrawal.paid"])
    short = made["id"][-8:]
    assert secret not in await typist.type("webhook", "show", short)
    assert await typist.read("webhook", "show", URL) == made
    paused = await typist.read("webhook", "update", short, "--pause", "--types", "")
    assert (paused["state"], paused["types"], paused["url"]) == ("paused", [], URL)
    assert "Nothing is sent to this webhook" in await typist.fails("webhook", "test", short)
    assert (await typist.read("webhook", "update", short, "--resume"))["state"] == "active"
    rotated = await typist.read("webhook", "rotate", short)
    assert rotated["secret"] != secret
    assert rotated["previous_secret_until"] is not None
    assert "add --yes" in await typist.fails("webhook", "delete", short)
    assert (await typist.read("webhook", "delete", short, "--yes"))["id"] == made["id"]
    assert await typist.read("webhook", "list") == []


async def test_what_cannot_be_is_said(world: World, market: Market) -> None:
    typist = Typist(market, await world.person("hooked"))
    assert "no webhook is called" in await typist.fails("webhook", "show", "abc")
    assert "it is not https" in await typist.fails("webhook", "create", "gopher://a")
    assert "has no type 'jop.*'" in await typist.fails("webhook", "create", URL, "--types", "jop.*")
    made = await typist.read("webhook", "create", URL)
    assert "say what to change" in await typist.fails("webhook", "update", made["id"])
    assert "name one of" in await typist.fails("webhook", "replay", made["id"])
    both = ("--since", "-1h", "--after", "x")
    assert "name one of" in await typist.fails("webhook", "replay", made["id"], *both)
    assert "is no time" in await typist.fails("webhook", "replay", made["id"], "--since", "noon")


async def test_deliveries_are_shown_and_sent_once_more(world: World, market: Market) -> None:
    async with listening() as sink, working(world) as postman:
        typist = Typist(market, await world.person("hooked"))
        made = await typist.read("webhook", "create", sink.url, "--types", RESETS)
        told = await typist.type("webhook", "test", made["id"])
        assert f"dml webhook deliveries {made['id'][-8:]}" in told
        sink.answer = status(500, body="not now")
        await happen(world, typist.who, somebody(), somebody())
        await postman.go()
        # On a busy machine the first may be tried again before the last was tried once.
        assert len({it.headers["webhook-id"] for it in sink.calls}) == 3
        sent = await typist.read("webhook", "deliveries", made["id"], "--state", "waiting")
        assert [(it["status"], it["answer"]) for it in sent] == [(500, "not now")] * 3
        table = await typist.type("webhook", "deliveries", made["id"], "--rows", "1")
        assert table.count("user.pass") == 1
        assert "waiting" in table
        one = ("--delivery", sent[0]["id"][-8:])
        assert "1 delivery to be" in await typist.type("webhook", "replay", made["id"], *one)
        since = await typist.read("webhook", "replay", made["id"], "--since", "-1h")
        assert since["deliveries"] == 3  # With the test.
        after = ("--after", sent[-1]["event_id"])
        assert (await typist.read("webhook", "replay", made["id"], *after))["deliveries"] == 2


async def test_what_happens_is_forwarded_as_a_webhook_sends_it(
    world: World, market: Market
) -> None:
    """The same headers and the same body as the marketplace's own call."""
    async with listening() as own, listening() as sink, working(world) as postman:
        typist = Typist(market, await world.person("listens"))
        made = await typist.read("webhook", "create", sink.url, "--types", RESETS)
        async with typist.listens("--forward", own.url, "--types", RESETS) as process:
            secret = (await line_of(process)).split()[0]
            await _follows(world)
            await happen(world, typist.who, somebody())
            shown = await line_of(process)
            assert "user.password_reset" in shown
            assert "  204  " in shown
            await postman.go()
            ((here,), (there,)) = own.calls, sink.calls
            assert verified(secret, here) == verified(made["secret"], there)
            assert (here.body, here.path) == (there.body, there.path)
            same = ("content-type", "user-agent", "webhook-id")
            assert [here.headers[it] for it in same] == [there.headers[it] for it in same]
            assert here.headers.keys() >= {it for it in there.headers if "webhook" in it}
            with pytest.raises(WebhookVerificationError):
                verified(made["secret"], here)


async def test_it_goes_on_where_its_own_server_or_the_marketplace_was_away(
    world: World, market: Market
) -> None:
    secret = webhooks.new_secret()
    typist = Typist(market, await world.person("listens"))
    async with listening() as sink:
        asked = ("--forward", sink.url, "--secret", secret, "--types", RESETS, "--json")
        async with typist.listens(*asked) as process:
            assert json.loads(await line_of(process)) == {"forward": sink.url, "secret": secret}
            await _follows(world)
            await market.close()  # Before its first event: it goes on from where it began.
            await happen(world, typist.who, somebody())
            await market.open()
            first = json.loads(await line_of(process))
            assert (first["status"], first["attempts"], first["error"]) == (204, 1, None)
            sink.answer = status(500)
            await happen(world, typist.who, somebody())
            assert json.loads(await line_of(process))["status"] == 500
        assert len(sink.calls) == 2
        assert verified(secret, sink.calls[0])["id"] == first["id"]


def test_where_nobody_answers_it_is_tried_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    monkeypatch.setattr("dml.tool.forwarding.time.sleep", pauses.append)
    forwarder = forwarding.Forwarder(forwarding.read_target(URL), webhooks.new_secret())
    done = forwarder.forward("1", b"{}")
    forwarder.close()
    assert (done.status, done.attempts, pauses) == (None, 4, [*forwarding.PAUSES])
    assert "can't be reached" in (done.error or "")


@pytest.mark.parametrize("answer", [flood, endless])
async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(forwarding, "SECONDS", 0.3)
    monkeypatch.setattr(forwarding, "PAUSES", ())
    async with listening() as sink:
        sink.answer = answer
        forwarder = forwarding.Forwarder(forwarding.read_target(sink.url), webhooks.new_secret())
        done = await asyncio.to_thread(forwarder.forward, "1", b"{}")
        forwarder.close()
    assert done.status is None
    assert done.error is not None


async def test_no_proxy_and_no_redirect_carries_it_elsewhere() -> None:
    async with listening() as sink, listening() as elsewhere:
        sink.answer = status(307, f"Location: {elsewhere.url}")
        environment = {"http_proxy": elsewhere.url, "ALL_PROXY": elsewhere.url}
        target = forwarding.read_target(sink.url)
        forwarder = forwarding.Forwarder(target, webhooks.new_secret(), environment=environment)
        done = await asyncio.to_thread(forwarder.forward, "1", b"{}")
        forwarder.close()
        assert (done.status, len(sink.calls), elsewhere.calls) == (307, 1, [])


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:9000", True),
        ("https://[::1]:9000/hook", True),
        ("http://localhost:9000/a?b=c", True),
        ("http://api.localhost.", True),
        ("http://0.0.0.0:9000", False),
        ("http://10.0.0.1", False),
        ("http://169.254.169.254/", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://2130706433", False),
    ],
)
async def test_only_this_machine_is_called_unless_asked(url: str, here: bool) -> None:
    assert forwarding.is_here(forwarding.read_target(url)) == here
    if not here:
        ended = CliRunner().invoke(app, ["listen", "--forward", url])
        assert ended.exit_code == ExitCode.WRONG_USAGE
        assert "--anywhere" in ended.output


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9000", "ftp://127.0.0.1", "http://0177.0.0.1", "http://a:b@127.0.0.1"]
)
def test_what_is_no_url_is_wrong_usage(url: str) -> None:
    assert CliRunner().invoke(app, ["listen", "--forward", url]).exit_code == ExitCode.WRONG_USAGE


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%", "abc", "whsec_c2hvcnQ="])
def test_what_is_no_secret_is_wrong_usage(secret: str) -> None:
    ended = CliRunner().invoke(app, ["listen", "--forward", URL, "--secret", secret])
    assert ended.exit_code == ExitCode.WRONG_USAGE
    assert "--secret" in ended.output


async def _follows(world: World) -> None:
    """Until somebody follows the log."""

    async def follows() -> bool:
        return bool(world.app.state.event_streams._by_name)

    await until(follows)
