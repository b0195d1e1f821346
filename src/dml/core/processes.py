"""Durable processes: what must happen later, or in several steps, whoever is killed meanwhile.

A process is an async function under a versioned name. Whoever starts one does so inside a
transaction: it runs if, and only if, that commits. Workers run it (`core/engine.py`); this module
knows no engine, so that the API stays light (docs/decisions/0002).

After a crash a process runs again from the top, and each step that was done answers from its
checkpoint. So it must take the same steps in the same order each time, and decide by nothing but
its arguments and their results. A changed process gets a new version beside the old one, which
stays until no row names it any more; a step keeps the name of its function for as long.
"""

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy import text

from dml.core import tracing
from dml.core.context import Context

P = ParamSpec("P")
R = TypeVar("R")

QUEUE: Final = "processes"
# For what runs in a sandbox, which takes long: queues apart, so that none holds up another.
# In the first three each piece is cut off soon, and waits with its like where it needs more.
CHECKS: Final = "checks"  # Of models and test sets.
VALIDATIONS: Final = "validations"  # Of submissions.
SCORES: Final = "scores"
LONG_CHECKS: Final = "long_checks"  # Of models that were cut off.
LONG_EVALUATIONS: Final = "long_evaluations"  # Of test sets and submissions that were.
RANKINGS: Final = "rankings"
SLOW_QUEUE: Final = "slow_processes"  # Where all of these waited once: for rows from then.
CHANNEL: Final = "dml_processes"  # Where PostgreSQL tells in which queue something waits.
_NAME: Final = re.compile(r"[a-z]\w*(\.[a-z]\w*)*\.v[1-9]\d*")

# Adds a row, ready to run or DELAYED, unless one with this id was ever added. Where it is ready,
# workers hear of it when it commits.
_ENQUEUE: Final = text("""
    SELECT CASE WHEN CAST(:due AS timestamptz) IS NULL THEN pg_notify(:channel, :queue) END,
    dbos.enqueue_workflow(
        workflow_name => :name,
        queue_name => :queue,
        positional_args => ARRAY(SELECT json_array_elements(CAST(CAST(:args AS text) AS json))),
        named_args => CAST(CAST(:kwargs AS text) AS json),
        workflow_id => :process_id,
        priority => CAST(:priority AS int),
        delay_until_epoch_ms =>
            CAST(ceil(extract(epoch FROM CAST(:due AS timestamptz)) * 1000) AS bigint)
    )
""")

# Moves a row that still waits for its time. The engine can do so too, but not in our transaction.
_RESCHEDULE: Final = text("""
    UPDATE dbos.workflow_status
    SET delay_until_epoch_ms =
            CAST(ceil(extract(epoch FROM CAST(:due AS timestamptz)) * 1000) AS bigint),
        updated_at = CAST(extract(epoch FROM now()) * 1000 AS bigint)
    WHERE workflow_uuid = :process_id AND status = 'DELAYED'
    RETURNING workflow_uuid
""")

# Withdraws a row that still waits for its time.
_CANCEL: Final = text("""
    UPDATE dbos.workflow_status
    SET status = 'CANCELLED', owner_xid = NULL, queue_name = NULL, deduplication_id = NULL,
        started_at_epoch_ms = NULL,
        updated_at = CAST(extract(epoch FROM now()) * 1000 AS bigint),
        completed_at = CAST(extract(epoch FROM now()) * 1000 AS bigint)
    WHERE workflow_uuid = :process_id AND status = 'DELAYED'
    RETURNING workflow_uuid
""")

# Says of a row whose trace it goes on with. DBOS keeps attributes for its users, and reads none.
_KEEP_TRACE: Final = text("""
    UPDATE dbos.workflow_status
    SET attributes = jsonb_build_object('traceparent', CAST(:traceparent AS text))
    WHERE workflow_uuid = :process_id AND attributes IS NULL
""")
TRACE_OF: Final = text("""
    SELECT attributes->>'traceparent' FROM dbos.workflow_status WHERE workflow_uuid = :process_id
""")


# Whether a row waits: for its time, or for a worker.
_IS_WAITING: Final = text("""
    SELECT 1 FROM dbos.workflow_status
    WHERE workflow_uuid = :process_id AND status IN ('DELAYED', 'ENQUEUED')
""")

# A queue takes the least number first, of equal ones the oldest; 0 is what has none.
_TURNS_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TURN_LAST: Final = 2**31 - 1


class StepFailed(Exception):
    """A step failed, and not by a refusal. The log has the cause; a process may tidy up and end."""


