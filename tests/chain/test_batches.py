"""Which withdrawals go together, and what becomes of them, by the books alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_utils.crypto import keccak
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import (
    Batch,
    DeniedAddress,
    SignedTransaction,
    Vault,
    VaultPayout,
    Withdrawal,
)
from dml.chain.payer import batches, queries as batch_queries
from dml.chain.payer.batches import Ended
from dml.core import event_log, money
from dml.core.context import SYSTEM, Context
from dml.core.ids import BatchId, UserId
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries, service as payments
from dml.payments.models import CHAIN, TransferCode
from dml.payments.rules import wallet
from tests.chain.payers import terms
from tests.chain.rows import ADDRESS, HASH, make_vault, make_withdrawal

ALL = MicroTokens(money.MAX)
LIMIT_REACHED = keccak(text="DailyLimitReached(uint64)")[:4]
BAD_RECIPIENT = keccak(text="BadRecipient(address)")[:4]


@pytest.fixture
async def vault(tx: AsyncSession, owner: UserId) -> Vault:
    vault = await make_vault(tx)
    vault.daily_limit = MicroTokens(50_000_000)
    await payments.transfer(
        at_now(tx),
        code=TransferCode.DEPOSIT,
        reference="test",
        source=CHAIN,
        target=wallet(owner),
        amount=MicroTokens(100_000_000),
    )
    return vault


def at_now(tx: AsyncSession, seconds: float = 0) -> Context:
    return Context(tx, SYSTEM, datetime.now(UTC) + timedelta(seconds=seconds))


async def gather(
    vault: Vault, tx: AsyncSession, available: int = ALL, *, later: float = 0, **changes: Any
) -> list[Withdrawal] | None:
    ctx = at_now(tx, later)
    made = await batches.gather(ctx, vault, terms(**changes), MicroTokens(available))
    if made is None:
        return None
    query = select(Withdrawal).where(Withdrawal.batch_id == made).order_by(Withdrawal.number)
    return list(await tx.scalars(query))


async def sign(tx: AsyncSession, batch_id: BatchId, nonce: int = 0) -> SignedTransaction:
    signed = transaction(batch_id, nonce)
    tx.add(signed)
    await tx.flush()
    return signed


def transaction(batch_id: BatchId, nonce: int) -> SignedTransaction:
    return SignedTransaction(
        hash=f"0x{nonce:064x}",
        batch_id=batch_id,
        sender=ADDRESS,
        nonce=nonce,
        raw=b"",
        gas=1,
        max_fee=1,
        priority_fee=1,
        signed_at=datetime.now(UTC),
    )


def refusal(vault: Vault, it: Withdrawal, signed: SignedTransaction, reason: bytes) -> VaultPayout:
    assert it.number is not None
    return VaultPayout(
        vault_id=vault.id,
        block_hash=HASH,
        log_index=it.number,
        block_number=5,
        tx_hash=signed.hash,
        number=it.number,
        recipient=it.address,
        amount=it.amount,
        refusal=reason,
        is_final=True,
    )


async def held(tx: AsyncSession, owner: UserId) -> int:
    return await payment_queries.get_account_balance(tx, wallet(owner))


async def test_a_batch_goes_by_count_or_total_or_age(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    patient: dict[str, Any] = {"count": 3, "seconds": 60, "total": MicroTokens(5_000_000)}
    await make_withdrawal(tx, owner)
    await make_withdrawal(tx, owner)
    assert await gather(vault, tx, **patient) is None
    assert len(await gather(vault, tx, later=61, **patient) or []) == 2
    for _ in range(4):
        await make_withdrawal(tx, owner)
    await batch_done(tx)
    assert len(await gather(vault, tx, **patient) or []) == 3
    await batch_done(tx)
    assert await gather(vault, tx, **patient) is None
    await make_withdrawal(tx, owner, amount=4_000_000)
    assert len(await gather(vault, tx, **patient) or []) == 2


async def batch_done(tx: AsyncSession) -> None:
    await tx.execute(update(Batch).values(settled_at=datetime.now(UTC)))


async def test_the_oldest_go_first_up_to_the_first_that_does_not_fit(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    amounts = [1_000_000, 3_000_000, 2_000_000, 1_000_000]
    made = [await make_withdrawal(tx, owner, amount=it) for it in amounts]
    chosen = await gather(vault, tx, 5_000_000)
    assert chosen == made[:2]  # The fourth would fit, and waits behind the third.
    assert [it.state for it in made] == ["authorised", "authorised", "requested", "requested"]
    await batch_done(tx)
    assert await gather(vault, tx, 1_999_999) is None


async def test_numbers_count_upwards_and_the_timeline_tells_them(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    for _ in range(3):
        await make_withdrawal(tx, owner)
    chosen = await gather(vault, tx) or []
    first = chosen[0].number
    assert first is not None
    assert [it.number for it in chosen] == [first, first + 1, first + 2]
    (entry,) = await event_log.history(tx, chosen[0].reference)
    assert (entry.action, entry.from_state, entry.to_state) == (
        "authorised",
        "requested",
        "authorised",
    )
    assert entry.facts == {"number": first, "batch": str(chosen[0].batch_id)}


async def test_what_waits_for_a_review_stays_until_it_had_one(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    made = await make_withdrawal(tx, owner)
    made.needs_review = True
    assert await gather(vault, tx) is None
    made.reviewed_at = datetime.now(UTC)
    assert await gather(vault, tx, seconds=60) is None  # It waits for others from then on.
    assert await gather(vault, tx, later=61, seconds=60) == [made]


async def test_a_denied_address_is_paid_nothing_and_its_user_reads_so(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    bad = "0x00000000000000000000000000000000000000bb"
    tx.add(DeniedAddress(address=bad, reason="theft", denied_by=None, denied_at=datetime.now(UTC)))
    denied = await make_withdrawal(tx, owner, address=bad, fee=1)
    requeued = await make_withdrawal(tx, owner, address=bad, number=1_000_000)
    other = await make_withdrawal(tx, owner)
    assert await gather(vault, tx) == [other]
    assert (denied.state, denied.end_reason) == ("cancelled", batches.DENIED)
    assert (requeued.state, requeued.end_reason) == ("reversed", batches.DENIED)
    assert await held(tx, owner) == 99_000_000


async def test_a_vault_whose_limit_is_nothing_pays_nothing_and_gives_nothing_back(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    vault.daily_limit = MicroTokens(0)
    made = await make_withdrawal(tx, owner)
    assert await gather(vault, tx, 0) is None
    assert made.state == "requested"


async def test_those_put_off_go_first_and_keep_their_numbers(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    new = await make_withdrawal(tx, owner)
    put_off = await make_withdrawal(tx, owner, number=7)
    chosen = await gather(vault, tx, 1_000_000, seconds=1_000)
    assert chosen == [put_off]
    assert (put_off.number, new.state) == (7, "requested")


async def test_no_batch_is_made_beside_one_that_the_caller_has_not_seen(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    await make_withdrawal(tx, owner)
    assert await gather(vault, tx)
    await make_withdrawal(tx, owner)
    assert await gather(vault, tx) is None


async def test_a_batch_that_ended_gives_back_puts_off_and_leaves_what_is_paid(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    """Each after what final blocks say of it."""
    for _ in range(4):
        await make_withdrawal(tx, owner, fee=10)
    chosen = await gather(vault, tx) or []
    bad, limited, silent, unclear = chosen
    batch_id = bad.batch_id
    assert batch_id is not None
    signed = await sign(tx, batch_id)
    tx.add(refusal(vault, bad, signed, BAD_RECIPIENT))
    tx.add(refusal(vault, limited, signed, LIMIT_REACHED))
    await tx.flush()
    assert unclear.number is not None
    ended = Ended(10, frozenset([signed.hash]), frozenset([unclear.number]))
    ctx = at_now(tx)
    assert not await batches.conclude(ctx, vault.id, batch_id, replace(ended, hashes=frozenset()))
    assert await batches.conclude(ctx, vault.id, batch_id, ended)
    assert not await batches.conclude(ctx, vault.id, batch_id, ended)
    assert (bad.state, bad.end_reason) == ("reversed", "the vault cannot pay to this address")
    assert (limited.state, limited.batch_id) == ("authorised", None)
    assert (silent.state, silent.batch_id) == ("authorised", None)
    assert (unclear.state, unclear.batch_id) == ("authorised", batch_id)
    assert await held(tx, owner) == 100_000_000 - 3 * 1_000_010
    batch = await tx.get_one(Batch, batch_id)
    assert batch.outcome == "1 reversed, 2 put off, 1 unclear"


async def test_a_refusal_of_an_earlier_batch_says_nothing_of_this_one(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    (made,) = [await make_withdrawal(tx, owner)]
    await gather(vault, tx)
    assert made.batch_id is not None
    signed = await sign(tx, made.batch_id)
    earlier = refusal(vault, made, signed, BAD_RECIPIENT)
    earlier.tx_hash = "0x" + "9" * 64
    tx.add(earlier)
    await tx.flush()
    ended = Ended(10, frozenset([signed.hash]), frozenset(), "the transaction was reverted")
    assert await batches.conclude(at_now(tx), vault.id, made.batch_id, ended)
    assert (made.state, made.end_reason) == ("reversed", "the transaction was reverted")


async def test_what_is_refused_again_and_again_goes_back_whatever_the_reason_says(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    """A recipient may be a contract whose own words are those of the vault's limit."""
    made = await make_withdrawal(tx, owner)
    for count in range(1, batches.REFUSALS_MAX + 1):
        await gather(vault, tx)
        assert made.batch_id is not None
        signed = await sign(tx, made.batch_id, nonce=count)
        again = refusal(vault, made, signed, LIMIT_REACHED)
        again.log_index = count
        tx.add(again)
        await tx.flush()
        assert made.state == "authorised"
        ended = Ended(10, frozenset([signed.hash]), frozenset())
        assert await batches.conclude(at_now(tx), vault.id, made.batch_id, ended)
    assert made.state == "reversed"
    assert await held(tx, owner) == 100_000_000


