"""Nobody learns from an answer, or from its time, whether an address has an account."""

import math
import time
from collections.abc import Sequence
from typing import Any, Final

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.accounts.recovery.mailbox import letters, somebody, work
from tests.world import World

ASKED: Final[dict[str, dict[str, Any]]] = {
    "sign-ups": {},
    "password-resets": {},
    "authenticate": {"password": "not the password"},
}
SAMPLES: Final = 40
# Of a normal distribution: what chance alone exceeds once in some hundred million runs.
FAR: Final = 5.7


async def ask(world: World, path: str, email: str) -> tuple[int, Any, set[str]]:
    """Return the status, the body without the address, and the names of the headers."""
    body = {"email": email, **ASKED[path]}
    answer = await world.client.post(f"/v1/users/{path}", json=body)
    document = {name: it for name, it in answer.json().items() if name != "email"}
    return answer.status_code, document, set(answer.headers)


@pytest.mark.parametrize("path", ASKED)
async def test_the_answer_is_the_same(world: World, path: str) -> None:
    ada = await world.person()
    assert await ask(world, path, ada.email) == await ask(world, path, somebody())


@pytest.mark.parametrize("path", ASKED)
async def test_the_same_is_done_before_the_answer(world: World, path: str) -> None:
    engine: AsyncEngine = world.parts.sessions.kw["bind"]
    ada, done = await world.person(), list[str]()

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        done.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        await ask(world, path, ada.email)
        known, done[:] = list(done), []
        await ask(world, path, somebody())
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert known == done
    assert known


@pytest.mark.parametrize("path", ASKED)
async def test_the_time_is_of_one_distribution(world: World, path: str) -> None:
    """By the test of Mann and Whitney: whose answers come earlier, more often than by chance?"""
    people = [(await world.person()).email for _ in range(SAMPLES)]
    await ask(world, path, somebody())  # What is imported when it is first needed.
    known, unknown = list[float](), list[float]()
    for email in people:
        for some, times in ((email, known), (somebody(), unknown)):
            began = time.perf_counter()
            await ask(world, path, some)
            times.append(time.perf_counter() - began)
    assert abs(deviation(known, unknown)) < FAR


def deviation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return by how many standard deviations one sample is earlier or later than the other."""
    wins = sum((a > b) + (a == b) / 2 for a in one for b in other)
    n, m = len(one), len(other)
    return float((wins - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12))


def test_the_test_finds_a_difference_that_is_there() -> None:
    fast = [1 + it / 100 for it in range(SAMPLES)]
    assert abs(deviation(fast, [it + 0.5 for it in fast])) > FAR
    assert deviation(fast, list(fast)) == 0


async def test_only_a_mailbox_with_an_account_hears_of_another_password(world: World) -> None:
    ada, nobody = await world.person(), somebody()
    for email in (ada.email, nobody):
        await ask(world, "password-resets", email)
    assert await work(world) >= 2
    assert [len(await letters(world, it)) for it in (ada.email, nobody)] == [1, 0]


async def test_nobody_is_flooded_with_links_and_no_answer_tells(world: World) -> None:
    ada, most = await world.person(), world.parts.settings.mails_an_hour
    answers = [await ask(world, "password-resets", ada.email) for _ in range(most + 3)]
    assert all(it == answers[0] for it in answers)
    await work(world)
    assert len(await letters(world, ada.email)) == most
