"""What reads without a transaction sees what others commit, and can change nothing."""

from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts.models import User
from dml.core.db import raw
from dml.core.nodes import Node
from dml.core.reads import make_reads

NODE: dict[str, Any] = {"name": "it", "kind": "worker", "seen_at": func.now(), "facts": {}}


async def test_a_read_is_one_statement_and_sees_what_was_committed_before_it(
    own_engine: AsyncEngine,
) -> None:
    reads = make_reads(own_engine)
    async with reads() as tx:
        assert await tx.scalar(select(func.count()).select_from(Node)) == 0
        async with own_engine.begin() as other:
            await other.execute(insert(Node).values(NODE))
        assert await tx.scalar(select(func.count()).select_from(Node)) == 1
        await tx.commit()
        state = select(func.pg_current_xact_id_if_assigned(), func.pg_backend_pid())
        pid = (await tx.execute(state)).one()[1]
        async with own_engine.connect() as other:
            told = text("SELECT state, query FROM pg_stat_activity WHERE pid = :pid")
            idle, last = (await other.execute(told, {"pid": pid})).one()
    assert idle == "idle"  # And not "idle in transaction".
    assert last.startswith("SELECT")


async def test_the_connection_of_a_read_begins_a_transaction_for_who_comes_next(
    own_engine: AsyncEngine,
) -> None:
    async with make_reads(own_engine)() as tx:
        pid = await tx.scalar(select(func.pg_backend_pid()))
    async with own_engine.connect() as connection:
        assert await connection.scalar(select(func.pg_backend_pid())) == pid
        await connection.execute(insert(Node).values(NODE))
    async with own_engine.connect() as connection:  # Nobody committed it.
        assert await connection.scalar(select(func.count()).select_from(Node)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        insert(Node).values(NODE),
        update(Node).values(kind="api"),
        text("DELETE FROM nodes"),
        text("WITH gone AS (DELETE FROM nodes RETURNING name) SELECT * FROM gone"),
        text("SELECT nextval('s')"),
        text("SELECT pg_try_advisory_xact_lock(1)"),
        text("SELECT * INTO others FROM nodes"),
        text("SELECT name FROM nodes FOR UPDATE"),
        text("SET statement_timeout = 1"),
        select(Node).with_for_update(),
        select(Node).with_for_update(read=True, key_share=True),
        select(User).where(User.email == "a").with_for_update(),
    ],
)
async def test_what_is_no_read_is_not_sent(own_engine: AsyncEngine, statement: object) -> None:
    async with make_reads(own_engine)() as tx:
        with pytest.raises(AssertionError, match="a read"):
            await tx.execute(statement)  # type: ignore[call-overload]  # Any of them.
    async with own_engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(Node)) == 0


async def test_sql_by_hand_may_read(own_engine: AsyncEngine) -> None:
    async with make_reads(own_engine)() as tx:
        for sql in ("SELECT 1", "\n  WITH one AS (SELECT 1 AS deleted) SELECT deleted FROM one"):
            assert await tx.scalar(text(sql)) == 1


async def test_rows_that_are_added_or_changed_are_not_sent(own_engine: AsyncEngine) -> None:
    async with make_reads(own_engine)() as tx:
        tx.add(Node(**NODE))
        with pytest.raises(AssertionError, match="a read sends 'INSERT"):
            await tx.commit()


async def test_what_goes_past_sqlalchemy_is_not_begun(own_engine: AsyncEngine) -> None:
    async with make_reads(own_engine)() as tx:
        with pytest.raises(AssertionError, match="a read sends nothing"):
            await raw(tx)