@pytest.mark.parametrize("stop", ["difference", "halted_at"])
async def test_nothing_begins_or_is_signed_once_payouts_are_paused(
    tx: AsyncSession, vault: Vault, owner: UserId, stop: str
) -> None:
    """They were not when the payer looked, a moment before."""
    made = await make_withdrawal(tx, owner)
    await gather(vault, tx)
    (seen,) = await batch_queries.list_open(tx, vault.id)
    assert seen.waiting == [made]
    setattr(vault, stop, "a token more" if stop == "difference" else datetime.now(UTC))
    await tx.flush()
    assert not await batches.keep_signed(at_now(tx), seen, transaction(seen.batch.id, 1))
    await batch_done(tx)
    await make_withdrawal(tx, owner)
    assert await gather(vault, tx) is None


async def test_a_signature_is_kept_only_for_the_batch_as_it_was_signed(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    """Numbers changed meanwhile, or another payer was first: it must never be sent."""
    made = await make_withdrawal(tx, owner)
    await gather(vault, tx)
    ctx = at_now(tx)
    (seen,) = await batch_queries.list_open(tx, vault.id)
    before = made.number
    assert before is not None
    as_before = replace(seen, numbers=[before])
    assert await batches.renumber(ctx, seen.batch.id)
    assert made.number not in (None, before)
    now = made.number or 0
    assert not await batches.keep_signed(ctx, as_before, transaction(seen.batch.id, 1))
    as_now = replace(seen, numbers=[now])
    assert await batches.keep_signed(ctx, as_now, transaction(seen.batch.id, 1))
    assert not await batches.keep_signed(ctx, as_now, transaction(seen.batch.id, 2))
    assert not await batches.renumber(ctx, seen.batch.id)  # What was signed may be mined.