class Steps(Protocol):
    """What a process may do. All that it reads and changes, it does by these two."""

    async def change(
        self,
        step: Callable[Concatenate[Context, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run `step(ctx, …)` in one READ COMMITTED transaction together with its checkpoint.

        What it changes happens exactly once, whoever is killed when. The actor is SYSTEM, `now`
        the database's clock. Deadlocks and a PostgreSQL that is away are waited out. A refusal is
        kept like a result and raised here; any other error is logged, and StepFailed is raised.
        The result must be what pydantic can write as JSON and read back by the step's return
        annotation: no rows.
        """

    async def call(
        self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run an effect outside the database and keep its result, which is as in `change`.

        It is tried three times, seconds apart, before it has failed (a refusal once), and may run
        twice even when it succeeds: it must be idempotent.
        """


Body: TypeAlias = Callable[Concatenate[Steps, P], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Process(Generic[P]):
    """A name that rows keep, the function that it means, and the queue where it waits."""

    name: str
    function: Body[P]
    queue: str = QUEUE


_processes: Final[dict[str, Process[Any]]] = {}


def process(name: str, *, queue: str = QUEUE) -> Callable[[Body[P]], Process[P]]:
    """Register a process under a versioned name, such as `jobs.settle.v1`, that nothing else has.

    Arguments are annotated with what pydantic can read back from JSON: ids, amounts, text, dates.
    The text that it returns is kept as its outcome.
    """
    assert _NAME.fullmatch(name), f"{name} is no name with a version, such as jobs.settle.v1"

    def register(function: Body[P]) -> Process[P]:
        assert name not in _processes, f"two processes are called {name}"
        assert inspect.iscoroutinefunction(function), f"{name} is not an async function"
        made = _processes[name] = Process(name, function, queue)
        return made

    return register


def all_processes() -> list[Process[Any]]:
    """Return every process that was imported, by its name."""
    return [_processes[name] for name in sorted(_processes)]


async def start(
    ctx: Context, process_id: str, process: Process[P], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Let a worker run this process soon, once `ctx.tx` has committed.

    The same id twice is once, for as long as the finished process is kept (days): the first wins.
    """
    await _enqueue(ctx, process_id, process, (args, kwargs))


async def in_turn(
    ctx: Context,
    turn: datetime,
    process_id: str,
    process: Process[P],
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """As `start`, but where others wait in its queue the one with the earliest turn is first.

    To the second. What was started without a turn comes before all that have one.
    """
    await _enqueue(ctx, process_id, process, (args, kwargs), turn=turn)


async def is_waiting(ctx: Context, process_id: str) -> bool:
    """Whether no worker has begun with this process yet."""
    return (await ctx.tx.execute(_IS_WAITING, {"process_id": process_id})).first() is not None


async def at(
    ctx: Context,
    when: datetime,
    process_id: str,
    process: Process[P],
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """Let a worker run this process at a moment, once `ctx.tx` has committed, and never before it.

    A waiting process is a row and costs nothing else. The row is an alarm and not the truth: it may
    go off just before it is moved, so its first step looks at what it is about, under a lock.
    The same id twice is once, as in `start`.
    """
    await _enqueue(ctx, process_id, process, (args, kwargs), due=when)


async def reschedule(ctx: Context, process_id: str, when: datetime) -> bool:
    """Move a process that waits for its time. False where it went off already, or never was."""
    values = {"process_id": process_id, "due": when}
    return (await ctx.tx.execute(_RESCHEDULE, values)).first() is not None


async def cancel(ctx: Context, process_id: str) -> bool:
    """Withdraw a process that waits for its time. False where it went off already, or never was.

    Its id is used up: a later `at` with the same id does nothing.
    """
    return (await ctx.tx.execute(_CANCEL, {"process_id": process_id})).first() is not None


async def _enqueue(
    ctx: Context,
    process_id: str,
    process: Process[Any],
    arguments: tuple[Sequence[object], Mapping[str, object]],
    *,
    due: datetime | None = None,
    turn: datetime | None = None,
) -> None:
    args, kwargs = arguments
    values = {
        "channel": CHANNEL,
        "name": process.name,
        "queue": process.queue,
        "process_id": process_id,
        "args": json.dumps(to_jsonable_python(args)),
        "kwargs": json.dumps(to_jsonable_python(kwargs)),
        "due": due,
        "priority": None if turn is None else _priority(turn),
    }
    await ctx.tx.execute(_ENQUEUE, values)
    if (traceparent := tracing.traceparent()) is not None:
        kept = {"process_id": process_id, "traceparent": traceparent}
        await ctx.tx.execute(_KEEP_TRACE, kept)


def _priority(turn: datetime) -> int:
    seconds = int((turn - _TURNS_BEGIN).total_seconds())
    return max(1, min(seconds, _TURN_LAST))


def read_arguments(
    process: Process[Any], args: Sequence[object], kwargs: Mapping[str, object]
) -> inspect.BoundArguments:
    """Return what a row holds as the function's own types; ValidationError if it does not fit."""
    signature = inspect.signature(process.function, eval_str=True)
    bound = signature.bind(None, *args, **kwargs)
    for name, parameter in list(signature.parameters.items())[1:]:
        if name in bound.arguments and parameter.annotation is not parameter.empty:
            adapter = TypeAdapter[Any](parameter.annotation)
            bound.arguments[name] = adapter.validate_python(bound.arguments[name])
    return bound
