"""The console as a person has it: a real browser, and a server that it reaches by a port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, Page, expect

from tests.agent.market import Market
from tests.bounties.browser import DESKTOP, FOLDER
from tests.world import PASSWORD, Person, World

HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
LONG: Final = "W" * 10_000
RIGHT_TO_LEFT: Final = "\u202eأي أرقام؟ \u2066digits\u2069"
PHONE: Final = (320, 640)
SECONDS: Final = 20
# What a browser says of an answer that is a refusal, or is cut off.
REFUSED: Final = "Failed to load resource"


class Console:
    """A tab of the console, what it asked for, and what the browser complained about."""

    def __init__(self, market: Market, page: Page) -> None:
        self.market, self.page = market, page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(SECONDS * 1_000)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def another(self) -> "Console":
        """Open another tab of the same browser."""
        tab = Console(self.market, await self.page.context.new_page())
        await tab.open()
        return tab

    async def open(self, path: str = "/") -> None:
        await self.page.goto(f"{self.market.url}/console#{path}")

    async def go(self, path: str) -> None:
        await self.page.evaluate("(path) => { location.hash = path }", path)

    async def sign_in(self, person: Person, password: str = PASSWORD) -> None:
        await self.page.get_by_label("E-mail").fill(person.email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def shows(self, heading: str) -> None:
        """Wait until this page is shown, and all that it asks for at first has come."""
        shown = self.page.get_by_role("heading", name=heading, level=1, exact=True)
        await expect(shown).to_be_visible()
        await expect(self.page.locator("[aria-busy]")).to_have_count(0)

    async def tell(self) -> str:
        return await self.page.locator("main").inner_text()

    async def overflow(self) -> int:
        """How many pixels wider than the window the page is."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        width: int = await self.page.evaluate(script)
        return width

    async def violations(self) -> list[str]:
        """What axe-core finds that keeps somebody from using the page, and where."""
        # In a world of its own: the page's policy lets no text become a script in the page's.
        session = await self.page.context.new_cdp_session(self.page)
        tree = await session.send("Page.getFrameTree")
        world = await session.send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]}
        )
        where = {"contextId": world["executionContextId"], "returnByValue": True}
        script = (FOLDER / "axe.min.js").read_text()
        await session.send("Runtime.evaluate", {"expression": f"{script}; 0", **where})
        run = {"expression": "axe.run()", "awaitPromise": True, **where}
        found = (await session.send("Runtime.evaluate", run))["result"]["value"]
        await session.detach()
        return [
            f"{it['id']}: {it['help']}, at {node['target']}"
            for it in found["violations"]
            for node in it["nodes"]
        ]


@asynccontextmanager
async def opened(
    browser: Browser,
    market: Market,
    path: str = "/",
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
) -> AsyncIterator[Console]:
    """Open the console in a browser of its own, in which nobody is signed in."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    console = Console(market, await context.new_page())
    await console.open(path)
    yield console
    await context.close()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Market]:
    market = Market(world)
    await market.open()
    yield market
    await market.close()
