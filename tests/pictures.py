"""The pictures of README, made from a run of the demo as anybody plays it: `make pictures`."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.bounties.browser import running_browser
from tests.guides.test_pictures import COUNTS

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURES: Final = ROOT / "docs" / "pictures"
DEMO: Final = (sys.executable, "-m", "demo")
WIDTH, HEIGHT = 1_000, 865  # Of the bounty's page: down to the end of its ranking.


async def photograph(page_url: str, file: Path) -> None:
    """Write a PNG of a page as a browser shows it."""
    async with running_browser() as browser:
        page = await browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light"
        )
        await page.goto(page_url)
        await page.screenshot(path=file)


def main() -> None:
    try:
        played = subprocess.run(
            [*DEMO, "--keep", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
        )
        told = json.loads(played.stdout.splitlines()[-1])
        shutil.copyfile(told["picture"], PICTURES / "demo.png")
        readme = ROOT / "README.md"
        counts = f"{told['items']} photos on {told['devices']} devices"
        readme.write_text(COUNTS.sub(counts, readme.read_text(), count=1))  # The caption.
        asyncio.run(photograph(told["bounty"]["page"], PICTURES / "bounty.png"))
    finally:
        subprocess.run([*DEMO, "--stop"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
