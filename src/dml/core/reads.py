"""Sessions that only read: each statement is sent by itself, without BEGIN and COMMIT around it.

Those are two of the four round trips of a short request. PostgreSQL's default isolation shows each
statement what was committed before it, in a transaction or not, so a read sees the same either way
(docs/decisions/0026).

What a read selects by columns, and `get`, goes from SQLAlchemy's compiler straight to the driver:
between the two are a session, a connection, a cursor and a switch of stacks, which take several
times what the statement takes (docs/decisions/0033).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ClauseElement,
    Dialect,
    Enum,
    Integer,
    IteratorResult,
    Result,
    Row,
    ScalarResult,
    Select,
    Text,
    TextClause,
    Uuid,
    bindparam,
    event,
    exc,
    inspect,
    select,
)
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache
from sqlalchemy.util.concurrency import await_, greenlet_spawn

_BEGINS: Final = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
# In a common table expression, or as a function that does more than answer.
_CHANGES: Final = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|NEXTVAL|SETVAL|PG_NOTIFY|PG_\w*ADVISORY\w*)\b",
    re.IGNORECASE,
)
_HOLDS: Final = (" FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE")
_KEPT: Final = 500  # Compiled statements of a process: as many as SQLAlchemy's engine keeps.


def make_reads(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Return sessions over the connections of `engine`. Whoever writes by one, or holds a row, or
    sends SQL that can't be told to do neither, gets an AssertionError before it is sent.
    """
    reads = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(reads.sync_engine, "before_cursor_execute", _require_read)
    road = _Road(engine)
    return async_sessionmaker(reads, class_=ReadSession, expire_on_commit=False, road=road)


class ReadSession(AsyncSession):
    """A session of `make_reads`. What `get` returns belongs to no session: nobody changes it.

    It becomes a session of SQLAlchemy's when something asks it for what only that can: a statement
    of mapped classes, say. From then on it holds a connection, and sends all by that: whoever has
    one must not wait for a second.
    """

    def __init__(self, bind: AsyncEngine, *, road: "_Road", **named: Any) -> None:
        self._road = road
        self._got: dict[tuple[type, Any], Any] = {}
        self._begin = partial(super().__init__, bind, **named)

    def __getattr__(self, name: str) -> Any:
        """Find what AsyncSession would have set when it was made, by making it now."""
        if name.startswith("__") or self._is_session:
            raise AttributeError(name)
        self._begin()
        return getattr(self, name)

    @property
    def _is_session(self) -> bool:
        return "sync_session" in self.__dict__

    async def __aexit__(self, *raised: Any) -> None:
        if self._is_session:
            await super().__aexit__(*raised)

    async def execute(self, statement: Any, params: Any = None, **named: Any) -> Result[Any]:
        if named or self._is_session or not _is_of_columns(statement):
            found: Result[Any] = await super().execute(statement, params, **named)
            return found
        return await self._road.fetch(statement, params or {})

    async def scalar(self, statement: Any, params: Any = None, **named: Any) -> Any:
        return (await self.execute(statement, params, **named)).scalar()

    async def scalars(self, statement: Any, params: Any = None, **named: Any) -> ScalarResult[Any]:
        return (await self.execute(statement, params, **named)).scalars()

    async def get(self, entity: Any, ident: Any, **named: Any) -> Any:
        """Return the row of this key, the same object each time. None: there is none."""
        row_of = _row_of(entity)
        if any(named.values()) or self._is_session or row_of is None:
            return await super().get(entity, ident, **named)
        if (entity, ident) not in self._got:
            found = (await self._road.fetch(row_of.query, {"key": ident})).one_or_none()
            self._got[entity, ident] = None if found is None else row_of.make(found)
        return self._got[entity, ident]


def _is_of_columns(statement: Any) -> bool:
    """Whether rows of plain columns are selected: a statement of tables, not of mapped classes."""
    return (
        isinstance(statement, Select)
        and not statement._propagate_attrs
        and not statement.get_execution_options()
    )


@dataclass(frozen=True, slots=True)
class _RowOf:
    """How the row of a mapped class is read, and made what a session would make of it."""

    query: Select[Any]
    mapper: Mapper[Any]

    def make(self, row: Row[*tuple[Any, ...]]) -> Any:
        made = self.mapper.class_manager.new_instance()
        made.__dict__.update(row._mapping)
        return made


@lru_cache
def _row_of(entity: type) -> _RowOf | None:
    """None where a row is not found by one column of one table."""
    mapper: Any = inspect(entity)
    if not isinstance(mapper, Mapper) or len(mapper.primary_key) != 1 or len(mapper.tables) != 1:
        return None
    (key,) = mapper.primary_key
    columns = [it.columns[0].label(it.key) for it in mapper.column_attrs]
    return _RowOf(select(*columns).where(key == bindparam("key", type_=key.type)), mapper)


