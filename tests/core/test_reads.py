"""What reads without a transaction sees what others commit, and can change nothing."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, literal, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dml.accounts.models import Gender, User
from dml.core.context import Role
from dml.core.db import connect, raw
from dml.core.ids import new_id
from dml.core.nodes import Node
from dml.core.reads import make_reads
from tests.world import make_user

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
        async with own_engine.connect() as other:  # Else it would have the connection of the read.
            pid = (await tx.execute(state)).one()[1]
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


async def test_what_goes_straight_to_the_driver_comes_back_as_a_session_has_it(
    own_engine: AsyncEngine,
) -> None:
    async with AsyncSession(own_engine, expire_on_commit=False) as writing:
        user = await make_user(writing, "ada")
        user.permitted_kinds, user.gender = ["photo", "sms"], Gender.FEMALE
        writing.add(Node(**NODE | {"facts": {"a": [1, 2.5, None]}}))
        await writing.commit()
        users, nodes = User.__table__.c, Node.__table__.c
        async with make_reads(own_engine)() as tx:
            got = await tx.get_one(User, user.id)
            assert await tx.get(User, user.id) is got
            assert await tx.get(User, new_id()) is None
            for it in users:
                assert getattr(got, it.key) == getattr(user, it.key)
                assert type(getattr(got, it.key)) is type(getattr(user, it.key))
            for query in (
                select(*users).where(users.role.in_([Role.MEMBER, Role.ADMIN])),
                select(nodes.facts, literal(1.5), literal("it").label("named")),
                select(users.gender, users.bio).where(users.id == user.id).limit(1),
            ):
                rows, theirs = (await tx.execute(query)).all(), (await writing.execute(query)).all()
                assert [*map(tuple, rows)] == [*map(tuple, theirs)]
                assert rows[0]._fields == theirs[0]._fields
            by_name = select(users.email).where(users.id == bindparam("whose"))
            assert await tx.scalar(by_name, {"whose": user.id}) == user.email
            assert await tx.scalar(by_name, {"whose": new_id()}) is None
            assert (await tx.scalars(select(users.role))).all() == [Role.MEMBER]


async def test_a_read_that_has_a_connection_waits_for_no_second_one(new_database: str) -> None:
    engine = connect(new_database, name="test", connections=1)
    columns = select(Node.__table__.c.name)
    async with asyncio.timeout(5), make_reads(engine)() as tx:
        for query in (columns, select(Node), columns):
            assert (await tx.execute(query)).all() == []
        assert await tx.get(Node, "none") is None
    await engine.dispose()


async def test_a_read_whose_connection_is_lost_says_so_and_the_next_has_another(
    own_engine: AsyncEngine,
) -> None:
    async with make_reads(own_engine)() as tx, own_engine.connect() as other:
        pid = await tx.scalar(select(func.pg_backend_pid()))
        waiting = asyncio.create_task(tx.execute(select(func.pg_sleep(60))))
        end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid")
        asleep = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%'")
        while await other.scalar(asleep) != 2:  # noqa: ASYNC110 - it finds itself as well
            await asyncio.sleep(0.01)
        await other.execute(end, {"pid": pid})
        with pytest.raises(DBAPIError) as lost:
            await waiting
        assert lost.value.connection_invalidated
        assert await tx.scalar(select(func.pg_backend_pid())) != pid


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
