"""Asking for withdrawals through HTTP, and taking them back: each thing once well, each refusal."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from dml.accounts import passwords
from dml.accounts.models import User
from dml.chain.models import Batch, SignedTransaction, Vault, VaultPayout, Withdrawal
from dml.chain.states import WithdrawalState
from dml.core.context import Role
from dml.core.ids import BatchId, new_id
from dml.core.money import MicroTokens
from tests.accounts.factors.authenticator import enroll
from tests.chain.people import link, set_vault, some_address, some_hash, unlink
from tests.world import PASSWORD, Person, World, problem

PATH = "/v1/payments/withdrawals"
pytestmark = pytest.mark.usefixtures("vault")


async def _rich(world: World, amount: str = "100") -> tuple[Person, dict[str, Any]]:
    """Somebody with tokens and a wallet, and a body that withdraws ten of them."""
    ada = await world.rich("ada", amount)
    wallet = await link(ada)
    return ada, {"amount": "10", "wallet_id": wallet["id"], "password": PASSWORD}


async def _balance(person: Person) -> tuple[str, str]:
    balance = (await person.get("/v1/payments/balance")).json()
    return balance["available"], balance["reserved"]


async def test_what_is_withdrawn_is_set_aside_at_once_and_shown(world: World) -> None:
    ada, body = await _rich(world)
    answer = await ada.post(PATH, body | {"memo": "rent"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["amount"], made["fee"]) == ("requested", "10", "0")
    assert (made["memo"], made["needs_review"], made["tx_hash"]) == ("rent", False, None)
    assert await _balance(ada) == ("90", "10")

    shown = (await ada.get(answer.headers["location"])).json()
    assert (shown["batch"], shown["seen"]) == (None, None)
    (entry,) = shown["timeline"]["entries"]
    assert (entry["action"], entry["to_state"], entry["actor"]) == ("requested", "requested", "you")
    assert [it["action"] for it in shown["timeline"]["next"]] == ["authorise", "pay"]
    assert shown["timeline"]["next"][0]["at"] is not None
    timeline = (await ada.get(answer.headers["location"] + "/timeline")).json()
    assert timeline == shown["timeline"]
    assert (await ada.get(PATH)).json()["items"] == [made]
    assert (await ada.get(f"{PATH}?state=requested")).json()["items"] == [made]
    assert (await ada.get(f"{PATH}?state=paid")).json()["items"] == []


async def test_with_a_second_factor_what_is_sent_again_needs_no_other_code(world: World) -> None:
    """The answer was lost, and the code in it is used up."""
    ada, body = await _rich(world)
    app = await enroll(world, ada)
    problem(await ada.post(PATH, body), 403, "accounts.factor_proof_needed")
    del body["password"]
    body["proof"] = await app.proof()
    headers = {"Idempotency-Key": str(new_id())}
    first, again = [await ada.post(PATH, body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.json()) == (201, first.json()), first.text
    assert again.headers["idempotency-replayed"] == "true"
    other = await ada.post(PATH, body | {"amount": "11"}, headers=headers)
    problem(other, 422, "edge.idempotency_key_reused")
    problem(await ada.post(PATH, body), 403, "accounts.code_used")
    assert await _balance(ada) == ("90", "10")


async def test_ten_withdrawals_of_the_whole_balance_at_once_are_one(world: World) -> None:
    ada, body = await _rich(world)
    asked = (ada.post(PATH, body | {"amount": "100"}) for _ in range(10))
    answers = await asyncio.gather(*asked)
    assert sorted(it.status_code for it in answers) == [201] + [409] * 9
    for it in answers:
        if it.status_code == 409:
            problem(it, 409, "payments.insufficient_funds")
    assert await _balance(ada) == ("0", "100")


async def test_the_limit_of_a_day_holds_for_two_at_once(world: World) -> None:
    ada, body = await _rich(world, "200000")
    asked = (ada.post(PATH, body | {"amount": "60000"}) for _ in range(2))
    answers = await asyncio.gather(*asked)
    assert sorted(it.status_code for it in answers) == [201, 429]
    (refused,) = [it for it in answers if it.status_code == 429]
    assert problem(refused, 429, "chain.amount_of_day_used")["left"] == "40000"
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_401


async def test_a_withdrawal_can_be_seen_and_cancelled_without_a_chain(world: World) -> None:
    ada, body = await _rich(world)
    path = (await ada.post(PATH, body)).headers["location"]
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(Vault).values(is_current=False))
    shown = (await ada.get(path)).json()
    assert shown["timeline"]["next"][0] == {"action": "authorise", "at": None}
    assert (await ada.post(f"{path}/cancel")).status_code == 200


async def test_the_same_key_withdraws_once(world: World) -> None:
    ada, body = await _rich(world)
    headers = {"Idempotency-Key": str(new_id())}
    answers = await asyncio.gather(*(ada.post(PATH, body, headers=headers) for _ in range(5)))
    assert {it.status_code for it in answers} == {201}
    assert len({it.text for it in answers}) == 1
    assert await _balance(ada) == ("90", "10")
    other = await ada.post(PATH, body | {"amount": "11"}, headers=headers)
    problem(other, 422, "edge.idempotency_key_reused")
    wrong = await ada.post(PATH, body | {"password": "guessed"}, headers=headers)
    problem(wrong, 403, "accounts.wrong_proof")  # Nor is an answer told to who does not know it.


async def test_no_digest_of_a_password_is_kept(world: World) -> None:
    """What is kept under a key is the same whatever the password was."""
    ada, body = await _rich(world)
    headers = {"Idempotency-Key": str(new_id())}
    first = await ada.post(PATH, body, headers=headers)
    other = await passwords.hash_password("another password")
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(User).where(User.id == ada.id).values(password_hash=other))
    again = await ada.post(PATH, body | {"password": "another password"}, headers=headers)
    assert (again.status_code, again.text) == (201, first.text)
    assert await _balance(ada) == ("90", "10")


async def test_a_wrong_password_withdraws_nothing(world: World) -> None:
    ada, body = await _rich(world)
    answer = await ada.post(PATH, body | {"password": "a  password"})
    problem(answer, 403, "accounts.wrong_proof")
    assert await _balance(ada) == ("100", "0")


async def test_a_proof_is_taken_in_its_own_form(world: World) -> None:
    ada, body = await _rich(world)
    del body["password"]
    wrong = {"proof": {"kind": "password", "password": "guessed"}}
    problem(await ada.post(PATH, body | wrong), 403, "accounts.wrong_proof")
    right = {"proof": {"kind": "password", "password": PASSWORD}}
    assert (await ada.post(PATH, body | right)).status_code == 201


async def test_a_password_is_taken_as_typed(world: World) -> None:
    ada, body = await _rich(world)
    spaced = " a password with spaces "
    other = await passwords.hash_password(spaced)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(User).where(User.id == ada.id).values(password_hash=other))
    problem(await ada.post(PATH, body | {"password": spaced.strip()}), 403, "accounts.wrong_proof")
    assert (await ada.post(PATH, body | {"password": spaced})).status_code == 201


async def test_passwords_cannot_be_guessed_for_long(world: World) -> None:
    ada, body = await _rich(world)
    most = world.parts.settings.withdrawal_tries_a_minute - 1  # One linked the wallet.
    tries = [await ada.post(PATH, body | {"password": "guess"}) for _ in range(most + 1)]
    assert {it.status_code for it in tries[:most]} == {403}
    problem(tries[most], 429, "edge.too_many_tries")
    assert int(tries[most].headers["retry-after"]) >= 1
    problem(await ada.post(PATH, body), 429, "edge.too_many_tries")
    bob, bobs = await _rich(world)
    assert (await bob.post(PATH, bobs)).status_code == 201  # Nobody else is stopped by that.


async def test_no_transaction_is_open_while_a_password_is_checked(world: World) -> None:
    ada, body = await _rich(world)
    pool = world.parts.sessions.kw["bind"].pool
    passwords.allow_at_once(0)  # So whoever has one to check waits.
    try:
        waiting = asyncio.create_task(ada.post(PATH, body))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert pool.checkedout() == 0
        waiting.cancel()
    finally:
        passwords.configure(world.parts.settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": 1},
        {"amount": "1.0000001"},
        {"amount": "9223372036854.775808"},
        {"amount": None},
        {"wallet_id": "mine"},
        {"password": ""},
        {"password": None},
        {"proof": {"kind": "password", "password": PASSWORD}},  # And `password`: which one?
        {"memo": "nul \0"},
        {"max_fee": "-1"},
        {"more": 1},
    ],
)
async def test_what_is_no_withdrawal_is_refused(world: World, wrong: dict[str, Any]) -> None:
    ada = await world.person("ada")
    body = {"amount": "1", "wallet_id": str(new_id()), "password": PASSWORD} | wrong
    answer = await ada.post(PATH, body)
    assert answer.status_code == 422
    told = [(it["pointer"], it["detail"]) for it in answer.json()["errors"]]
    assert len(told) == len(set(told)), "the body is read twice, and told of once"


async def test_amounts_that_do_not_fit_are_refused_with_the_facts(world: World) -> None:
    ada, body = await _rich(world)
    refused = await ada.post(PATH, body | {"amount": "0.000001"})
    assert problem(refused, 409, "chain.less_than_least")["least"] == "1"
    refused = await ada.post(PATH, body | {"amount": "100000.000001"})
    assert problem(refused, 409, "chain.above_vault_limit")["most"] == "100000"
    refused = await ada.post(PATH, body | {"amount": "100.000001"})
    assert problem(refused, 409, "payments.insufficient_funds")["missing"] == "0.000001"
    assert (await ada.post(PATH, body | {"amount": "100"})).status_code == 201


async def test_only_a_linked_wallet_of_one_s_own_is_paid(world: World) -> None:
    ada, body = await _rich(world)
    bob = await world.person("bob")
    for wallet_id in (str(new_id()), (await link(bob))["id"]):
        refused = await ada.post(PATH, body | {"wallet_id": wallet_id})
        problem(refused, 404, "chain.wallet_not_found")
    assert (await unlink(ada, body["wallet_id"])).status_code == 204
    problem(await ada.post(PATH, body), 404, "chain.wallet_not_found")


async def test_a_wallet_that_was_denied_or_became_the_vault_is_not_paid(world: World) -> None:
    ada, body = await _rich(world)
    admin = await world.person("admin", Role.ADMIN)
    wallet = (await ada.get(f"/v1/wallets/{body['wallet_id']}")).json()
    denied = f"/v1/admin/denied-addresses/{wallet['address']}"
    assert (await admin.put(denied, {"reason": "stolen"})).status_code == 200
    problem(await ada.post(PATH, body), 403, "chain.address_denied")
    assert (await admin.ask("DELETE", denied)).status_code == 204
    await set_vault(world, address=wallet["address"])
    problem(await ada.post(PATH, body), 422, "chain.nobodys_address")


async def test_a_withdrawal_is_cancelled_once_and_only_while_it_is_requested(world: World) -> None:
    ada, body = await _rich(world)
    path = (await ada.post(PATH, body)).headers["location"]
    cancelled = await ada.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert await _balance(ada) == ("100", "0")
    refused = problem(await ada.post(f"{path}/cancel"), 409, "chain.wrong_withdrawal_state")
    assert (refused["state"], refused["allowed"]) == ("cancelled", [])
    shown = (await ada.get(path)).json()
    assert [it["action"] for it in shown["timeline"]["entries"]] == ["requested", "cancelled"]
    assert shown["timeline"]["next"] == []

    path = (await ada.post(PATH, body)).headers["location"]
    async with world.parts.sessions.begin() as tx:
        await _authorise(tx, path)
    refused = problem(await ada.post(f"{path}/cancel"), 409, "chain.wrong_withdrawal_state")
    assert refused["state"] == "authorised"
    assert await _balance(ada) == ("90", "10")


async def test_cancelling_at_once_gives_back_once(world: World) -> None:
    ada, body = await _rich(world)
    path = (await ada.post(PATH, body)).headers["location"]
    answers = await asyncio.gather(*(ada.post(f"{path}/cancel") for _ in range(5)))
    assert sorted(it.status_code for it in answers) == [200] + [409] * 4
    assert await _balance(ada) == ("100", "0")


async def test_a_withdrawal_of_others_is_not_there(world: World) -> None:
    (ada, body), bob = await _rich(world), await world.person("bob", Role.ADMIN)
    path = (await ada.post(PATH, body)).headers["location"]
    for answer in (
        await bob.get(path),
        await bob.get(f"{path}/timeline"),
        await bob.post(f"{path}/cancel"),
    ):
        problem(answer, 404, "chain.withdrawal_not_found")


async def _authorise(tx: Any, path: str) -> Withdrawal:
    """Put it into a batch, as the payer does: with a transaction sent, and one that was not."""
    found = select(Withdrawal).where(Withdrawal.id == path.rpartition("/")[2])
    withdrawal: Withdrawal = (await tx.scalars(found)).one()
    vault = (await tx.scalars(select(Vault).where(Vault.is_current))).one()
    now = datetime.now(UTC)
    batch = Batch(
        id=BatchId(new_id()), vault_id=vault.id, created_at=now, count=3, total=MicroTokens(9)
    )
    tx.add(batch)
    await tx.flush()
    for nonce, sent_at in enumerate((now, None)):
        tx.add(
            SignedTransaction(
                hash=some_hash(),
                batch_id=batch.id,
                sender=some_address(),
                nonce=nonce,
                raw=b"raw",
                gas=1,
                max_fee=1,
                priority_fee=1,
                signed_at=now,
                sent_at=sent_at,
            )
        )
    withdrawal.state, withdrawal.authorised_at = WithdrawalState.AUTHORISED, now
    withdrawal.batch_id, withdrawal.number = batch.id, new_id().int & 0xFFFFFFFFFF
    await tx.flush()
    return withdrawal


@pytest.mark.parametrize("refusal", [None, b"stranger's words"])
async def test_one_sees_how_far_a_withdrawal_is_on_the_chain(
    world: World, vault: Vault, refusal: bytes | None
) -> None:
    ada, body = await _rich(world)
    path = (await ada.post(PATH, body)).headers["location"]
    async with world.parts.sessions.begin() as tx:
        withdrawal = await _authorise(tx, path)
    shown = (await ada.get(path)).json()
    assert shown["batch"]["count"] == 3
    assert len(shown["batch"]["transactions"]) == 1  # What was not sent is not told.
    assert shown["seen"] is None
    assert [it["action"] for it in shown["timeline"]["next"]] == ["pay"]
    async with world.parts.sessions.begin() as tx:
        assert withdrawal.number is not None
        tx.add(
            VaultPayout(
                vault_id=vault.id,
                block_hash=some_hash(),
                log_index=0,
                block_number=97,
                tx_hash=some_hash(),
                number=withdrawal.number,
                recipient=withdrawal.address,
                amount=withdrawal.amount,
                refusal=refusal,
            )
        )
    seen = (await ada.get(path)).json()["seen"]
    assert (seen["block_number"], seen["confirmations"], seen["is_final"]) == (97, 4, False)
    assert seen["refusal"] == (refusal and "the token or the wallet refused the transfer")


async def test_the_terms_say_what_remains_today(world: World) -> None:
    ada, body = await _rich(world)
    path = (await ada.post(PATH, body)).headers["location"]
    terms = (await ada.get(f"{PATH}/terms")).json()
    assert terms["remaining_today"] == {"count": 19, "amount": "99990"}
    assert (terms["fee"], terms["min_amount"], terms["vault_daily_limit"]) == ("0", "1", "100000")
    assert (terms["review_above"], terms["batch_seconds"]) == ("10000", 60)
    assert terms["paused_reason"] is None
    await ada.post(f"{path}/cancel")
    left = (await ada.get(f"{PATH}/terms")).json()["remaining_today"]
    assert left == {"count": 19, "amount": "100000"}
    await set_vault(world, difference="the vault holds 5 less", paying_error="no coins for gas")
    told = (await ada.get(f"{PATH}/terms")).json()["paused_reason"]
    assert told.startswith("Chain and books differ")
    assert "5 less" not in told
