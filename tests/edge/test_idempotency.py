"""`Idempotency-Key`: what is sent again is done once, and answered alike."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final

import pytest
from fastapi import Request

from dml.bounties.attachments.rules import AttachmentNotFound
from dml.bounties.models import BountyState
from dml.core.context import Context
from dml.core.ids import new_id
from dml.edge.http import transaction
from dml.edge.idempotency import LateTransaction
from tests.algorithms.offers import (
    BOUNDARY,
    FORM_TYPE,
    file_part,
    form,
    make_algorithm,
    send,
    spec_part,
)
from tests.bounties.factories import enroll, make_bounty
from tests.world import World, problem

# What needs no key, and why.
WITHOUT: Final = {
    "/graphql": "each mutation in it takes one of its own",
    "/v1/users": "nobody is signed in, whose keys those could be; again, the address is taken",
    "/v1/users/authenticate": "it may be done as often as one likes",
    "/v1/users/authenticate/confirm": "a ticket opens one session",
    "/v1/users/refresh": "nobody is signed in; the domain answers for a lost answer itself",
    "/v1/sessions/browser": "the token that it takes is good once",
    "/v1/sessions/browser/refresh": "the domain answers for a lost answer itself",
    "/v1/users/logout": "doing it again changes nothing",
    "/v1/sessions/openid": "nobody is signed in; a code is good once",
    "/v1/users/me/identities/openid": "a code is good once",
    "/v1/users/sign-ups": "nobody is signed in; asked again, another link is mailed",
    "/v1/users/sign-ups/confirm": "nobody is signed in; a link is good once",
    "/v1/users/password-resets": "nobody is signed in; asked again, another link is mailed",
    "/v1/users/password-resets/confirm": "nobody is signed in; a link is good once",
    "/v1/users/email-confirmations": "nobody is signed in; a link is good once",
    "/v1/users/me/email-verifications": "asked again, another link is mailed",
    "/v1/users/me/email-changes": "asked again, another link is mailed",
    "/v1/users/me/identities/{identity_id}/revoke": "what is revoked is not there again",
    "/v1/users/me/identities/wallets": "a challenge is good once",
    "/v1/sessions/wallet-challenges": "nobody is signed in; it may be done as often as one likes",
    "/v1/sessions/wallet": "nobody is signed in; a challenge is good once",
    "/v1/sessions/passkey-challenges": "nobody is signed in; it may be done as often as one likes",
    "/v1/sessions/passkey": "nobody is signed in; a challenge is good once",
    "/v1/users/passkey-challenges": "nobody is signed in; it may be done as often as one likes",
    "/v1/users/passkey": "nobody is signed in; a challenge is good once",
    "/v1/users/me/passkeys": "a challenge is good once",
    "/v1/users/me/passkeys/challenges": "it may be done as often as one likes",
    "/v1/users/me/passkeys/proof-challenges": "it may be done as often as one likes",
    "/v1/users/me/passkeys/{passkey_id}/revoke": "what is revoked is not there again",
    "/v1/users/me/erase": "nobody can ask again once it is done",
    "/v1/organisations/{organisation_id}/close": "the same",
    "/v1/users/me/tokens": "an answer that is kept to be repeated would keep the secret",
    "/v1/users/me/totp": "an answer that is kept to be repeated would keep the secret",
    "/v1/users/me/totp/confirm": "the same; and what is confirmed is not waiting again",
    "/v1/users/me/totp/revoke": "what is revoked is not there again",
    "/v1/users/me/recovery-codes": "an answer that is kept to be repeated would keep the codes",
    "/v1/algorithms/{algorithm_id}/uploads/{upload_id}/complete": "again, it is the same version",
    "/v1/algorithms/{algorithm_id}/versions/{version_id}/file-links": "one link is as good as two",
    "/v1/devices": "nobody is signed in; the same device again gets the same answer",
    "/v1/devices/{device_id}/nonce": "it may be done as often as one likes",
    "/v1/devices/{device_id}/token": "a nonce is good once, and there are others",
    "/v1/payments/deposits/instructions": "it changes nothing",
    "/v1/jobs/quotes": "it changes nothing",
    "/v1/algorithms/{algorithm_id}/demo": "it changes nothing",
    "/v1/algorithms/{algorithm_id}/demo/tensor": "it changes nothing",
    "/v1/assignments/claim": "what a device holds is handed out again",
    "/v1/assignments/{assignment_id}/heartbeat": "doing it again changes nothing",
    "/v1/assignments/{assignment_id}/release": "doing it again changes nothing",
    "/v1/assignments/{assignment_id}/result": "the same result again gets the same answer",
}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


def test_every_post_takes_a_key_or_says_why_not(world: World) -> None:
    without = set()
    for path, methods in world.app.openapi()["paths"].items():
        if "post" in methods:
            names = {it["name"] for it in methods["post"].get("parameters", [])}
            if "Idempotency-Key" not in names:
                without.add(path)
    assert without == WITHOUT.keys()


async def test_a_repeated_answer_says_so(world: World) -> None:
    ada, headers = await world.person(), key()
    first = await ada.post("/v1/devices/pairing-codes", headers=headers)
    again = await ada.post("/v1/devices/pairing-codes", headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = await ada.post("/v1/devices/pairing-codes", headers=key())
    assert other.json()["code"] != first.json()["code"]


async def test_a_move_that_is_sent_again_is_no_conflict(world: World) -> None:
    bounty = await make_bounty(world)
    path, headers = f"/v1/bounties/{bounty.id}/pause", key()
    body = {"reason": "We look at the data again."}
    first = await bounty.owner.post(path, body, headers=headers)
    again = await bounty.owner.post(path, body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert first.json() == again.json()
    assert first.headers["etag"] == again.headers["etag"]
    refused = await bounty.owner.post(path, body, headers=key())
    assert refused.status_code == 409


async def test_another_query_is_another_request(world: World) -> None:
    bounty, headers = await make_bounty(world, state=BountyState.DRAFT), key()
    path = f"/v1/bounties/{bounty.id}/attachments?kind=data&name="
    sent: dict[str, Any] = {"content": b"1,2", "headers": headers}
    assert (await bounty.owner.post(f"{path}a.csv", **sent)).status_code == 201
    refused = await bounty.owner.post(f"{path}b.csv", **sent)
    problem(refused, 422, "edge.idempotency_key_reused")


async def test_an_upload_that_is_sent_again_is_answered_alike_whatever_came_since(
    world: World,
) -> None:
    bounty, headers = await make_bounty(world, state=BountyState.DRAFT), key()
    path = f"/v1/bounties/{bounty.id}/attachments?kind=thumbnail&name=small.png"
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    first = await bounty.owner.post(path, content=png, headers=headers)
    assert first.status_code == 201, first.text
    other = await bounty.owner.post(path, content=png + b"1", headers=key())
    assert other.status_code == 201
    again = await bounty.owner.post(path, content=png, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    refused = await bounty.owner.post(path, content=png + b"2", headers=headers)
    problem(refused, 422, "edge.idempotency_key_reused")
    stranger = await world.person()
    assert (await stranger.post(path, content=png, headers=headers)).status_code == 404


async def test_a_form_with_another_boundary_is_the_same_upload(world: World) -> None:
    ada, headers = await world.person(), key()
    path = await make_algorithm(ada)
    body = form(spec_part(), file_part())
    first = await send(ada, path, body, **headers)
    assert first.status_code == 201, first.text
    other = {"content-type": FORM_TYPE.replace(BOUNDARY, "another-boundary")}
    body = body.replace(BOUNDARY.encode(), b"another-boundary")
    again = await send(ada, path, body, **headers, **other)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    changed = await send(ada, path, form(spec_part(width=9), file_part()), **headers)
    problem(changed, 422, "edge.idempotency_key_reused")


async def test_a_submission_that_is_sent_again_is_the_same_though_no_more_are_taken(
    world: World,
) -> None:
    bounty = await make_bounty(world, limits={"per_day": 1, "concurrent": 1, "total": 1})
    ada, headers = await enroll(world, bounty), key()
    await bounty.post("start")
    sent: dict[str, Any] = {"content": b"id,prediction\n1,2\n", "headers": headers}
    sent["headers"]["content-type"] = "application/octet-stream"
    path = f"{bounty.path}/submissions"
    first = await ada.post(path, **sent)
    assert first.status_code == 201, first.text
    await bounty.post("close")
    again = await ada.post(path, **sent)
    assert (again.status_code, again.content) == (201, first.content)
    problem(
        await ada.post(path, **sent | {"headers": key()}), 409, "bounties.closed_for_submissions"
    )


async def test_of_two_uploads_at_once_with_a_key_one_is_done(world: World) -> None:
    bounty, headers = await make_bounty(world, state=BountyState.DRAFT), key()
    path = f"/v1/bounties/{bounty.id}/attachments?kind=data&name=a.csv"
    asked = (bounty.owner.post(path, content=b"1,2", headers=headers) for _ in range(5))
    answers = await asyncio.gather(*asked)
    assert {it.status_code for it in answers} == {201}
    assert len({it.content for it in answers}) == 1


async def test_of_two_submissions_at_once_with_a_key_none_is_told_of_the_others_place(
    world: World,
) -> None:
    bounty = await make_bounty(world, limits={"per_day": 1, "concurrent": 1, "total": 1})
    entrants = [await enroll(world, bounty) for _ in range(3)]
    await bounty.post("start")
    for ada in entrants:
        headers = key() | {"content-type": "application/octet-stream"}
        path = f"{bounty.path}/submissions"
        asked = (ada.post(path, content=b"id,prediction\n1,2\n", headers=headers) for _ in range(6))
        answers = await asyncio.gather(*asked)
        assert [it.status_code for it in answers] == [201] * 6, [it.text for it in answers]
        assert len({it.content for it in answers}) == 1


async def test_a_key_that_was_answered_meanwhile_is_looked_up_before_a_refusal(
    world: World,
) -> None:
    bounty, headers = await make_bounty(world, state=BountyState.DRAFT), key()
    path = f"/v1/bounties/{bounty.id}/attachments?kind=data&name=a.csv"
    sent: dict[str, Any] = {"content": b"1,2", "headers": headers}

    def begin(*, since: datetime | None = None) -> Any:
        return transaction(world.parts, bounty.owner.token, since=since)

    async def refuse(ctx: Context) -> str:
        raise AttachmentNotFound

    async def be_late(ctx: Context) -> str:
        assert (await bounty.owner.post(path, **sent)).status_code == 201
        raise AttachmentNotFound

    request = Request({"type": "http"})
    async with AsyncExitStack() as stack:
        late = LateTransaction(request, headers["Idempotency-Key"], stack)
        with pytest.raises(AttachmentNotFound):
            await late.begin(begin, refuse)
        actor, _, found = await late.begin(begin, be_late)
        assert (actor.user_id, found) == (bounty.owner.id, None)
        keyless = LateTransaction(request, None, stack)
        with pytest.raises(AttachmentNotFound):
            await keyless.begin(begin, be_late)


async def test_a_version_that_is_sent_again_is_the_same_though_its_algorithm_is_archived(
    world: World,
) -> None:
    ada, headers = await world.person(), key()
    path = await make_algorithm(ada)
    body = form(spec_part(), file_part())
    first = await send(ada, path, body, **headers)
    assert first.status_code == 201, first.text
    assert (await ada.post(f"{path}/archive")).status_code == 200
    again = await send(ada, path, body, **headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert (await send(ada, path, body, **key())).status_code == 409


@pytest.mark.parametrize("signed", [True, False])
async def test_an_upload_of_nobody_with_a_key_is_refused(world: World, signed: bool) -> None:
    bounty = await make_bounty(world)
    path = f"/v1/bounties/{bounty.id}/attachments?kind=data&name=a.csv"
    headers = key() | ({"authorization": "Bearer nonsense"} if signed else {})
    answer = await world.client.post(path, content=b"1", headers=headers)
    assert answer.status_code == 401, answer.text
