"""Whoever opened an account with somebody else's address has no way left into it once the mailbox
has chosen a password; whose address was proven keeps all of theirs.
"""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.core.ids import IdentityId, new_id
from tests.accounts.factors.authenticator import begin, enroll
from tests.accounts.recovery.mailbox import STRONG
from tests.accounts.recovery.test_links import ask, reset_token
from tests.world import Person, World


async def add_way_in(world: World, person: Person) -> None:
    row = Identity(
        id=IdentityId(new_id()),
        user_id=person.id,
        kind=IdentityKind.OPENID,
        subject=f"https://accounts.example.org {person.id}",
        created_at=datetime.now(UTC),
    )
    async with world.parts.sessions.begin() as tx:
        tx.add(row)


@pytest.mark.parametrize("is_proven", [False, True], ids=["unproven", "proven"])
async def test_a_mailbox_takes_an_account_back(world: World, *, is_proven: bool) -> None:
    ada = await world.person()
    await enroll(world, ada)  # Of an unproven one it is older than that this asks for a proof.
    proven_at = datetime.now(UTC) if is_proven else None
    async with world.parts.sessions.begin() as tx:
        verified = update(User).where(User.id == ada.id).values(email_verified_at=proven_at)
        await tx.execute(verified)
    await add_way_in(world, ada)
    token = await reset_token(world, ada.email)
    done = await ask(world, "password-resets/confirm", token=token, password=STRONG)
    assert done.status_code == 204, done.text
    async with world.parts.sessions() as tx:
        kinds = set(await tx.scalars(select(Identity.kind).where(Identity.user_id == ada.id)))
    asked = await begin(world, ada, STRONG)
    if is_proven:
        assert kinds == {IdentityKind.PASSWORD, IdentityKind.OPENID}
        assert asked.json()["code"] == "accounts.second_factor_needed"
    else:
        assert kinds == {IdentityKind.PASSWORD}
        assert asked.status_code == 200, asked.text
