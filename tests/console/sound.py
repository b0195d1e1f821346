"""What is asked of every page of the console."""

from playwright.async_api import expect

from tests.bounties.browser import DESKTOP
from tests.console.browsing import PHONE, Console


async def is_sound(console: Console) -> None:
    """Check that everybody can use the page that is shown, on a phone, too."""
    await expect(console.page.locator("[aria-busy]")).to_have_count(0)
    assert await console.violations() == []
    await _resize(console, PHONE)
    try:
        assert await console.overflow() <= 0, await _widest(console)
    finally:
        await _resize(console, DESKTOP)
    assert await console.page.title() != "owned"


async def _resize(console: Console, size: tuple[int, int]) -> None:
    await console.page.set_viewport_size({"width": size[0], "height": size[1]})


async def _widest(console: Console) -> str:
    """The elements that are wider than the window, for who reads of a failure."""
    script = """[...document.querySelectorAll("main *")]
        .filter((it) => it.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map((it) => it.outerHTML.slice(0, 200)).join("\\n")"""
    told: str = await console.page.evaluate(script)
    return told
