"""Who still counts has one answer, in Python as in SQL."""

from itertools import product

from sqlalchemy import SQLColumnExpression
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties.models import Enrollment, EnrollmentState, Member
from tests.conditions import compare
from tests.conftest import NOW


def written(condition: SQLColumnExpression[bool]) -> str:
    return str(condition.compile(compile_kwargs={"literal_binds": True}))


async def test_an_entrant_competes_in_sql_as_in_python(tx: AsyncSession) -> None:
    rows = [{"state": state} for state in EnrollmentState]
    await compare(tx, Enrollment, lambda it: it.competes, written(Enrollment.competes), rows)


async def test_a_member_is_in_in_sql_as_in_python(tx: AsyncSession) -> None:
    moments = product((None, NOW), (None, NOW))
    rows = [{"agreed_at": agreed, "left_at": left} for agreed, left in moments]
    await compare(tx, Member, lambda it: it.is_in, written(Member.is_in), rows)
