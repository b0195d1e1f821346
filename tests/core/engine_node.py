"""A worker for tests: `python -m tests.core.engine_node URL` runs these processes until SIGTERM.

HUNG_SECONDS in the environment: how long another may stand still before it is taken for dead.
"""

import asyncio
import logging
import os
import signal
import sys
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from dml.core import events, processes
from dml.core.context import Context
from dml.core.db import raw
from dml.core.engine import Engine
from dml.core.engine_supervisor import HUNG_SECONDS
from dml.core.errors import Conflict
from dml.core.ids import JobId, new_id
from dml.core.processes import StepFailed, Steps, process

# No key: a posting made twice is to be seen, not refused.
TABLE: Final = text("CREATE TABLE trial_postings (account text, number int)")
_POST: Final = text("INSERT INTO trial_postings VALUES (:account, :number)")

tries: Final[dict[str, int]] = {}


class Exhausted(Conflict):
    code = "trial.exhausted"
    reason = "Nothing is left."
    remedy = "Come back later."
    left: int


class Noted(Conflict):
    code = "trial.noted"
    reason = "No, and that is written down."
    remedy = "Stop asking."
    keeps_changes = True


def tried(what: str) -> int:
    tries[what] = tries.get(what, 0) + 1
    return tries[what]


async def post(ctx: Context, account: str, number: int) -> None:
    await ctx.tx.execute(_POST, {"account": account, "number": number})


async def post_slowly(ctx: Context, account: str, number: int) -> None:
    await post(ctx, account, number)
    await asyncio.sleep(0.15)


async def begin(ctx: Context) -> JobId:
    assert ctx.actor.is_admin
    assert ctx.now.tzinfo is not None
    return JobId(new_id())


async def refuse(ctx: Context, account: str) -> None:
    await post(ctx, account, -1)
    raise Exhausted(left=3)


async def refuse_and_note(ctx: Context, account: str) -> None:
    await post(ctx, account, -2)
    raise Noted


@process("trial.post.v1")
async def post_all(steps: Steps, account: str, times: int) -> str:
    """What a step answered must look the same when it is read back after a crash."""
    assert isinstance(await steps.change(begin), UUID)
    left = None
    try:
        await steps.change(refuse, account)
    except Exhausted as refusal:
        left = refusal.facts["left"]
    assert left == 3
    for number in range(times):
        await steps.change(post_slowly, account, number)
    return "posted"


@process("trial.note.v1")
async def note(steps: Steps, account: str) -> str:
    try:
        await steps.change(refuse_and_note, account)
    except Noted:
        return "refused"
    return "never"


async def post_and_lose_the_connection(ctx: Context, account: str) -> None:
    await post(ctx, account, 1)
    if tried(account) == 1:
        await (await raw(ctx.tx)).execute("SELECT pg_terminate_backend(pg_backend_pid())")


@process("trial.unlucky.v1")
async def be_unlucky(steps: Steps, account: str) -> str:
    await steps.change(post_and_lose_the_connection, account)
    return f"after {tries[account]} tries"


async def lock_both(ctx: Context, first: str, second: str, account: str) -> None:
    for name in (first, second):
        await ctx.tx.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )
        await asyncio.sleep(0.3)
    await post(ctx, account, 1)


@process("trial.cross.v1")
async def cross(steps: Steps, first: str, second: str, account: str) -> None:
    await steps.change(lock_both, first, second, account)


async def post_and_break(ctx: Context, account: str) -> None:
    await post(ctx, account, 1)
    raise ZeroDivisionError(tried(account))


@process("trial.break.v1")
async def break_down(steps: Steps, account: str) -> str:
    try:
        await steps.change(post_and_break, account)
    except StepFailed:
        await steps.change(post, account, 2)
        return f"tidied up after {tries[account]} tries"
    return "never"


async def reach_out(account: str, luck_at: int) -> JobId:
    if tried(account) < luck_at:
        raise TimeoutError("the other side does not answer")
    return JobId(new_id())


@process("trial.call.v1")
async def call(steps: Steps, account: str, *, luck_at: int) -> str:
    try:
        assert isinstance(await steps.call(reach_out, account, luck_at), UUID)
    except StepFailed:
        return f"gave up after {tries[account]} tries"
    return f"reached after {tries[account]} tries"


@dataclass(frozen=True)
class NodeEvent(events.Event, kind="node"):
    job_id: JobId
    account: str


class NodeAccountOpened(NodeEvent, heard=True):
    """An account of the trial was opened."""


@events.on(NodeAccountOpened, name="trial.welcome.v1")
async def welcome(ctx: Context, event: NodeAccountOpened) -> None:
    assert isinstance(event.job_id, UUID)
    await post(ctx, event.account, 1)
    await processes.start(ctx, f"note:{event.account}", note, event.account)


async def main(database_url: str) -> None:
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    engine = Engine(database_url, hung_seconds=float(os.environ.get("HUNG_SECONDS", HUNG_SECONDS)))
    await engine.start()
    sys.stdout.write(engine.node + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await engine.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(sys.argv[1]))
