"""`/algorithms` and the page of each, in a real browser: readable on a phone, and by everybody."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import pytest
from playwright.async_api import Browser
from typer.testing import CliRunner

from dml.algorithms.models import Algorithm, Version
from dml.core.context import Role
from dml.core.ids import VersionId
from dml.entrypoints.cli.main import app
from tests.agent.market import Market
from tests.algorithms.offers import approve, make_algorithm, upload
from tests.algorithms.test_search import lists, made_up, run
from tests.bounties.browser import DESKTOP, PHONE, opened, running_browser
from tests.jobs.factories import make_version
from tests.world import Person, World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")
HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e"
SMALL: Final = (320, 568)
CARD: Final = f"""# Digits\n\n{HOSTILE}\n\n#### Trained on

[MNIST](https://example.org/mnist), [a trap](javascript:alert(1)), ![a plot](https://spy.test/p.png)

| set | right |\n|--|--:|\n| test | 99 % |

    {"a" * 200}

{"> " * 15}deep

{"|".join("abcdefghijklmnopqrstuvwxyz")}\n{"|".join("-" * 26)}

{"x" * 2_000}
"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def hostile(world: World) -> tuple[str, Person]:
    """A listed model with texts that no page likes, some from before they were refused. Its id."""
    ada = await world.person("ada")
    version_id = await make_version(world, ada, labels=[f"{n} \u202e" for n in range(200)])
    async with world.parts.sessions.begin() as tx:
        version = await tx.get_one(Version, version_id)
        version.signature = {
            "inputs": [{"name": HOSTILE, "type": "float32", "shape": ["N", 3, 8, None]}],
            "outputs": [{"name": "x" * 60, "type": "float32", "shape": None}],
        }
        version.passport = {
            "operators": {f"Op{n}": n for n in range(20)},
            "parameters": 1_000_000,
            "download_bytes": 9,
            "peak_memory_bytes": 50 << 20,
            "milliseconds_for_one": 1.2345,
            "milliseconds_for_32": None,
            "runs_agree": True,
        }
        algorithm = await tx.get_one(Algorithm, version.algorithm_id)
        algorithm.title, algorithm.summary, algorithm.model_card = HOSTILE, HOSTILE * 3, CARD
        algorithm.tags = [HOSTILE[:40], made_up(), "x" * 40]
    return str(algorithm.id), ada


async def slug_of(world: World, algorithm_id: str) -> str:
    slug: str = (await world.client.get(f"/v1/algorithms/{algorithm_id}")).json()["slug"]
    return slug


@pytest.mark.parametrize(
    ("size", "dark"),
    [(SMALL, False), (PHONE, True), (DESKTOP, False)],
    ids=["small", "phone", "desk"],
)
async def test_both_fit_any_screen_load_nothing_and_shut_nobody_out(
    world: World, browser: Browser, size: tuple[int, int], dark: bool
) -> None:
    algorithm_id, ada = await hostile(world)
    one = f"/algorithms/{await slug_of(world, algorithm_id)}"
    for path in (one, f"/algorithms?developer_id={ada.id}&q=", "/algorithms?q=zzzz&tag=none"):
        async with opened(browser, world, path, size=size, dark=dark) as seen:
            assert await seen.overflow() == 0, path
            assert seen.asked == [path]
            assert seen.complaints == []
            assert "DML Marketplace" in await seen.page.title()
            assert await seen.page.locator("script, img, iframe, link").count() == 0
            await seen.page.evaluate(
                "document.querySelectorAll('details').forEach(it => it.open = true)"
            )
            assert await seen.violations() == []
            if path == one:
                await check_page(seen.page)


async def check_page(page: Any) -> None:
    """What the page of the hostile one says."""
    told = await page.inner_text("body")
    assert "\u202e" not in told
    for it in (
        "<script>document.title",
        "a plot",
        "50.0 MiB",
        "1.23 ms",
        "more than 3 s",
        "N × 3 × 8 × any",
    ):
        assert it in told, it
    assert "19 Op19, 18 Op18" in told
    levels = [
        await it.evaluate("it => it.tagName")
        for it in await page.locator(".card :is(h3,h4,h5,h6)").all()
    ]
    assert levels == ["H3", "H4"]
    links = await page.locator(".card a").all()
    assert [await it.get_attribute("href") for it in links] == ["https://example.org/mnist"]


async def test_a_form_finds_a_model_and_leads_from_page_to_page(
    world: World, browser: Browser
) -> None:
    ada, word = await world.person("ada"), made_up()
    made = [await lists(world, ada, title=f"{word} {n}", tags=[word]) for n in range(21)]
    await run(world, made[3], 7)
    async with opened(browser, world, "/algorithms") as seen:
        page = seen.page
        await page.get_by_label("Words").fill(word)
        await page.get_by_label("Sorted by").select_option("Most run")
        await page.get_by_role("button", name="Search").click()
        rows = page.get_by_role("table").get_by_role("link", name=re.compile(f"^{word} "))
        assert await rows.count() == 20
        assert await rows.first.inner_text() == f"{word} 3"
        assert await page.get_by_label("Words").input_value() == word
        await page.get_by_role("link", name="Next page").click()
        assert await rows.count() == 1
        await rows.first.click()
        assert await page.locator("h1").inner_text() == f"{word} 0"
        await page.get_by_role("link", name=word, exact=True).click()
        assert await page.get_by_label("Tag").input_value() == word
        await page.evaluate("document.body.append(document.createElement('button'))")
        assert "button-name" in str(await seen.violations()), "it is looked for"
    wrong = await world.client.get(f"/algorithms?q={word[:5]}{word[6:]}")
    assert f"<bdi>{word}</bdi>" in wrong.text


async def test_an_old_address_leads_to_the_new_one_on_this_server(world: World) -> None:
    ada, word = await world.person("ada"), made_up()
    made = await lists(world, ada, title=f"{word} old")
    old = await slug_of(world, made)
    await ada.patch(f"/v1/algorithms/{made}", {"title": f"{word} new"})
    new = await slug_of(world, made)
    for path in (old, made):
        for host in ("test", "evil.test"):
            moved = await world.client.get(f"/algorithms/{path}", headers={"Host": host})
            assert (moved.status_code, moved.headers["location"]) == (308, f"/algorithms/{new}")
    found = await world.client.get(f"/algorithms/{new}", headers={"Host": "evil.test"})
    assert found.status_code == 200
    assert "evil.test" not in found.text
    again = await world.client.get(
        f"/algorithms/{new}", headers={"If-None-Match": found.headers["etag"], "Host": "evil.test"}
    )
    assert again.status_code == 304


async def test_what_is_not_on_offer_says_so_and_a_draft_is_nobodys_business(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada, title=made_up(), model_card="# Its card")
    draft = f"/algorithms/{(await ada.get(path)).json()['slug']}"
    html = {"Accept": "text/html"}
    unknown = await world.client.get(f"/algorithms/digits-{uuid4().hex[:12]}", headers=html)
    for answer in (unknown, await world.client.get(draft, headers=html)):
        assert answer.status_code == 404
        assert "algorithms.not_found" in answer.text
        assert answer.headers["content-type"].startswith("text/html")
    problem(await world.client.get(draft), 404, "algorithms.not_found")
    for person in (ada, mia):
        assert "Not on offer yet" in (await person.get(draft)).text

    await approve(world, ada, await upload(ada, path))
    assert "Its card" in (await world.client.get(draft)).text
    reason = {"reason": "a complaint"}
    for verb, status, told in (("suspend", 404, "Suspended"), ("archive", 410, "Archived")):
        await mia.post(f"{path}/{verb}", reason)
        stranger = await world.client.get(draft)
        assert stranger.status_code == status
        assert told in stranger.text
        assert "Its card" not in stranger.text
        whole = (await ada.get(draft)).text
        assert told in whole
        assert "Its card" in whole
        assert 'id="order"' not in whole
    archived = await make_algorithm(ada, title=made_up())
    await ada.post(f"{archived}/archive")
    gone = await world.client.get(f"/algorithms/{archived.rpartition('/')[2]}")
    problem(gone, 404, "algorithms.not_found")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("q=&tag=&sort=&after=&developer_id=", 200),
        ("q=%20&utm_source=a&utm_source=b", 200),
        ("sort=-relevance", 200),
        ("q=\"-(|:*!'", 200),
        ("q=a%00b", 422),
        ("q=" + "a" * 201, 422),
        ("q=%ff", 200),
        ("tag=" + "a" * 41, 422),
        ("sort=title", 422),
        ("after=abc", 422),
        ("developer_id=1", 422),
    ],
    ids=range(11),
)
async def test_whatever_stands_in_an_address_gets_a_page(
    world: World, asked: str, status: int
) -> None:
    answer = await world.client.get(f"/algorithms?{asked}", headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_cursor_is_of_the_same_order(world: World) -> None:
    ada, word = await world.person("ada"), made_up()
    for n in range(21):
        await lists(world, ada, title=f"{word} {n}", tags=[word])
    first = await world.client.get(f"/algorithms?tag={word}&sort=device_fee")
    (following,) = re.findall(r'href="(/algorithms\?[^"]+)" rel="next"', first.text)
    following = unescape(following)
    assert (await world.client.get(following)).status_code == 200
    other = following.replace("sort=device_fee", "sort=-runs")
    assert (await world.client.get(other)).status_code == 422


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_what_it_says_to_type_is_right(world: World, market: Market, tmp_path: Path) -> None:
    ada, customer = await world.person("ada"), await world.rich("customer", "10")
    version_id = VersionId(await make_version(world, ada))
    async with world.parts.sessions.begin() as tx:
        algorithm_id = (await tx.get_one(Version, version_id)).algorithm_id
    host = market.url.removeprefix("http://")
    with market.set(allowed_hosts=[host]):
        shown = await world.client.get(
            f"/algorithms/{await slug_of(world, str(algorithm_id))}", headers={"Host": host}
        )
    elsewhere = await world.client.get(shown.url.path, headers={"Host": "evil.test"})
    assert "curl $DML_SERVER/v1" in elsewhere.text
    assert "export" not in elsewhere.text
    typed, read = (
        unescape(re.findall(rf'<pre id="{it}">(.*?)</pre>', shown.text, re.S)[0])
        for it in ("order", "read")
    )
    export, *commands = typed.splitlines()
    assert export == f"export DML_SERVER={market.url}"
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": customer.token}
    for command in commands:
        name, *words = shlex.split(command)
        assert name == "dml"
        words += ["--yes"] if "create" in words else []  # Nobody is there to be asked.
        ended = await asyncio.to_thread(
            CliRunner().invoke, app, words, env=environment, catch_exceptions=False
        )
        assert ended.exit_code == 0, ended.output
    job = (await customer.get(f"/v1/jobs/{UUID(ended.stdout.split()[-1])}")).json()
    assert job["version_id"] == str(version_id)
    assert (await customer.post(f"/v1/jobs/{job['id']}/close")).status_code == 200
    curl, url = shlex.split(read)
    assert curl == "curl"
    found = await asyncio.to_thread(httpx2.get, url, trust_env=False)
    assert found.json()["id"] == str(algorithm_id)
