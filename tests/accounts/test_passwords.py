"""One password, however a system sends it; and the queue of those that are checked."""

import asyncio
import json
import unicodedata

import pytest
from sqlalchemy import update

from dml.accounts import passwords, queries, statements
from dml.accounts.models import User
from dml.accounts.passwords import Asker, Queue
from dml.accounts.rules import TooManyPasswords
from dml.core.ids import new_id
from tests.world import World, problem

STRANGER, NEIGHBOUR = Asker("192.0.2.1"), Asker("192.0.2.2")
KNOWN = Asker("ada:192.0.2.1", is_known=True)


async def sign_in(world: World, email: str, password: str) -> int:
    body = {"email": email, "password": password}
    return (await world.client.post("/v1/users/authenticate", json=body)).status_code


async def register(world: World, password: str) -> tuple[int, str, str]:
    body = {"email": f"ada-{new_id()}@example.org", "password": password}
    answer = await world.client.post("/v1/users", json=body)
    return answer.status_code, body["email"], answer.text


@pytest.mark.parametrize(
    ("registered", "typed"),
    [
        ("München Café 1", unicodedata.normalize("NFD", "München Café 1")),
        (unicodedata.normalize("NFD", "München Café 1"), "München Café 1"),
        ("\N{ANGSTROM SIGN}ngström 12", "Ångström 12"),
        ("three\N{NO-BREAK SPACE}little pigs", "three little pigs"),
        ("three little pigs", "three\N{IDEOGRAPHIC SPACE}little pigs"),
        ("한국어 비밀번호", unicodedata.normalize("NFD", "한국어 비밀번호")),
        ("Größe 1" + "é" * 1_017, unicodedata.normalize("NFD", "Größe 1" + "é" * 1_017)),
    ],
)
async def test_a_password_typed_on_another_system_is_the_same(
    world: World, registered: str, typed: str
) -> None:
    status, email, text = await register(world, registered)
    assert status == 201, text
    assert [await sign_in(world, email, it) for it in (registered, typed)] == [200, 200]
    assert await sign_in(world, email, typed + "!" if len(typed) < 1_024 else "wrong") == 401


@pytest.mark.parametrize(
    "wrong",
    [
        "a bell \a in it",
        "tab\tin it, at least",
        "unassigned \u0378 letter",
        "zero\u200bwidth space",
        "joined \u200d letters",
        "half \ud800 a pair",
        "private \ue000 use",
        "\u0065\u0301" * 7,
        "e\u0301" * 1_025,
        "x" * 4_097,
    ],
)
async def test_what_no_password_can_be_is_refused_clearly(world: World, wrong: str) -> None:
    body = json.dumps({"email": f"ada-{new_id()}@example.org", "password": wrong})
    headers = {"content-type": "application/json"}
    refused = await world.client.post("/v1/users", content=body, headers=headers)
    (error,) = problem(refused, 422, "http.422")["errors"]
    assert error["pointer"] == "/password"


async def test_what_was_hashed_as_it_was_sent_still_lets_in_and_is_hashed_anew(
    world: World,
) -> None:
    old = unicodedata.normalize("NFD", "München Café 1")
    _, email, _ = await register(world, "another password")
    async with world.parts.sessions.begin() as tx:
        as_sent = passwords._hasher.hash(old)
        await tx.execute(update(User).where(User.email == email).values(password_hash=as_sent))
    assert await sign_in(world, email, unicodedata.normalize("NFC", old)) == 401
    assert await sign_in(world, email, old) == 200
    assert await sign_in(world, email, unicodedata.normalize("NFC", old)) == 200
    assert await sign_in(world, email, old) == 200


async def test_an_old_password_without_a_normal_form_still_lets_in(world: World) -> None:
    old = "I \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16} passwords"
    assert (await register(world, old))[0] == 422
    _, email, _ = await register(world, "another password")
    async with world.parts.sessions.begin() as tx:
        as_sent = passwords._hasher.hash(old)
        await tx.execute(update(User).where(User.email == email).values(password_hash=as_sent))
    assert await sign_in(world, email, old) == 200
    assert await sign_in(world, email, old) == 200


async def test_a_better_hash_never_undoes_a_change_of_the_password(world: World) -> None:
    _, email, _ = await register(world, "changed meanwhile")
    async with world.parts.sessions.begin() as tx:
        user = await queries.find_user(tx, email)
        assert user is not None
        await statements.improve_hash(tx, user.id, old="the hash of then", new="a better one")
    assert await sign_in(world, email, "changed meanwhile") == 200


async def test_a_full_queue_refuses_at_once(world: World) -> None:
    passwords.allow_at_once(0, waiting=4, of_one=4)
    try:
        waiting = [
            asyncio.create_task(passwords.hash_password("correct horse", Asker(f"{it}")))
            for it in range(3)
        ]
        await asyncio.sleep(0.1)
        body = {"email": f"ada-{new_id()}@example.org", "password": "correct horse"}
        for path in ("/v1/users", "/v1/users/authenticate"):
            refused = await world.client.post(path, json=body)
            told = problem(refused, 503, "accounts.too_many_passwords")
            assert refused.headers["retry-after"] == str(told["retry_after_seconds"])
        for it in waiting:
            it.cancel()
    finally:
        restore(world)


def restore(world: World) -> None:
    passwords.configure(world.parts.settings)


class Waiting:
    """Askers that wait for a place, and in which order they got one."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.order: list[str] = []
        self.go_on = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def add(self, *askers: Asker) -> None:
        for it in askers:
            self.tasks.append(asyncio.create_task(self._hold(it)))
            await asyncio.sleep(0)

    async def _hold(self, asker: Asker) -> None:
        async with self.queue.place(asker):
            self.order.append(asker.name)
            await self.go_on.wait()

    async def end(self) -> list[str]:
        self.go_on.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 2)
        return self.order


@pytest.fixture
async def waiting() -> Waiting:
    return Waiting(Queue(1, waiting=8, of_one=3))


async def test_one_address_takes_a_few_places_and_no_more(waiting: Waiting) -> None:
    await waiting.add(*[STRANGER] * 3)
    with pytest.raises(TooManyPasswords):
        async with waiting.queue.place(STRANGER):
            pass
    await waiting.add(NEIGHBOUR)
    assert len(await waiting.end()) == 4
    async with waiting.queue.place(STRANGER):
        pass


async def test_strangers_leave_places_to_the_known_who_wait_for_few_of_them(
    waiting: Waiting,
) -> None:
    crowd = [Asker(f"198.51.100.{it}") for it in range(7)]
    await waiting.add(*crowd)
    with pytest.raises(TooManyPasswords):
        async with waiting.queue.place(STRANGER):
            pass
    await waiting.add(KNOWN)
    order = await waiting.end()
    assert order.index(KNOWN.name) <= 2
    assert len(order) == 8


async def test_who_gives_up_waiting_leaves_the_place(waiting: Waiting) -> None:
    await waiting.add(STRANGER, NEIGHBOUR, KNOWN)
    waiting.tasks.pop(1).cancel()
    await asyncio.sleep(0)
    assert await waiting.end() == [STRANGER.name, KNOWN.name]
    async with waiting.queue.place(NEIGHBOUR):
        pass
