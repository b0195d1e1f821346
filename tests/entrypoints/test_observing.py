"""An API process that is watched: what arrives of its requests, and what never does."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2

from dml.core.settings import Settings
from dml.entrypoints.embedded import free_ports
from tests.receivers import attributes, hanging, receiving
from tests.world import World

CANARY = "a-canary-of-a-query"
START_SECONDS = 30
END_SECONDS = 10  # A server that hangs would hold it for 20 or 30.


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, log: Path, **variables: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run `dml server` over the database of the tests."""
    port = free_ports.lasting("127.0.0.1")
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = {
        "DML_DATABASE_URL": settings.database_url.get_secret_value(),
        "DML_REDIS_URL": settings.redis_url.get_secret_value(),
        "DML_HOME": str(settings.home),
        "DML_PORT": str(port),
        "DML_TRACE_SHARE": "1",
        **variables,
    }
    with log.open("wb") as file:
        command = (sys.executable, "-m", "dml.entrypoints.cli", "server")
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | environment, stderr=file
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient() as client, asyncio.timeout(START_SECONDS):
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    await client.get(f"{url}/healthz")
                    break
                await asyncio.sleep(0.1)
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def end(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), END_SECONDS) in (0, -signal.SIGTERM)


async def test_requests_arrive_as_spans_and_what_is_counted_as_metrics_without_any_query(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    person = await world.person("someone")
    log = tmp_path / "api.log"
    with receiving() as receiver:
        async with serving(settings, log, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as (url, api):
            headers = {"Authorization": f"Bearer {person.token}", "X-Request-ID": "mine-12345"}
            async with httpx2.AsyncClient(base_url=url) as client:
                answer = await client.get(f"/v1/algorithms?tag={CANARY}", headers=headers)
                callback = "/v1/sessions/openid/google/callback"
                await client.get(f"{callback}?code={CANARY}&state={CANARY}")
                await client.get("/v1/users/ada@example.org")
            await end(api)
        spans = {it.name: it for it in receiver.spans()}
        figures = receiver.figures()
    one = spans["GET /v1/algorithms"]
    told = attributes(one)
    assert told["http.route"] == "/v1/algorithms"
    assert told["http.response.status_code"] == answer.status_code
    assert "url.query" not in told
    assert "GET /healthz" not in spans
    lines = [json.loads(it) for it in log.read_text().splitlines() if it.startswith("{")]
    (line,) = (it for it in lines if it.get("request_id") == "mine-12345")
    assert line["trace_id"] == one.trace_id.hex()
    assert "dml_requests_total" in figures
    assert figures["dml_requests_total"].sum.is_monotonic
    assert figures["dml_request_seconds"].histogram.data_points
    for secret in (CANARY, "example.org", person.token):
        assert secret.encode() not in receiver.whole()
        assert secret not in log.read_text()


async def test_who_listens_and_hangs_holds_up_neither_requests_nor_the_end(
    settings: Settings, tmp_path: Path
) -> None:
    with hanging() as receiver:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "DML_SENTRY_DSN": receiver.dsn,
        }
        async with serving(settings, tmp_path / "api.log", **variables) as (url, api):
            async with httpx2.AsyncClient(base_url=url) as client:
                for _ in range(20):
                    assert (await client.get("/v1/algorithms")).status_code == 200
            await end(api)
