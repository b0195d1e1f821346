"""Credits by hand: covered by the vault, by two admins where they are large, and taken back."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from dml.core.checks import look
from dml.core.context import Actor, Context, Role
from dml.core.errors import DmlError
from dml.core.ids import CreditId, UserId, new_id
from dml.core.money import MicroTokens, parse as tokens
from dml.payments import credits, doctor, queries
from dml.payments.models import TransferCode
from dml.payments.rules import (
    CreditExpired,
    MoreThanCredited,
    NotCovered,
    OwnCredit,
    SpentAlready,
    WrongCreditState,
    wallet,
)
from dml.payments.service import transfer
from tests.chain.people import add_vault
from tests.conftest import Sessions
from tests.world import World, make_user, problem


@dataclass
class Books:
    """Two admins and a user, over a database of their own."""

    sessions: Sessions
    admin: UserId
    other: UserId
    ada: UserId

    async def credit(
        self, amount: str, *, by: UserId | None = None, to: UserId | None = None, alone: str = "50"
    ) -> CreditId:
        async with self.sessions.begin() as tx:
            ctx = Context(tx, Actor(by or self.admin, Role.ADMIN), datetime.now(UTC))
            made = await credits.credit(
                ctx, to or self.ada, tokens(amount), reason="a test", alone_up_to=tokens(alone)
            )
            return made.id

    async def approve(self, credit_id: CreditId, by: UserId, *, days: int = 0) -> None:
        async with self.sessions.begin() as tx:
            now = datetime.now(UTC) + timedelta(days=days)
            await credits.approve(Context(tx, Actor(by, Role.ADMIN), now), credit_id)

    async def reverse(self, credit_id: CreditId, amount: str | None = None) -> None:
        async with self.sessions.begin() as tx:
            ctx = Context(tx, Actor(self.admin, Role.ADMIN), datetime.now(UTC))
            wanted = None if amount is None else tokens(amount)
            await credits.reverse(ctx, credit_id, wanted, reason="a mistake")

    async def held(self) -> MicroTokens:
        async with self.sessions() as tx:
            assert await look(tx, doctor.CHECKS) == []
            return await queries.get_account_balance(tx, wallet(self.ada))


@pytest.fixture
async def books(committing: Sessions) -> Books:
    async with committing.begin() as tx:
        admin, other = [(await make_user(tx, it, Role.ADMIN)).id for it in ("root", "other")]
        ada = (await make_user(tx, "ada")).id
    return Books(committing, admin, other, ada)


async def test_no_more_is_credited_than_lies_in_the_vault(books: Books) -> None:
    async with books.sessions.begin() as tx:
        await add_vault(tx, surplus=tokens("30"))
    with pytest.raises(NotCovered) as refused:
        await books.credit("30.000001")
    assert refused.value.facts == {"left": "30"}
    await books.credit("20")
    with pytest.raises(NotCovered) as refused:
        await books.credit("10.000001")
    assert refused.value.facts == {"left": "10"}
    first = await books.credit("10")
    with pytest.raises(NotCovered):
        await books.credit("0.000001")
    await books.reverse(first)  # What was taken back can be credited anew.
    await books.credit("10")
    assert await books.held() == tokens("30")


async def test_several_at_once_do_not_credit_more_together(books: Books) -> None:
    async with books.sessions.begin() as tx:
        await add_vault(tx, surplus=tokens("30"))
    asked = [books.credit("10", by=by) for by in (books.admin, books.other) for _ in range(5)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(it, NotCovered) for it in done) == 7
    assert await books.held() == tokens("30")


async def test_a_vault_that_was_never_compared_covers_nothing(books: Books) -> None:
    async with books.sessions.begin() as tx:
        vault = await add_vault(tx, surplus=None)
    with pytest.raises(NotCovered):
        await books.credit("1")
    async with books.sessions.begin() as tx:
        await tx.execute(text("UPDATE vaults SET surplus = 5000000, halted_at = now()"))
    with pytest.raises(NotCovered):  # Nobody knows what is there any more.
        await books.credit("1")
    assert vault.is_current


async def test_deposits_and_payouts_do_not_cover_a_credit(books: Books) -> None:
    async with books.sessions.begin() as tx:
        await add_vault(tx, surplus=tokens("1"), deposited=tokens("100"), deposited_up_to=1)
        ctx = Context(tx, Actor(None, Role.ADMIN), datetime.now(UTC))
        await transfer(
            ctx,
            code=TransferCode.DEPOSIT,
            reference="deposit:1",
            source="chain",
            target="unclaimed",
            amount=tokens("100"),
        )
    with pytest.raises(NotCovered) as refused:
        await books.credit("2")
    assert refused.value.facts == {"left": "1"}


async def test_above_the_bound_two_admins_agree(books: Books) -> None:
    await books.credit("30")
    waiting = await books.credit("20.000001")  # With the 30 of today.
    assert await books.held() == tokens("30")
    with pytest.raises(OwnCredit):
        await books.approve(waiting, books.admin)
    with pytest.raises(CreditExpired):
        await books.approve(waiting, books.other, days=7)
    await books.approve(waiting, books.other)
    assert await books.held() == tokens("50.000001")
    with pytest.raises(WrongCreditState):
        await books.approve(waiting, books.other)
    await books.credit("20")  # What two agreed to is not counted as one's own.
    assert await books.held() == tokens("70.000001")


async def test_several_small_ones_at_once_are_one_large(books: Books) -> None:
    await asyncio.gather(*(books.credit("20") for _ in range(5)))
    assert await books.held() == tokens("40")


async def test_nobody_credits_oneself_nor_agrees_to_that(books: Books) -> None:
    with pytest.raises(OwnCredit):
        await books.credit("1", to=books.admin)
    theirs = await books.credit("60", to=books.other)
    with pytest.raises(OwnCredit):
        await books.approve(theirs, books.other)


async def test_a_credit_is_taken_back_as_far_as_it_is_there(books: Books) -> None:
    made = await books.credit("10")
    async with books.sessions.begin() as tx:
        ctx = Context(tx, Actor(None, Role.ADMIN), datetime.now(UTC))
        await transfer(
            ctx,
            code=TransferCode.JOB_ESCROW,
            reference="job:1",
            source=wallet(books.ada),
            target="escrow:job:1",
            amount=tokens("4"),
        )
    with pytest.raises(SpentAlready) as refused:
        await books.reverse(made)
    assert refused.value.facts == {"there": "6"}
    with pytest.raises(MoreThanCredited):
        await books.reverse(made, "10.000001")
    await books.reverse(made, "5")
    assert await books.held() == tokens("1")
    with pytest.raises(SpentAlready):
        await books.reverse(made)
    results = await asyncio.gather(
        *(books.reverse(made, "1") for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(it, DmlError) for it in results) == 2
    assert await books.held() == 0


async def test_through_http_each_is_done_well_and_refused(world: World) -> None:
    admin, other = [await world.person(it, Role.ADMIN) for it in ("admin", "other")]
    ada = await world.person("ada")
    body = {"user_id": str(ada.id), "amount": "2000000", "reason": "a bank's word"}
    made = (await admin.post("/v1/admin/credits", body)).json()
    assert (made["state"], made["asked_by"]) == ("requested", str(admin.id))
    path = f"/v1/admin/credits/{made['id']}"
    listed = (await other.get("/v1/admin/credits?limit=100")).json()["items"]
    assert made["id"] in [it["id"] for it in listed]
    for verb in ("approve", "refuse", "reverse"):
        asked = await ada.post(f"{path}/{verb}", {"reason": "mine"})
        problem(asked, 403, "accounts.admins_only")
    problem(await ada.get("/v1/admin/credits"), 403, "accounts.admins_only")
    problem(await admin.post(f"{path}/approve"), 403, "payments.own_credit")
    not_yet = await admin.post(f"{path}/reverse", {"reason": "too soon"})
    problem(not_yet, 409, "payments.wrong_credit_state")
    headers = {"Idempotency-Key": str(new_id())}
    for _ in range(2):
        approved = await other.post(f"{path}/approve", headers=headers)
        assert (approved.status_code, approved.json()["state"]) == (200, "credited")
    assert (await ada.get("/v1/payments/balance")).json()["available"] == "2000000"
    back = {"reason": "the bank was wrong", "amount": "1999999.5"}
    for _ in range(2):
        reversed_ = await admin.post(
            f"{path}/reverse", back, headers={"Idempotency-Key": f"back-{made['id']}"}
        )
        assert reversed_.json()["reversed"] == "1999999.5"
    assert (await ada.get("/v1/payments/balance")).json()["available"] == "0.5"
    problem(
        await admin.post(f"/v1/admin/credits/{new_id()}/reverse", {"reason": "what"}),
        404,
        "payments.credit_not_found",
    )
    again = await admin.post("/v1/admin/credits", body)
    refused = await admin.post(f"/v1/admin/credits/{again.json()['id']}/refuse", {"reason": "no"})
    assert refused.json()["state"] == "refused"