class _Compiled(NamedTuple):
    """A statement in SQL, and the values that stand in it."""

    sql: SQLCompiler
    extracted: Sequence[BindParameter[Any]] | None
    collected: Mapping[str, Any] | None


class _Road:
    """From a statement to its rows, past SQLAlchemy's session and connection.

    The connection goes back at once, so that nobody who has one waits for another.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.sync_engine
        # By the statement itself: of one that is a constant, nothing is looked at again.
        self._known: WeakKeyDictionary[Select[Any], _Compiled] = WeakKeyDictionary()
        self._cache: LRUCache[Any, Any] = LRUCache(_KEPT)
        self._columns: WeakKeyDictionary[SQLCompiler, SimpleResultMetaData] = WeakKeyDictionary()

    async def fetch(self, statement: Select[Any], params: Mapping[str, Any]) -> Result[Any]:
        compiled = self._known.get(statement)
        if compiled is None:
            compiled = self._known[statement] = self._compile(statement, params)
        made = compiled.sql
        values = made.construct_params(
            params,
            extracted_parameters=compiled.extracted,
            escape_names=False,
            _collected_params=compiled.collected,
        )
        names: Sequence[str] = made.positiontup or ()
        sql = made.string
        processors: Mapping[str, Any] = made._bind_processors
        if made.post_compile_params:  # Of `IN`, with as many values as there are now.
            expanded = made._process_parameters_for_postcompile(values)
            sql, names = expanded.statement, expanded.positiontup or ()
            processors = {**processors, **expanded.processors}
        sent = [
            processors[name](values[name]) if name in processors else values[name] for name in names
        ]
        return await greenlet_spawn(self._send, made, sql, sent)

    def _compile(self, statement: Select[Any], params: Mapping[str, Any]) -> _Compiled:
        made, extracted, collected, _ = statement._compile_w_cache(
            self._engine.dialect, compiled_cache=self._cache, column_keys=sorted(params)
        )
        assert isinstance(made, SQLCompiler)
        return _Compiled(made, extracted, collected)

    def _send(self, made: SQLCompiler, sql: str, sent: Sequence[Any]) -> Result[Any]:
        borrowed = self._engine.pool.connect()
        driver: Any = borrowed.driver_connection
        try:
            columns = self._columns.get(made)
            if columns is None:
                columns = self._columns[made] = await_(self._look(made, sql, driver))
            rows = await_(driver.fetch(sql, *sent))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            if driver.is_closed():
                raise exc.OperationalError(sql, None, error, connection_invalidated=True) from error
            raise
        finally:
            borrowed.close()
        return IteratorResult(columns, iter(rows))

    async def _look(
        self, made: SQLCompiler, sql: str, driver: "asyncpg.Connection[Any]"
    ) -> SimpleResultMetaData:
        """Check that it reads, and learn of PostgreSQL of what type its columns are. Once each."""
        _require_held_nothing(sql)
        attributes = (await driver.prepare(sql)).get_attributes()
        columns = made._result_columns
        assert len(columns) == len(attributes), sql
        return SimpleResultMetaData(
            [it.keyname for it in columns],
            extra=[it.objects for it in columns],
            _processors=[
                _processor(it.type, self._engine.dialect, attribute.type.oid)
                for it, attribute in zip(columns, attributes, strict=True)
            ],
        )


def _processor(type_: Any, dialect: Dialect, oid: int) -> Any:
    """Return what makes of the driver's value what SQLAlchemy's type makes of it.

    Of the enums and lists here it is the same, in the time of a look into a dictionary or none.
    """
    if isinstance(type_, ARRAY) and type(type_.item_type) in (Text, Uuid, Integer, BigInteger):
        return None
    if isinstance(type_, Enum) and type_.enum_class is not None:
        members: dict[Any, Any] = {it.value: it for it in type_.enum_class}
        return (members | {None: None}).__getitem__
    return type_._cached_result_processor(dialect, oid)


def _require_read(_: Any, __: Any, sql: str, ___: Any, context: Any, ____: bool) -> None:
    statement = context.compiled.statement if context.compiled is not None else None
    is_select = statement is not None and (statement.is_select or _reads_by_its_text(statement))
    assert is_select, f"a read sends {sql[:100]!r}"
    _require_held_nothing(sql)


def _require_held_nothing(sql: str) -> None:
    assert not any(it in sql for it in _HOLDS), f"a read holds rows: {sql[:100]!r}"


def _reads_by_its_text(statement: ClauseElement) -> bool:
    """Whether SQL that was written by hand begins as a read, and names nothing that changes."""
    return isinstance(statement, TextClause) and _is_read(statement.text)


@lru_cache(maxsize=1_000)
def _is_read(sql: str) -> bool:
    return _BEGINS.match(sql) is not None and _CHANGES.search(sql) is None
