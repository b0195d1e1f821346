"""Signing in with a second factor: a ticket for the password, a session for the code."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from dml.accounts.factors import rules, tickets
from dml.accounts.factors.models import SignInTicket, TotpFactor
from dml.accounts.models import KnownNetwork, Session, User
from dml.core.context import Role
from tests.accounts.factors.authenticator import (
    BY_PASSWORD,
    ME,
    begin,
    enroll,
    finish,
    shown,
    ticket_of,
)
from tests.accounts.recovery.mailbox import STRONG, last_token, letters
from tests.world import World, problem


async def count_sessions(world: World, user_id: object) -> int:
    query = select(func.count()).select_from(Session).where(Session.user_id == user_id)
    async with world.parts.sessions() as tx:
        return await tx.scalar(query) or 0


async def test_a_password_gets_a_ticket_and_a_code_the_session(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    before = await count_sessions(world, ada.id)
    first = problem(await begin(world, ada), 401, "accounts.second_factor_needed")
    assert set(first) == {
        *("type", "title", "status", "code", "detail", "ticket", "expires_in_seconds"),
    }
    assert first["expires_in_seconds"] == 300
    assert await count_sessions(world, ada.id) == before
    opened = await finish(world, first["ticket"], await app.proof())
    assert opened.status_code == 200, opened.text
    headers = {"Authorization": f"Bearer {opened.json()['access_token']}"}
    assert (await world.client.get(ME, headers=headers)).json()["email"] == ada.email
    # Neither the refresh nor a personal access token asks again.
    refresh = {"refresh_token": opened.json()["refresh_token"]}
    assert (await world.client.post("/v1/users/refresh", json=refresh)).status_code == 200


async def test_a_wrong_password_is_answered_as_ever(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    await enroll(world, ada)
    answers = [await begin(world, it, "a wrong one") for it in (ada, bob)]
    assert answers[0].json() == answers[1].json()
    problem(answers[0], 401, "accounts.wrong_credentials")


async def test_a_ticket_opens_one_session_and_a_code_is_taken_once(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    ticket, other = await ticket_of(world, ada), await ticket_of(world, ada)
    proof = await app.proof()
    assert (await finish(world, ticket, proof)).status_code == 200
    problem(await finish(world, ticket, proof), 401, "accounts.ticket_over")
    problem(await finish(world, other, proof), 403, "accounts.code_used")
    fresh = {"kind": "totp", "code": shown(app.secret, seconds=30)}
    assert (await finish(world, other, fresh)).status_code == 200
    older = await finish(world, await ticket_of(world, ada), proof)
    problem(older, 403, "accounts.code_used")


async def test_of_five_who_send_the_same_code_at_once_one_gets_in(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    several = [await ticket_of(world, ada) for _ in range(5)]
    proof = await app.proof()
    answers = await asyncio.gather(*(finish(world, it, proof) for it in several))
    assert sorted(it.status_code for it in answers) == [200, 403, 403, 403, 403]


async def test_of_five_who_send_the_same_ticket_at_once_one_gets_in(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    ticket = await ticket_of(world, ada)
    proofs = [{"kind": "recovery_code", "code": it} for it in app.recovery_codes[:5]]
    answers = await asyncio.gather(*(finish(world, ticket, it) for it in proofs))
    assert sorted(it.status_code for it in answers) == [200, 401, 401, 401, 401]
    assert await count_sessions(world, ada.id) == 2


async def test_a_recovery_code_stands_in_once_and_its_owner_is_told(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    proof = {"kind": "recovery_code", "code": app.recovery_codes[0]}
    assert (await finish(world, await ticket_of(world, ada), proof)).status_code == 200
    again = await finish(world, await ticket_of(world, ada), proof)
    problem(again, 403, "accounts.wrong_proof")
    assert (await ada.get(f"{ME}/factors")).json()["recovery_codes_left"] == 9
    told = await letters(world, ada.email)
    assert [it.kind for it in told] == ["factor_added", "recovery_code_used"]
    assert "9 are left" in told[1].text
    seen = (await ada.get("/v1/events?types=user.recovery_code_used")).json()["items"]
    assert [it["data"]["left"] for it in seen] == [9]


async def test_a_clock_that_is_40_seconds_slow_is_told_so(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    await app.proof()
    ticket = await ticket_of(world, ada)
    now = datetime.now(UTC).timestamp()
    late = 40 + int(now % 30)  # Two steps, whenever this is run.
    code = {"kind": "totp", "code": shown(app.secret, seconds=-late)}
    refused = problem(await finish(world, ticket, code), 403, "accounts.code_too_old")
    assert refused["seconds_late"] in (60, 90)
    assert "clock" in refused["detail"]
    assert (await finish(world, ticket, await app.proof())).status_code == 200


async def test_a_ticket_is_over_after_five_minutes_or_five_wrong_codes(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    ticket = await ticket_of(world, ada)
    async with world.parts.sessions.begin() as tx:
        mine = SignInTicket.user_id == ada.id
        await tx.execute(update(SignInTicket).where(mine).values(expires_at=datetime.now(UTC)))
    problem(await finish(world, ticket, await app.proof()), 401, "accounts.ticket_over")
    ticket = await ticket_of(world, ada)
    for _ in range(5):
        wrong = await finish(world, ticket, {"kind": "totp", "code": "000000"})
        problem(wrong, 403, "accounts.wrong_proof")
    answer = await finish(world, ticket, await app.proof())
    assert answer.status_code in (401, 429)
    # Its owner hears that somebody knows the password, once.
    assert [it.kind for it in await letters(world, ada.email)] == ["factor_added", "wrong_codes"]
    async with world.parts.sessions.begin() as tx:
        await tickets.forget_expired(tx, datetime.now(UTC) + timedelta(minutes=6))
        assert await tx.scalar(select(SignInTicket.sha256).where(mine)) is None


async def test_codes_cannot_be_guessed_for_long(world: World) -> None:
    """With the password, too, each five guesses cost a ticket, and then waiting."""
    ada = await world.person()
    await enroll(world, ada)
    async with world.parts.sessions.begin() as tx:  # The thief comes from elsewhere.
        await tx.execute(delete(KnownNetwork).where(KnownNetwork.user_id == ada.id))
    statuses = list[int]()
    for _ in range(2):
        ticket = await ticket_of(world, ada)
        for it in range(5):
            wrong = await finish(world, ticket, {"kind": "totp", "code": f"00000{it}"})
            statuses.append(wrong.status_code)
    assert statuses == [403] * 5 + [429] * 5


async def test_after_a_hundred_wrong_codes_in_a_row_none_is_looked_at(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    async with world.parts.sessions.begin() as tx:
        mine = TotpFactor.user_id == ada.id
        await tx.execute(update(TotpFactor).where(mine).values(wrong_in_a_row=rules.WRONG_MAX))
    ticket = await ticket_of(world, ada)
    problem(await finish(world, ticket, await app.proof()), 403, "accounts.totp_locked")
    by_code = {"kind": "recovery_code", "code": app.recovery_codes[0]}
    assert (await finish(world, ticket, by_code)).status_code == 200
    again = await finish(world, await ticket_of(world, ada), await app.proof())
    assert again.status_code == 200  # Who had a recovery code is believed.


async def test_one_factor_alone_makes_no_network_known(world: World) -> None:
    """Otherwise whoever has the password could guess more codes."""
    ada = await world.person()
    app = await enroll(world, ada)
    known = select(func.count()).select_from(KnownNetwork).where(KnownNetwork.user_id == ada.id)
    async with world.parts.sessions() as tx:
        before = await tx.scalar(known)
    ticket = await ticket_of(world, ada)
    async with world.parts.sessions() as tx:
        assert await tx.scalar(known) == before
    assert (await finish(world, ticket, await app.proof())).status_code == 200
    async with world.parts.sessions() as tx:
        assert await tx.scalar(known) == 1


async def test_a_suspended_user_is_told_why_and_gets_no_session(world: World) -> None:
    ada, admin = await world.person(), await world.person("admin", Role.ADMIN)
    app = await enroll(world, ada)
    ticket = await ticket_of(world, ada)
    why = {"reason": "spam"}
    await admin.post(f"/v1/admin/users/{ada.id}/suspend", why)
    answer = await finish(world, ticket, await app.proof())
    problem(answer, 403, "accounts.suspended")


async def test_nobody_gets_in_by_anothers_code_or_by_the_password_twice(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    await enroll(world, ada)
    his = await enroll(world, bob)
    ticket = await ticket_of(world, ada)
    problem(await finish(world, ticket, await his.proof()), 403, "accounts.wrong_proof")
    code = {"kind": "recovery_code", "code": his.recovery_codes[0]}
    problem(await finish(world, ticket, code), 403, "accounts.wrong_proof")
    problem(await finish(world, ticket, BY_PASSWORD), 422, "http.422")


@pytest.mark.parametrize("ticket", ["", "x" * 101, "none of ours", "\x00"])
async def test_what_is_no_ticket_opens_nothing(world: World, ticket: str) -> None:
    answer = await finish(world, ticket, {"kind": "totp", "code": "123456"})
    assert answer.status_code == (401 if ticket == "none of ours" else 422)


async def test_by_the_graph_it_is_the_same(world: World) -> None:
    ada = await world.person()
    app = await enroll(world, ada)
    ticket = await ticket_of(world, ada)
    asked = """mutation ($input: SessionConfirm!) {
        sessionsConfirm(input: $input) { accessToken userId }
    }"""
    body = {"ticket": ticket, "proof": await app.proof()}
    answer = await world.client.post(
        "/graphql", json={"query": asked, "variables": {"input": body}}
    )
    assert answer.json()["data"]["sessionsConfirm"]["userId"] == str(ada.id), answer.text


async def test_another_password_keeps_the_factor_and_forgives_wrong_codes(world: World) -> None:
    """Whoever guessed codes knew the old one."""
    ada = await world.person()
    app = await enroll(world, ada)
    mine = TotpFactor.user_id == ada.id
    spoil = update(TotpFactor).where(mine).values(wrong_in_a_row=rules.WRONG_MAX)
    proven = update(User).where(User.id == ada.id).values(email_verified_at=datetime.now(UTC))
    async with world.parts.sessions.begin() as tx:
        await tx.execute(spoil)
        await tx.execute(proven)
    await world.client.post("/v1/users/password-resets", json={"email": ada.email})
    body = {"token": await last_token(world, ada.email), "password": STRONG}
    done = await world.client.post("/v1/users/password-resets/confirm", json=body)
    assert done.status_code == 204, done.text
    again = problem(await begin(world, ada, STRONG), 401, "accounts.second_factor_needed")
    assert (await finish(world, again["ticket"], await app.proof())).status_code == 200
