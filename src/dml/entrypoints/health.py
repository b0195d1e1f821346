"""Whether this process lives, whether it can serve, and what signs its tokens."""

import asyncio
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from dml.core import nodes
from dml.core.db import SCHEMA_REVISION
from dml.core.errors import NotFound, all_refusals
from dml.core.wire import Wire
from dml.edge.http import Parts, Server
from dml.edge.problems import refusals, status_of

router = APIRouter(tags=["health"])


class LiveOut(Wire):
    alive: Literal[True] = True


class ReadyOut(Wire):
    ready: bool
    database: str = Field(examples=["ok"])
    valkey: str = Field(description="Without it nobody is limited; all else works.")
    worker: str = Field(description="Without it nothing is checked, folded or ended.")
    sandbox: str = Field(description="Where it does not hold, no model is evaluated.")


class ProblemOut(Wire):
    code: str
    status: int
    title: str = Field(description="What is wrong.")
    detail: str = Field(description="What to do about it.")


class NoSuchProblem(NotFound):
    code = "entrypoints.no_such_problem"
    reason = "No problem has this code."
    remedy = "Take the `type` of a problem document."


@router.get("/healthz")
async def is_alive() -> LiveOut:
    """This process answers. Restart it when it does not."""
    return LiveOut()


@router.get("/readyz")
async def is_ready(server: Server, response: Response) -> ReadyOut:
    """Whether requests can be served: `200` or `503`. The rest says what is amiss."""
    ready = await asyncio.wait_for(_look(server), timeout=5)
    response.status_code = HTTPStatus.OK if ready.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return ready


async def _look(server: Parts) -> ReadyOut:
    valkey, unknown = "ok", "unknown"
    try:
        await server.redis.ping()
    except (RedisError, OSError):
        valkey = "away"
    try:
        async with server.sessions() as tx:
            revision = await tx.scalar(text("SELECT version_num FROM alembic_version"))
            workers = await nodes.alive(tx, "worker")
    except ProgrammingError:
        database = "has not our tables: dml migrate"
        return ReadyOut(
            ready=False, database=database, valkey=valkey, worker=unknown, sandbox=unknown
        )
    except (SQLAlchemyError, OSError, TimeoutError):
        return ReadyOut(
            ready=False, database="away", valkey=valkey, worker=unknown, sandbox=unknown
        )
    return ReadyOut(
        ready=revision == SCHEMA_REVISION,
        database="ok"
        if revision == SCHEMA_REVISION
        else f"at revision {revision}, not {SCHEMA_REVISION}: dml migrate",
        valkey=valkey,
        worker="ok" if workers else "none was seen in the last ten seconds",
        sandbox=next((str(it.facts.get("sandbox")) for it in workers), "unknown"),
    )


@router.get("/.well-known/jwks.json")
async def get_keys(server: Server) -> dict[str, Any]:
    """The public keys that tokens are signed with (RFC 7517)."""
    return server.keys.public()


@router.get("/problems/{code}", responses=refusals(NoSuchProblem))
async def explain(code: str) -> ProblemOut:
    """What a problem document's `type` points at."""
    for refusal in all_refusals():
        if refusal.code == code:
            return ProblemOut(
                code=code,
                status=status_of(refusal),
                title=refusal.reason,
                detail=refusal.remedy,
            )
    raise NoSuchProblem
