"""Whether this process lives, whether it can serve, and what signs its tokens."""

import asyncio
import contextlib
import hmac
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import Field
from redis.exceptions import RedisError
from sqlalchemy import text as sql
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain import queries
from dml.chain.rules import NotConnected
from dml.core import metrics, nodes
from dml.core.db import SCHEMA_REVISION
from dml.core.key_file import PUBLISHED_SECONDS
from dml.core.settings import Settings
from dml.core.wire import Wire
from dml.edge.http import Credentials, Parts, Server, address_of
from dml.entrypoints import fitness, wiring
from dml.entrypoints.fitness import Needs
from dml.release import release

router = APIRouter()
_STATUSES: Final = {True: HTTPStatus.OK, False: HTTPStatus.SERVICE_UNAVAILABLE}
UNKNOWN: Final = "unknown"


class HealthOut(Wire):
    alive: Literal[True] = Field(True, description="This process answers.")
    release: str = Field(
        default_factory=release, examples=["0.1.0"], description="The release that it runs."
    )


class ReadinessOut(Wire):
    """Whether requests can be served, and how each part that is needed for it does."""

    ready: bool = Field(description="Whether this process can serve requests.")
    database: str = Field(
        examples=["ok"], description="PostgreSQL: `ok`, or what is wrong with it."
    )
    valkey: str = Field(
        description="Valkey or Redis: `ok` or `away`. Without it, rates are not limited; all else "
        "works."
    )
    worker: str = Field(
        description="The processes that work in the background: `ok`, or what is wrong. Without "
        "one, nothing is ready."
    )
    sandbox: str = Field(
        description="How well the workers isolate strangers' models: where they cannot, no "
        "submitted model is run."
    )
    chain: str = Field(
        description="The chain: `ok`, or what is wrong. While it is not `ok`, deposits are not "
        "credited or withdrawals are not paid."
    )


@router.get("/healthz", operation_id="health.get")
async def is_alive() -> HealthOut:
    """Check that the process is alive.

    For anybody. If there is no answer, restart the process.
    """
    return HealthOut()


@router.get("/readyz", operation_id="health.get_readiness")
async def is_ready(server: Server, response: Response) -> ReadinessOut:
    """Check that requests can be served.

    For anybody. It answers `200` if this process can serve requests, and else `503`; the body says
    how each part does.
    """
    async with asyncio.timeout(5):
        ready = await _look(server)
    response.status_code = _STATUSES[ready.ready]
    return ready


async def _look(server: Parts) -> ReadinessOut:
    valkey = "ok"
    try:
        await server.redis.ping()
    except (RedisError, OSError):
        valkey = "away"
    try:
        async with server.sessions() as tx:
            fault = await _find_fault(tx)
            revision = await tx.scalar(sql("SELECT version_num FROM alembic_version"))
            workers = await nodes.at_work(tx)
            chain = await look_at_chain(tx, server.settings)
    except ProgrammingError:
        database = "has not our tables: dml migrate"
        return _without_database(database, valkey)
    except (SQLAlchemyError, OSError, TimeoutError):
        return _without_database("away", valkey)
    # Tables of the next release are ours, too, and more: while it is rolled out, and where it goes
    # back, we serve on them (`tests/kill/test_upgrade.py`).
    if revision is None or revision < SCHEMA_REVISION:
        fault = fault or f"at revision {revision}, not {SCHEMA_REVISION}: dml migrate"
    return ReadinessOut(
        ready=fault is None and bool(workers),
        database=fault or "ok",
        valkey=valkey,
        worker="ok" if workers else "none is at work",
        sandbox=next((str(it.facts.get("sandbox")) for it in workers), UNKNOWN),
        chain=chain,
    )


async def _find_fault(tx: AsyncSession) -> str | None:
    """Say why we cannot work with this server, should another one have come in its place."""
    row = (await tx.execute(sql(fitness.ASK))).one()
    return fitness.fault_of(fitness.DatabaseFacts(*row), Needs.WORK)


def _without_database(database: str, valkey: str) -> ReadinessOut:
    return ReadinessOut(
        ready=False,
        database=database,
        valkey=valkey,
        worker=UNKNOWN,
        sandbox=UNKNOWN,
        chain=UNKNOWN,
    )


async def look_at_chain(tx: AsyncSession, settings: Settings) -> str:
    """How it goes on the chain, in words that strangers may read."""
    if settings.chain_url is None:
        return "none is set"
    if not any(it.facts.get("works") for it in await nodes.alive(tx, "chain")):
        return "no process that reads it was seen in the last ten seconds"
    try:
        vault = await queries.get_current_vault(tx)
    except NotConnected:
        return "the vault was not reached yet"
    if vault.halted_at is not None:
        return "halted: a final block has changed"
    if vault.reading_error is not None:
        return "it cannot be read: see `dml chain status`"
    if vault.difference is not None:
        return "it differs from the books, so that nothing is paid out: see `dml doctor`"
    if vault.paying_error is not None:
        return "nothing is paid out: see `dml chain status`"
    return "ok"


@router.get("/metrics", include_in_schema=False)
async def show_metrics(
    request: Request, server: Server, credentials: Credentials
) -> PlainTextResponse:
    """What all processes of this machine have counted, for Prometheus."""
    _require_may_measure(request, server, credentials)
    folder = wiring.metrics_folder(server.settings)
    metrics.write(folder, "api")  # What the others have is at most a second old.
    text = metrics.render(folder)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _require_may_measure(request: Request, server: Parts, credentials: Credentials) -> None:
    """Refuse who neither asks on this machine nor has the token that is set for that."""
    with contextlib.suppress(ValueError):
        if ip_address(address_of(request) or "127.0.0.1").is_loopback:
            return
    token = server.settings.metrics_token
    if token is not None and credentials is not None:
        sent = credentials.credentials.encode()
        if hmac.compare_digest(sent, token.get_secret_value().encode()):
            return
    raise HTTPException(HTTPStatus.NOT_FOUND, "Not Found")


@router.get("/.well-known/jwks.json", operation_id="keys.list")
async def get_keys(server: Server, response: Response) -> dict[str, Any]:
    """List the public keys that tokens are signed with.

    For anybody: a JWK set (RFC 7517), with which others can check tokens of this marketplace. A key
    is listed ten minutes before it signs anything, so five may be gone by what was read.
    """
    response.headers["Cache-Control"] = f"public, max-age={PUBLISHED_SECONDS}"
    return server.keys.public(datetime.now(UTC))
