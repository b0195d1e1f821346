"""`/graphql` in a real browser: its policy lets it work, offline, and it keeps no token."""

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from dml.edge.connection_limits import Limits
from tests.bounties.browser import opened, running_browser
from tests.edge.serving import serving
from tests.jobs.factories import make_job
from tests.world import World, problem


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def test_a_query_is_written_and_answered_in_the_browser(
    world: World, browser: Browser
) -> None:
    async with opened(browser, world, "/graphql") as seen:
        page = seen.page
        page.set_default_timeout(30_000)
        await page.wait_for_selector(".graphiql-execute-button")
        await page.click(".graphiql-execute-button")
        await page.wait_for_selector(".result-window :text('bounties')")
        assert all(it.startswith(("/", "data:")) for it in seen.asked), seen.asked
        assert seen.complaints == []
        policy = (await world.client.get("/graphql")).headers["Content-Security-Policy"]
        assert "unsafe" not in policy


async def test_a_subscription_is_followed_in_the_browser(world: World, browser: Browser) -> None:
    job = await make_job(world)
    headers = json.dumps({"Authorization": f"Bearer {job.customer.token}"})
    query = 'subscription { events(types: "job.paused") { type } }'
    async with serving(Limits(), world.app, sockets_at=b"/graphql") as running:
        page = await browser.new_page()
        complaints = list[str]()
        page.on("console", lambda it: complaints.append(it.text) if it.type == "error" else None)
        await page.goto(f"http://127.0.0.1:{running.port}/graphql")
        await page.wait_for_selector(".graphiql-execute-button")
        for editor, written in (
            (".graphiql-query-editor", query),
            ("[aria-label=Headers] .graphiql-editor:not(.hidden)", headers),
        ):
            await page.eval_on_selector(
                f"{editor} .CodeMirror", "(it, text) => it.CodeMirror.setValue(text)", written
            )
        streams = world.app.state.event_streams._streams
        for _ in range(10):  # It reads what is typed only when its typist rests for a moment.
            await page.click(".graphiql-execute-button")
            with contextlib.suppress(AssertionError):
                await running.until(lambda: bool(streams), seconds=2)
                break
        assert streams
        await job.customer.post(f"{job.path}/pause")
        await page.wait_for_selector(".result-window :text('job.paused')", timeout=20_000)
        assert complaints == []
        await page.close()


async def test_a_program_that_reads_it_is_told_how_to_ask(world: World) -> None:
    headers = {"Accept": "application/json"}
    answer = await world.client.get("/graphql", params={"query": "{ me { id } }"}, headers=headers)
    document = problem(answer, 406, "http.406")
    assert "POST" in document["detail"]
