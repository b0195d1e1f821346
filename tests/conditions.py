"""Compares a question about a row in Python with the condition that asks the same in SQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import configure_mappers

from dml.core.db import Base

Model = TypeVar("Model", bound=Base)


def instance(model: type[Model], row: Mapping[str, Any]) -> Model:
    """Make a row that holds only what a question looks at."""
    configure_mappers()
    made: Model = model.__mapper__.class_manager.new_instance()
    for name, value in row.items():
        setattr(made, name, value)
    return made


async def compare(
    tx: AsyncSession,
    model: type[Model],
    ask: Callable[[Model], bool],
    condition: str,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Ask of each row in Python and of all in SQL. Neither may always say the same."""
    columns = model.__table__.columns
    names = list(rows[0])
    arrays = [
        bindparam(name, [row[name] for row in rows], type_=ARRAY(columns[name].type))
        for name in names
    ]
    placeholders = ", ".join(f":{name}" for name in names)
    rows_of = f"unnest({placeholders}) AS {model.__tablename__} ({', '.join(names)})"
    query = f"SELECT {condition} FROM {rows_of}"
    in_sql = list(await tx.scalars(text(query).bindparams(*arrays)))
    in_python = [ask(instance(model, row)) for row in rows]
    wrong = [
        (row, ours, its)
        for row, ours, its in zip(rows, in_python, in_sql, strict=True)
        if ours is not its
    ]
    assert wrong == []
    assert {True, False} == set(in_python)
