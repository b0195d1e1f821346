"""An authenticator app is added by a secret and a first code, and removed by a proof."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from dml.accounts.factors import rules, service
from dml.accounts.factors.models import RecoveryCode, TotpFactor
from dml.accounts.models import User
from tests.accounts.factors.authenticator import BY_PASSWORD, ME, begin, enroll, shown
from tests.accounts.notices.told import verified
from tests.accounts.recovery.mailbox import letters
from tests.world import World, problem


async def test_an_app_counts_once_its_first_code_has_confirmed_it(world: World) -> None:
    ada = await verified(world)
    none = {"totp_since": None, "recovery_codes_left": 0}
    assert (await ada.get(f"{ME}/factors")).json() == none
    made = (await ada.post(f"{ME}/totp", {"proof": BY_PASSWORD})).json()
    assert made["secret"] in made["uri"]
    assert (await ada.get(f"{ME}/factors")).json() == none
    assert (await begin(world, ada)).status_code == 200  # Nothing more is asked for yet.
    wrong = await ada.post(f"{ME}/totp/confirm", {"code": "000000"})
    problem(wrong, 403, "accounts.wrong_first_code")
    done = await ada.post(f"{ME}/totp/confirm", {"code": shown(made["secret"])})
    assert done.headers["cache-control"] == "no-store"
    assert len(done.json()["recovery_codes"]) == 10
    assert all(re.fullmatch(r"(\w{6}-){3}\w{6}", it) for it in done.json()["recovery_codes"])
    found = (await ada.get(f"{ME}/factors")).json()
    assert found["totp_since"] is not None
    assert found["recovery_codes_left"] == 10
    told = await letters(world, ada.email)
    assert [it.kind for it in told] == ["factor_added"]
    seen = (await ada.get("/v1/events?types=user.factor_added")).json()["items"]
    assert [it["data"]["method"] for it in seen] == ["totp"]


async def test_an_app_that_a_mailed_link_could_take_away_is_not_enrolled(
    world: World,
) -> None:
    ada, without = await world.person(), await world.person()
    refused = await ada.post(f"{ME}/totp", {"proof": BY_PASSWORD})
    problem(refused, 409, "accounts.address_unproven")
    async with world.parts.sessions.begin() as tx:  # Nobody is mailed a link, then.
        await tx.execute(update(User).where(User.id == without.id).values(email=None))
    assert (await without.post(f"{ME}/totp", {"proof": BY_PASSWORD})).status_code == 201
    rules.require_proven_address(ada.email, None, is_mail_sent=False)  # Nor is anybody here.


async def test_nothing_that_can_be_used_is_kept_in_the_clear(world: World) -> None:
    ada = await verified(world)
    app = await enroll(world, ada)
    async with world.parts.sessions() as tx:
        kept = await tx.get_one(TotpFactor, ada.id)
        codes = (await tx.scalars(select(RecoveryCode).where(RecoveryCode.user_id == ada.id))).all()
    assert app.secret.encode() not in kept.sealed
    assert all(len(it.sha256) == 32 for it in codes)


async def test_no_app_is_enrolled_without_a_proof_and_a_second_only_after_the_first(
    world: World,
) -> None:
    ada = await verified(world)
    wrong = {"proof": {"kind": "password", "password": "a wrong one"}}
    problem(await ada.post(f"{ME}/totp", wrong), 403, "accounts.wrong_proof")
    app = await enroll(world, ada)
    again = await ada.post(f"{ME}/totp", {"proof": BY_PASSWORD})
    problem(again, 403, "accounts.factor_proof_needed")
    again = await ada.post(f"{ME}/totp", {"proof": await app.proof()})
    problem(again, 409, "accounts.totp_enrolled")


async def test_a_secret_waits_ten_minutes_and_the_last_one_counts(world: World) -> None:
    ada = await verified(world)
    first, second = [
        (await ada.post(f"{ME}/totp", {"proof": BY_PASSWORD})).json()["secret"] for _ in range(2)
    ]
    answer = await ada.post(f"{ME}/totp/confirm", {"code": shown(first)})
    problem(answer, 403, "accounts.wrong_first_code")
    async with world.parts.sessions.begin() as tx:
        old = datetime.now(UTC) - timedelta(minutes=10)
        mine = TotpFactor.user_id == ada.id
        await tx.execute(update(TotpFactor).where(mine).values(created_at=old))
    answer = await ada.post(f"{ME}/totp/confirm", {"code": shown(second)})
    problem(answer, 410, "accounts.totp_enrollment_over")
    async with world.parts.sessions.begin() as tx:
        await service.forget_expired(tx, datetime.now(UTC))
        assert await tx.get(TotpFactor, ada.id) is None


async def test_what_was_confirmed_is_not_confirmed_again(world: World) -> None:
    ada = await verified(world)
    app = await enroll(world, ada)
    answer = await ada.post(f"{ME}/totp/confirm", {"code": shown(app.secret)})
    problem(answer, 410, "accounts.totp_enrollment_over")
    async with world.parts.sessions.begin() as tx:  # Nor forgotten.
        await service.forget_expired(tx, datetime.now(UTC) + timedelta(days=400))
    assert (await ada.get(f"{ME}/factors")).json()["totp_since"] is not None


async def test_it_is_removed_by_its_own_code_and_takes_the_recovery_codes_with_it(
    world: World,
) -> None:
    ada = await verified(world)
    app = await enroll(world, ada)
    by_password = await ada.post(f"{ME}/totp/revoke", {"proof": BY_PASSWORD})
    problem(by_password, 403, "accounts.factor_proof_needed")
    assert "ticket" in (await begin(world, ada)).json()
    gone = await ada.post(f"{ME}/totp/revoke", {"proof": await app.proof()})
    assert gone.status_code == 204
    left = {"totp_since": None, "recovery_codes_left": 0}
    assert (await ada.get(f"{ME}/factors")).json() == left
    assert (await begin(world, ada)).status_code == 200
    told = [it.kind for it in await letters(world, ada.email)]
    assert told == ["factor_added", "factor_removed"]
    again = await ada.post(f"{ME}/totp/revoke", {"proof": BY_PASSWORD})
    problem(again, 404, "accounts.totp_not_found")


async def test_recovery_codes_are_renewed_and_the_old_ones_are_void(world: World) -> None:
    ada = await verified(world)
    app = await enroll(world, ada)
    made = await ada.post(f"{ME}/recovery-codes", {"proof": await app.proof()})
    assert made.status_code == 201, made.text
    fresh = made.json()["recovery_codes"]
    assert not set(fresh) & set(app.recovery_codes)
    old = {"kind": "recovery_code", "code": app.recovery_codes[0]}
    problem(await ada.post(f"{ME}/totp/revoke", {"proof": old}), 403, "accounts.wrong_proof")
    new = {"kind": "recovery_code", "code": fresh[3].upper().replace("-", " ")}
    assert (await ada.post(f"{ME}/totp/revoke", {"proof": new})).status_code == 204
    none = await ada.post(f"{ME}/recovery-codes", {"proof": BY_PASSWORD})
    problem(none, 404, "accounts.totp_not_found")


async def test_two_first_codes_at_once_make_one_set_of_recovery_codes(world: World) -> None:
    ada = await verified(world)
    secret = (await ada.post(f"{ME}/totp", {"proof": BY_PASSWORD})).json()["secret"]
    body = {"code": shown(secret)}
    answers = await asyncio.gather(*(ada.post(f"{ME}/totp/confirm", body) for _ in range(3)))
    assert sorted(it.status_code for it in answers) == [200, 410, 410]
    assert (await ada.get(f"{ME}/factors")).json()["recovery_codes_left"] == 10


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("totp", {}),
        ("totp", {"proof": {"kind": "telepathy"}}),
        ("totp", {"proof": {"kind": "totp", "code": 123456}}),
        ("totp", {"proof": {"kind": "totp", "code": "1" * 1_000}}),
        ("totp", {"proof": {"kind": "totp", "code": "1\x00"}}),
        ("totp", {"proof": {"kind": "recovery_code", "code": "x" * 61}}),
        ("totp", {"proof": {"kind": "totp", "password": "123456"}}),
        ("totp/confirm", {"code": ""}),
        ("totp/confirm", {"code": "123456", "proof": BY_PASSWORD}),
    ],
)
async def test_what_is_no_proof_is_refused(world: World, path: str, body: object) -> None:
    ada = await verified(world)
    problem(await ada.post(f"{ME}/{path}", body), 422, "http.422")


async def test_a_personal_access_token_touches_no_factor(world: World) -> None:
    ada = await verified(world)
    scopes = ["account:read", "account:write"]
    asked = {"name": "n", "scopes": scopes, "proof": BY_PASSWORD}
    token = (await ada.post(f"{ME}/tokens", asked)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await ada.get(f"{ME}/factors", headers=headers)).status_code == 200
    for path in ("totp", "totp/confirm", "totp/revoke", "recovery-codes"):
        answer = await ada.post(f"{ME}/{path}", {"proof": BY_PASSWORD}, headers=headers)
        problem(answer, 403, "edge.out_of_scope")


async def test_a_lost_key_lets_nobody_in_and_recovery_codes_still_do(world: World) -> None:
    """The key's file was not in the backup, say."""
    ada = await verified(world)
    app = await enroll(world, ada)
    async with world.parts.sessions.begin() as tx:
        spoilt = text("UPDATE totp_factors SET sealed = sha256(sealed) WHERE user_id = :ada")
        await tx.execute(spoilt, {"ada": ada.id})
    proof = await app.proof()
    problem(await ada.post(f"{ME}/totp/revoke", {"proof": proof}), 403, "accounts.wrong_proof")
    by_code = {"kind": "recovery_code", "code": app.recovery_codes[9]}
    assert (await ada.post(f"{ME}/totp/revoke", {"proof": by_code})).status_code == 204
    assert (await begin(world, ada)).status_code == 200
