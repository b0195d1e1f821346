"""What can be wrong with what comes and goes: as in `wrongs`, and the rows that are made so."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select

from dml.chain.indexer import crediting, statements
from dml.chain.indexer.statements import Found
from dml.chain.models import Batch, Deposit, VaultPayout
from dml.chain.node.contract import Deposited, Log
from dml.chain.withdrawals import settling
from dml.core.context import SYSTEM, Context
from dml.core.ids import BatchId, UserId, new_id
from dml.core.money import MicroTokens
from tests.chain.rows import ADDRESS, HASH, make_vault, make_withdrawal
from tests.entrypoints.complaints import (
    C_BATCH,
    C_BOOKED,
    C_CREDITED,
    C_DIFFERS,
    C_GAP,
    C_GONE,
    C_HALTED,
    C_HOLDS,
    C_NO_DEPOSIT,
    C_NO_WITHDRAWAL,
    C_PAID,
    C_RESTORED,
    C_SUM,
    C_UNCLAIMED,
    C_UNCOMPARED,
    C_WAITS,
    C_WENT,
    CREDIT,
)
from tests.entrypoints.moves import moved
from tests.world import World

CHAIN_WRONGS: Final = [
    (
        moved("deposit", "deposit:{c_deposit}", "chain", "revenue"),
        [C_CREDITED],
        "deposit:{c_deposit} (credited) of 50: in came 51 by 2, the user has 50",
    ),
    (
        "UPDATE deposits SET amount = 49 WHERE id = '{c_deposit}'",
        [C_CREDITED, C_SUM],
        "deposit:{c_deposit} (credited) of 49: in came 50 by 1, the user has 50",
    ),
    (
        moved("deposit", "deposit:{c_seen}", "chain", "wallet:{c_user}"),
        [C_CREDITED],
        "deposit:{c_seen} (seen) of 9: in came 1 by 1, the user has 1",
    ),
    (
        "UPDATE deposits SET state = 'credited', user_id = '{c_user}' WHERE id = '{c_unclaimed}'",
        [C_CREDITED, C_UNCLAIMED],
        "deposit:{c_unclaimed} (credited) of 7: in came 7 by 1, the user has 0",
    ),
    (
        moved("deposit", "deposit:{c_user}", "chain", "revenue"),
        [C_NO_DEPOSIT],
        "deposit of deposit:{c_user} moved 1",
    ),
    (moved("deposit_claim", "x", "revenue", "chain"), [C_NO_DEPOSIT], "deposit_claim of x moved 1"),
    (moved("deposit", "x", "revenue", "unclaimed"), [C_UNCLAIMED], "it holds 8, not 7"),
    (
        "UPDATE deposits SET ordinal = 4 WHERE id = '{c_unclaimed}'",
        [C_GAP, C_SUM],
        "has 2 up to 4, its last is 2",
    ),
    (
        "UPDATE vaults SET deposited = 56, deposited_up_to = 2",
        [C_SUM],
        "sums up 56 to number 2, its deposits 57",
    ),
    (
        moved("deposit_reversal", "deposit:{c_deposit}", "wallet:{c_user}", "chain"),
        [C_GONE],
        "deposit:{c_deposit} of 50: out went 1",
    ),
    (
        moved("payout_booking", "vault_payout:x", "revenue", "chain"),
        [C_BOOKED],
        "payout_booking of vault_payout:x belongs to none",
    ),
    (
        "INSERT INTO booked_payouts SELECT vault_id, number, 'revenue', recipient, amount, "
        "tx_hash, 'a test', now() FROM vault_payouts",
        [C_BOOKED],
        "from revenue: 0 moved",
    ),
    (
        moved("credit_reversal", "credit:x/1", "revenue", "chain"),
        [CREDIT],
        "credit_reversal of credit:x/1 belongs to no credit",
    ),
    (
        "INSERT INTO credits (id, user_id, amount, reason, state, asked_at, reversed, reversals) "
        "VALUES (gen_random_uuid(), '{c_user}', 5, 'a test', 'credited', now(), 0, 0)",
        [CREDIT],
        "(credited) of 5: in came 0",
    ),
    ("UPDATE vaults SET last_ordinal = 3", [C_GAP], "has 2 up to 2, its last is 3"),
    (
        moved("deposit", "x", "revenue", "payout:{c_open}"),
        [C_HOLDS],
        "withdrawal:{c_open} (requested) holds 13, not 12",
    ),
    (
        moved("deposit", "x", "revenue", "payout:{c_paid}"),
        [C_HOLDS],
        "withdrawal:{c_paid} (paid) holds 1, not 0",
    ),
    (
        moved("withdrawal_reversal", "withdrawal:{c_open}", "payout:{c_open}", "wallet:{c_user}"),
        [C_HOLDS, C_WENT],
        "withdrawal:{c_open} (requested) holds 11, not 12",
    ),
    (
        "UPDATE ledger_transfers SET source = 'revenue', target = 'wallet:{c_user}' "
        "WHERE code = 'withdrawal_fee' AND reference = 'withdrawal:{c_paid}';"
        "UPDATE ledger_accounts SET balance = balance + 3 "
        "WHERE code IN ('payout:{c_paid}', 'wallet:{c_user}');"
        "UPDATE ledger_accounts SET balance = balance - 6 WHERE code = 'revenue'",
        [C_HOLDS, C_WENT],
        "withdrawal:{c_paid} (paid) holds 3, not 0",
    ),
    (
        moved("withdrawal", "x", "revenue", "chain"),
        [C_NO_WITHDRAWAL],
        "withdrawal of x moved 1",
    ),
    (
        "DELETE FROM vault_payouts",
        [C_PAID],
        "withdrawal:{c_paid} (paid), no vault paid it",
    ),
    (
        "UPDATE vault_payouts SET number = 9",
        [C_PAID],
        "withdrawal:{c_paid} (paid), no vault paid it",
    ),
    (
        "UPDATE vault_payouts SET amount = 21",
        [C_PAID],
        "withdrawal:{c_paid} (paid), the vault paid number 5",
    ),
    ("UPDATE vaults SET halted_at = now()", [C_HALTED], "halted"),
    (
        "UPDATE vaults SET trouble = 'no node', read_at = now() - interval '16 minutes'",
        [C_HALTED],
        "no node",
    ),
    (
        "UPDATE vaults SET difference = 'too few', differs_since = now()",
        [C_DIFFERS],
        "too few",
    ),
    (
        "UPDATE vaults SET read_at = now(), compared_at = now() - interval '49 hours'",
        [C_UNCOMPARED],
        "was compared ",
    ),
    (
        "UPDATE vaults SET restored_at = now() - interval '25 hours'",
        [C_RESTORED],
        "since ",
    ),
    (
        "UPDATE withdrawals SET requested_at = now() - interval '49 hours' WHERE id = '{c_open}'",
        [C_WAITS],
        "withdrawal:{c_open} is requested since",
    ),
    (
        "UPDATE payout_batches SET created_at = now() - interval '49 hours'",
        [C_BATCH],
        "of 1",
    ),
]


async def build_chain(world: World) -> dict[str, Any]:
    """A deposit credited, one unclaimed and one seen; a withdrawal paid, one open; a batch."""
    user = (await world.person("depositor")).id
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        vault = await make_vault(tx)
        logs = [_found(1, user, 50), _found(2, UserId(uuid4()), 7), _found(3, user, 9)]
        assert await statements.see(ctx, vault.id, logs) == 3
        assert await crediting.credit_next(ctx, vault.id, 0, 2) == 2
        vault.compared_at = vault.read_at = ctx.now
        found = await tx.execute(_DEPOSITS)
        credited, unclaimed, seen = (it.id for it in found)
    async with world.parts.sessions.begin() as tx:
        paid = await make_withdrawal(tx, user, amount=20, fee=3, number=5)
        opened = await make_withdrawal(tx, user, amount=12)
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        payout = VaultPayout(
            vault_id=vault.id,
            block_hash=HASH,
            log_index=0,
            block_number=0,
            tx_hash=HASH,
            number=5,
            recipient=ADDRESS,
            amount=MicroTokens(20),
            refusal=None,
            is_final=True,
        )
        tx.add(payout)
        await settling.settle_payouts(ctx, vault, [payout])
        tx.add(
            Batch(
                id=BatchId(new_id()),
                vault_id=vault.id,
                created_at=ctx.now,
                count=1,
                total=MicroTokens(20),
            )
        )
    return {
        "c_user": user,
        "c_deposit": credited,
        "c_unclaimed": unclaimed,
        "c_seen": seen,
        "c_paid": paid.id,
        "c_open": opened.id,
    }


_DEPOSITS: Final = select(Deposit.id).order_by(Deposit.ordinal)


def _found(ordinal: int, user_id: UserId, amount: int) -> Found:
    log = Log(
        address=ADDRESS,
        topics=(),
        data=b"",
        block_number=ordinal,
        block_hash=HASH,
        tx_hash=f"0x{ordinal:064x}",
        log_index=0,
    )
    return Found(log, 0, Deposited(user_id, ADDRESS, ordinal, MicroTokens(amount)))
