"""What the console's first load and a live answer cost a browser.

The files are those that `/console` serves, with their policy; the API's answers are played, as it
is the browser that is measured: an answer of a thousand labels and 24 months that grows on and on.
"""

import asyncio
import gzip
import json
import re
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, CDPSession
from starlette.responses import StreamingResponse

from benchmarks.figures import Figure, absolute, only_told
from dml.entrypoints import shipped
from dml.entrypoints.console import serve_console
from dml.entrypoints.embedded import free_ports
from tests.bounties.browser import running_browser

LABELS: Final = 1_000
MONTHS: Final = 24
STEPS: Final = 8
STEP_SECONDS: Final = 1.0
SLOWED: Final = 4  # Times, as by a phone's processor.
JOB: Final = "01987c1e-0000-7000-8000-000000000001"
Say = Callable[[str], None]


def console(rounds: int, say: Say) -> list[Figure]:
    """Measure the first load, and a step of a large answer, each in a new browser."""
    folder = shipped.console()
    if folder is None:
        raise RuntimeError("run `make console`")
    say("the console: its first load, and an answer of a thousand labels that grows")
    loads, steps = asyncio.run(_measure(rounds))
    return [
        absolute("console_first_script_kb", first_bytes(folder, "js") / 1_000, "≤ 40", "kB"),
        only_told("console_first_style_kb", first_bytes(folder, "css") / 1_000, "kB"),
        only_told("console_interactive_ms", statistics.median(loads), "ms"),
        absolute("console_step_ms", statistics.median(steps), "≤ 50", "ms"),
    ]


def first_bytes(folder: Path, kind: str) -> int:
    """How many bytes of scripts or styles come, compressed, before a page's own."""
    page = (folder / "index.html").read_text()
    names = re.findall(rf'(?:src|href)="/console/assets/([^"]+\.{kind})"', page)
    return sum(len(gzip.compress((folder / "assets" / it).read_bytes())) for it in names)


async def _measure(rounds: int) -> tuple[list[float], list[float]]:
    loads, steps = list[float](), list[float]()
    async with _served() as url, running_browser() as browser:
        for _ in range(rounds):
            loads.append(await _load(browser, url))
            steps.append(await _step(browser, url))
    return loads, steps


async def _load(browser: Browser, url: str) -> float:
    """Milliseconds until who comes for the first time can type, on a slow processor."""
    page = await (await browser.new_context()).new_page()
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    await page.goto(f"{url}/console", wait_until="commit")
    await page.get_by_label("E-mail").fill("a")
    taken: float = await page.evaluate("performance.now()")
    await page.context.close()
    return taken


async def _step(browser: Browser, url: str) -> float:
    """Milliseconds of the page's own thread for one step of the answer, all that it does for it."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{url}/docs-of-nobody")
    await page.evaluate("localStorage.setItem('dml-signed-in', '1')")
    await page.goto(f"{url}/console#/jobs/{JOB}")
    await page.get_by_label("Label", exact=True).select_option(index=1)
    devtools = await page.context.new_cdp_session(page)
    # Processor time: what else runs on the machine does not count.
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    version = "document.querySelector('.facts dd').textContent"
    before, begun = await _busy(devtools), await page.evaluate(version)
    await page.wait_for_timeout(STEPS * STEP_SECONDS * 1_000)
    after, ended = await _busy(devtools), await page.evaluate(version)
    await page.context.close()
    return 1_000 * (after - before) / (_number(ended) - _number(begun))


def _number(shown: str) -> int:
    return int(shown.partition(" ")[0].replace(",", ""))


async def _busy(devtools: CDPSession) -> float:
    """Seconds that the page's thread has worked: scripts, styles, layout and painting."""
    told = (await devtools.send("Performance.getMetrics"))["metrics"]
    return next(float(it["value"]) for it in told if it["name"] == "TaskDuration")


@asynccontextmanager
async def _served() -> AsyncIterator[str]:
    """Serve the console, and play the part of the API that it asks."""
    port = free_ports.lasting("127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(_app(), port=port, log_config=None, access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    await task


def _app() -> FastAPI:
    app = FastAPI()
    serve_console(app)
    played = iter(range(1, 1_000_000))

    @app.post("/v1/sessions/browser/refresh")
    async def refresh() -> dict[str, Any]:
        return {"access_token": "a", "token_type": "Bearer", "expires_in": 600, "user_id": JOB}

    @app.get("/v1/users/me")
    async def me() -> dict[str, Any]:
        return {"id": JOB, "email": "ada@example.org", "role": "member", "first_name": None}

    @app.get("/v1/jobs/{job_id}")
    async def job() -> dict[str, Any]:
        return _job(next(played))

    @app.get("/v1/jobs/{job_id}/timeline")
    async def timeline() -> dict[str, Any]:
        return {"entries": [], "next": []}

    @app.get("/v1/jobs/{job_id}/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_stream(), media_type="text/event-stream")

    return app


async def _stream() -> AsyncIterator[str]:
    for version in range(1, 10_000):
        yield f"id: {version}\nevent: results\ndata: {json.dumps(_results(version))}\n\n"
        await asyncio.sleep(STEP_SECONDS)


def _job(devices: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        **{"id": JOB, "title": "Large", "state": "open", "algorithm_title": "A model"},
        **{"devices_done": devices, "max_devices": 1_000_000, "cost": "100", "spent": "1"},
        **{"deadline": now, "ended_at": None, "close_reason": None},
    }


def _results(version: int) -> dict[str, Any]:
    def number(value: int) -> dict[str, int]:
        return {"value": value, "low": max(0, value - 90), "high": value + 90}

    labels = {f"label {it}": version * (it * 7_919 % 1_009) for it in range(LABELS)}
    names = [f"{2024 + it // 12}-{it % 12 + 1:02}" for it in range(MONTHS)]
    ranges = {name: number(it) for name, it in labels.items()}
    return {
        **{"job_id": JOB, "state": "open", "version": version, "answers": "noisy"},
        **{"max_devices": 1_000_000, "min_owners": 5, "devices_done": version},
        **{"devices_shown": version, "items": sum(labels.values()), "labels": labels},
        **{"uncertain": version, "undated": 0, "other": None, "other_months": None},
        "months": [{"month": it, "labels": labels} for it in names],
        "next_step": {"devices": None, "reason": "More comes."},
        "epsilon": 1.0,
        "intervals": {
            **{"items": number(0), "uncertain": number(version), "undated": number(0)},
            **{"labels": ranges, "shares": {}, "other_months": {}},
            "months": [{"month": it, "labels": ranges} for it in names],
        },
    }
