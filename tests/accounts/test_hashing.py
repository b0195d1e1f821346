"""What a hash costs, when a password is hashed anew, and which passwords are too easy to guess."""

import pytest
from argon2 import extract_parameters
from pydantic import ValidationError
from sqlalchemy import select

from dml.accounts import passwords
from dml.accounts.models import User
from dml.accounts.rules import WeakPassword
from dml.accounts.strength import require_strong, words_of
from dml.core.ids import new_id
from dml.core.settings import Settings
from tests.world import World, problem

STRONG = "stapled by nobody at all"


async def hash_of(world: World, email: str) -> tuple[int, int]:
    """Return the memory and the passes of a user's hash."""
    async with world.parts.sessions() as tx:
        made = await tx.scalar(select(User.password_hash).where(User.email == email))
    assert made is not None
    told = extract_parameters(made)
    return told.memory_cost, told.time_cost


async def test_a_password_is_hashed_anew_when_parameters_rise_and_only_then(world: World) -> None:
    email = f"ada-{new_id()}@example.org"
    body = {"email": email, "password": STRONG}
    settings = world.parts.settings
    assert (await world.client.post("/v1/users", json=body)).status_code == 201
    assert await hash_of(world, email) == (8, 1)
    try:
        for memory, passes, then in ((16, 1, (16, 1)), (8, 1, (16, 1)), (16, 2, (16, 2))):
            changed = {"password_memory_kib": memory, "password_passes": passes}
            passwords.configure(settings.model_copy(update=changed))
            wrong = await world.client.post(
                "/v1/users/authenticate", json=body | {"password": "wrong wrong"}
            )
            assert wrong.status_code == 401
            right = await world.client.post("/v1/users/authenticate", json=body)
            assert right.status_code == 200
            assert await hash_of(world, email) == then
    finally:
        passwords.configure(settings)
    assert (await world.client.post("/v1/users/authenticate", json=body)).status_code == 200


def test_each_lane_needs_its_memory() -> None:
    with pytest.raises(ValidationError, match="DML_PASSWORD_MEMORY_KIB"):
        Settings(password_memory_kib=31, password_lanes=4)


@pytest.mark.parametrize(
    "weak",
    [
        "password",
        "12345678",
        "qwertyuiop",
        "aaaaaaaaaaaa",
        "ada.lovelace@example.org",
        "lovelace1",
        "marketplace",
        "P@ssw0rd",
        "a" * 1_024,
    ],
)
def test_what_is_guessed_first_is_refused_and_told_why(weak: str) -> None:
    words = words_of("ada.lovelace@example.org", "Ada", None)
    with pytest.raises(WeakPassword) as refused:
        require_strong(weak, words, least=2)
    assert refused.value.facts["suggestions"]


@pytest.mark.parametrize(
    "strong",
    ["correct horse", STRONG, "x7#kQ2!v", "한국어 비밀번호", "München Café 1", STRONG * 40],
)
def test_what_is_hard_to_guess_is_taken(strong: str) -> None:
    require_strong(strong, words_of("ada@example.org"), least=2)


def test_an_operator_says_how_hard() -> None:
    require_strong("password", [], least=0)
    with pytest.raises(WeakPassword):
        require_strong("correct horse", [], least=4)


async def test_who_registers_with_a_weak_password_is_told(world: World) -> None:
    name = f"ada-{new_id()}"
    for weak in ("password", f"{name}@example.org"):
        body = {"email": f"{name}@example.org", "password": weak}
        answer = await world.client.post("/v1/users", json=body)
        document = problem(answer, 422, "accounts.weak_password")
        assert document["errors"][0]["pointer"] == "/password"
        assert document["suggestions"]
