"""Who is mailed of what was done to their account, what the mails say, and what they never say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from dml.accounts.events import UserIdentityRevoked
from dml.accounts.identities.models import IdentityKind
from dml.accounts.models import User
from dml.accounts.notices import kinds, letters, processes
from dml.accounts.notices.letters import Circumstances
from dml.core import events
from dml.core.context import Actor, Context
from dml.core.ids import MailId, new_id
from dml.mail.models import Mail
from dml.mail.sending import Addressed, compose
from tests.accounts.identities.test_identities import PROOF, add_wallet
from tests.accounts.notices.told import notices, verified, verify, waiting
from tests.world import PASSWORD, Person, World

TOKENS = "/v1/users/me/tokens"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
AT = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)


async def sign_in(world: World, person: Person, user_agent: str = FIREFOX) -> Person:
    """Sign in, and return somebody who asks by that session."""
    body = {"email": person.email, "password": PASSWORD}
    headers = {"User-Agent": user_agent}
    answer = await world.client.post("/v1/users/authenticate", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return Person(person.id, person.email, answer.json()["access_token"], world.client)


async def token(person: Person, name: str = "nightly job") -> dict[str, Any]:
    body = {"name": name, "scopes": ["jobs:read"], "days": 30}
    answer = await person.post(TOKENS, body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_sign_in_from_elsewhere_is_mailed_with_when_and_from_where_and_the_next_is_not(
    world: World,
) -> None:
    ada = await verified(world)
    await sign_in(world, ada)
    (told,) = await notices(world, ada)
    assert (told.kind, told.subject) == ("sign_in", "A new sign-in to your account")
    assert "from a device and a network that it did not know" in told.text
    assert "\nFrom: Firefox on Linux, 127.0.0.1\n" in told.text
    assert f"\nWhen: {datetime.now(UTC):%d %B %Y}, " in "\n" + told.text
    assert "dml account reset-password" in told.text
    await sign_in(world, ada)
    assert len(await notices(world, ada)) == 1
    await sign_in(world, ada, "curl/8.5.0")
    *_, last = await notices(world, ada)
    assert "from a device that it did not know" in last.text


async def test_the_first_sign_in_to_a_new_account_is_no_news_and_to_an_old_one_it_is(
    world: World,
) -> None:
    async def opened(name: str) -> Person:
        email = f"{name}-{new_id()}@example.org"
        body = {"email": email, "password": "stapled by nobody at all"}
        answer = await world.client.post("/v1/users", json=body)
        assert answer.status_code == 201, answer.text
        person = Person(answer.json()["id"], email, "", world.client)
        await verify(world, person)
        return person

    async def enter(person: Person) -> None:
        body = {"email": person.email, "password": "stapled by nobody at all"}
        assert (await world.client.post("/v1/users/authenticate", json=body)).status_code == 200

    new, old = await opened("new"), await opened("old")
    async with world.parts.sessions.begin() as tx:
        long_ago = datetime.now(UTC) - timedelta(days=300)
        await tx.execute(update(User).where(User.id == old.id).values(created_at=long_ago))
    await enter(new)
    await enter(old)
    assert await waiting(world, new) == []
    assert [it.kind for it in await notices(world, old)] == ["sign_in"]


async def test_a_new_token_is_mailed_with_what_it_may_do_and_never_with_itself(
    world: World,
) -> None:
    ada = await verified(world)
    made = await token(ada)
    (told,) = await notices(world, ada)
    assert told.kind == "token_created"
    assert '"nightly job"' in told.text
    assert "jobs:read" in told.text
    assert made["token"] not in told.text


async def test_a_new_webhook_is_mailed(world: World) -> None:
    ada = await verified(world)
    hook = {"url": "http://127.0.0.1:9/", "types": []}
    assert (await ada.post("/v1/webhooks", hook)).status_code == 201
    (told,) = await notices(world, ada)
    assert told.kind == "webhook_created"
    assert "a server that it names is told what happens" in told.text


async def test_a_session_and_a_token_are_named_as_that_by_which_it_was_done(world: World) -> None:
    ada = await verified(world)
    here = await sign_in(world, ada)
    await token(here)
    assert "\nFrom: Firefox on Linux, 127.0.0.1\n" in (await notices(world, ada))[-1].text
    async with world.parts.sessions.begin() as tx:
        by_token = Context(tx, Actor(ada.id, scopes=frozenset({"x"})), datetime.now(UTC))
        revoked = UserIdentityRevoked(ada.id, "wallet", None)
        await events.record(by_token, revoked, [events.user(ada.id)])
    told = (await notices(world, ada))[-1]
    assert "\nFrom: one of your personal access tokens\n" in told.text


async def test_a_way_in_that_was_removed_is_mailed_with_as_much_as_one_knows_it_by(
    world: World,
) -> None:
    ada = await verified(world)
    wallet = await add_wallet(world, ada)
    answer = await ada.post(f"/v1/users/me/identities/{wallet}/revoke", PROOF)
    assert answer.status_code == 204, answer.text
    (told,) = await notices(world, ada)
    assert told.kind == "way_in_removed"
    assert f"by the wallet {str(ada.id)[:8]}…{str(ada.id)[-6:]}." in told.text
    assert str(ada.id) not in told.text


async def test_two_of_one_moment_are_one_mail(world: World) -> None:
    ada = await verified(world)
    async with world.parts.sessions.begin() as tx:
        ctx, readers = Context(tx, Actor(ada.id), datetime.now(UTC)), [events.user(ada.id)]
        for by in ("https://one.example", "https://two.example"):
            lost = UserIdentityRevoked(ada.id, IdentityKind.OPENID.value, by)
            await events.record(ctx, lost, readers)
    (told,) = await notices(world, ada)
    assert "an account at one.example. One can" in told.text
    assert "an account at two.example." in told.text


async def test_who_has_not_proven_their_address_or_has_none_is_mailed_nothing(
    world: World,
) -> None:
    unproven, without = await world.person(), await verified(world)
    async with world.parts.sessions.begin() as tx:
        none = update(User).where(User.id == without.id).values(email=None)
        await tx.execute(none)
    for it in (unproven, without):
        await token(it)
        assert await notices(world, it) == []


async def test_what_was_rolled_back_is_told_to_nobody(
    world: World,
) -> None:
    ada = await verified(world)
    tx = world.parts.sessions()
    ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
    await events.record(ctx, UserIdentityRevoked(ada.id, "wallet", None), [events.user(ada.id)])
    await tx.rollback()
    await tx.close()
    assert await waiting(world, ada) == []


async def test_an_hour_has_a_few_of_each_kind_of_which_the_last_says_that_it_is_the_last(
    world: World,
) -> None:
    ada, most = await verified(world), world.parts.settings.mails_an_hour
    for number in range(most + 2):
        await token(ada, f"job {number}")
    told = await notices(world, ada)
    assert len(told) == most
    assert [it for it in told if "you are mailed no more of it" in it.text] == [told[-1]]
    await sign_in(world, ada)  # Another kind has an hour of its own.
    assert (await notices(world, ada))[-1].kind == "sign_in"
    async with world.parts.sessions.begin() as tx:
        mine = Mail.recipient == ada.email
        assert len((await tx.scalars(select(Mail).where(mine))).all()) == most + 1
        await tx.execute(delete(Mail).where(mine))
    await token(ada)
    assert len(await notices(world, ada)) == 1


async def test_no_name_comes_into_a_header_or_makes_a_line_of_its_own(world: World) -> None:
    ada = await verified(world)
    await token(ada, 'x"\r\nBcc: eve@example.org\r\n\r\nGo to\u2028https://evil.example \u202e')
    (told,) = await notices(world, ada)
    sent = compose(Addressed(MailId(new_id()), ada.email, AT, told), "market@example.org")
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Your account has a new personal access token"
    assert '"x\' Bcc: eve@example.org Go to https://evil.example"' in told.text
    assert "Bcc" not in "".join(f"{name}\n" for name in sent)


def test_a_long_name_is_cut_and_a_short_address_is_whole() -> None:
    assert kinds.quoted("n" * 100) == f'"{"n" * 59}…"'
    assert kinds.quoted(None) == '""'
    assert kinds.shortened("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed") == "0x5aAeb6…1BeAed"
    assert kinds.shortened("0x5aAe") == "0x5aAe"


@pytest.mark.parametrize("notice", processes.known(), ids=lambda it: it.kind)
def test_each_notice_says_when_where_and_what_to_do(notice: kinds.Notice) -> None:
    found = Circumstances(AT, "curl, 192.0.2.7", "https://market.example.org", is_last=False)
    told = letters.written(notice, ["It happened."], found)
    assert told.kind == notice.kind
    assert told.text.startswith("It happened.\n\nWhen: 04 March 2027, 05:06 UTC\n")
    assert "From: curl, 192.0.2.7\nAt: https://market.example.org\n\n" in told.text
    asked = f"If that was not you, {notice.undo}, and choose another password"
    assert (notice.undo if notice.by_others else asked) in told.text
    assert ("If that was not you" in told.text) is not notice.by_others
    assert told.subject.isascii()
