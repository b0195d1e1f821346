"""A process's steps on DBOS: one transaction with its checkpoint, or an effect that is retried."""

import asyncio
import functools
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import asyncpg
from dbos import DBOS, Serializer, StepOptions
from dbos._datasource import DatasourceOptions
from dbos._datasource_postgres import PostgresAsyncDatasource
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from dml.core import metrics, tracing
from dml.core.context import SYSTEM, Context
from dml.core.db import PATIENCE
from dml.core.errors import DmlError, all_refusals
from dml.core.processes import StepFailed, Steps
from dml.core.sqlstates import AWAY, CANCELLED, CONTENDED, IDLED, SHORT, is_one_of

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

SCHEMA: Final = "dbos"
_PAUSES_SECONDS: Final = (1.0, 4.0)  # Between the tries of a `call`.
_SLOW_TRIES: Final = 5  # Of a statement that PostgreSQL cancels because it takes too long.
_TRANSIENT: Final = (*CONTENDED, IDLED, SHORT, *AWAY)


class Json(Serializer):
    """Checkpoints as JSON that people can read: a value, a refusal by its code, or a failure."""

    def name(self) -> str:
        return "dml_json"

    def serialize(self, data: Any) -> str:
        if isinstance(data, DmlError):
            kept = {"refusal": data.code, "facts": to_jsonable_python(data.facts, fallback=str)}
        elif isinstance(data, BaseException):
            kept = {"failure": str(data)}
        else:
            kept = {"value": data}
        return json.dumps(kept)

    def deserialize(self, serialized_data: str) -> Any:
        kept = json.loads(serialized_data)
        if "refusal" in kept:
            known = {refusal.code: refusal for refusal in all_refusals()}
            if kept["refusal"] in known:
                return known[kept["refusal"]](**kept["facts"])
            return StepFailed(f"{kept['refusal']}, a refusal that is no longer known")
        return StepFailed(kept["failure"]) if "failure" in kept else kept["value"]


def is_transient(error: BaseException) -> bool:
    """Whether PostgreSQL may well do later what it did not do now."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_transient(cast(BaseException, error.orig))
    if isinstance(error, OSError):  # Refused, reset, timed out: there is nobody at that address.
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    return is_one_of(error, *_TRANSIENT)


def connect_patiently(database_url: str, *, connections: int) -> AsyncEngine:
    """Return an engine whose connections wait for a PostgreSQL that is away or recovering.

    DBOS would keep a refused connection as the result of the step that wanted it.
    """
    settings = {**PATIENCE, "application_name": "dml-processes"}

    async def open_one() -> asyncpg.Connection:
        while True:
            try:
                return await asyncpg.connect(database_url, timeout=5, server_settings=settings)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("PostgreSQL is away: %s", error)
            await asyncio.sleep(0.5)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=open_one,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60,
        pool_pre_ping=True,
        hide_parameters=True,  # As in `db.connect`.
    )


class Datasource(PostgresAsyncDatasource):
    """Where DBOS runs a transaction with its checkpoint: our engine, and our idea of bad luck."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(
            database_url="postgresql://",
            engine_kwargs={},
            engine=engine,
            schema=SCHEMA,
            serializer=Json(),
            sessionmaker=async_sessionmaker(expire_on_commit=False),
        )

    def _is_serialization_error(self, error: Exception) -> bool:
        return is_transient(error)  # DBOS's own knows the errors of psycopg alone.


class DurableSteps(Steps):
    """Steps whose results DBOS keeps."""

    def __init__(self, datasource: Datasource) -> None:
        self._datasource = datasource

    async def change(
        self,
        step: Callable[Concatenate[Context, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        name = _name(step)
        codec: TypeAdapter[R] = _codec(step)
        slow = 0

        async def transact() -> Any:
            nonlocal slow
            tx = self._datasource.sql_session()
            try:
                ctx = Context(tx, SYSTEM, (await tx.scalars(select(func.now()))).one())
                result = codec.dump_python(await step(ctx, *args, **kwargs), mode="json")
                await tx.flush()
            except DmlError as refusal:
                if not refusal.keeps_changes:
                    raise
                await tx.flush()
                return refusal
            except Exception as error:
                slow += is_one_of(error, CANCELLED)
                if is_transient(error) or 0 < slow < _SLOW_TRIES:
                    # Dressed so that DBOS tries again, also where it came from asyncpg itself.
                    log.warning("%s is tried again: %s", name, error)
                    raise _again(error) from error
                log.exception("%s failed", name)
                raise StepFailed(f"{name}: {error}") from error
            return result

        options = DatasourceOptions(name=name, isolation_level="READ COMMITTED")
        with _timed(name):
            return _read(codec, await self._datasource.run_tx_step_async(options, transact))

    async def call(
        self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        name = _name(function)
        codec: TypeAdapter[R] = _codec(function)

        async def attempt() -> Any:
            for pause in (*_PAUSES_SECONDS, None):
                try:
                    return codec.dump_python(await function(*args, **kwargs), mode="json")
                except DmlError:
                    raise
                except Exception as error:
                    if pause is None:
                        log.exception("%s failed", name)
                        raise StepFailed(f"{name}: {error}") from error
                    log.warning("%s is tried again: %s", name, error)
                await asyncio.sleep(pause)
            raise AssertionError("the last try returns or raises")

        with _timed(name):
            return _read(codec, await DBOS.run_step_async(StepOptions(name=name), attempt))


@contextmanager
def _timed(name: str) -> Iterator[None]:
    """Time a step; one that answers from its checkpoint, too, which takes a millisecond."""
    began, outcome = time.perf_counter(), "failed"
    try:
        with tracing.span(f"step {name}"):
            yield
        outcome = "ok"
    except DmlError:
        outcome = "refused"
        raise
    finally:
        metrics.STEP_SECONDS.observe(time.perf_counter() - began, name, outcome)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


@functools.lru_cache(maxsize=512)
def _codec(function: Callable[..., Awaitable[R]]) -> TypeAdapter[R]:
    """Return what writes and reads a step's results, so that a replay gives the very same types."""
    annotation = inspect.signature(function, eval_str=True).return_annotation
    return TypeAdapter(Any if annotation is inspect.Signature.empty else annotation)


def _read(codec: TypeAdapter[R], outcome: Any) -> R:
    if isinstance(outcome, DmlError | StepFailed):
        raise outcome
    return codec.validate_python(outcome)


def _again(error: Exception) -> DBAPIError:
    return DBAPIError(None, None, error, connection_invalidated=True)
