"""What must hold of deposits and withdrawals, in the books and in their own rows. Reads only.

The chain itself is not asked here: `dml chain run` compares, and its finding is reported.
"""

from typing import Final

from dml.chain.withdrawals.rules import WAITS_FOR_REVIEW
from dml.core.checks import Check

DEPOSITS: Final = (
    Check(
        "A deposit was not credited as its row says, once and whole, to whom it names",
        "O(deposits × log transfers)",
        """SELECT 'deposit:' || d.id || ' (' || d.state || ') of ' || d.amount || ': in came '
            || t.arrived || ' by ' || t.count || ', the user has ' || t.got
        FROM deposits d CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE code = 'deposit') AS count,
                   coalesce(sum(amount) FILTER (WHERE source = 'chain'), 0) AS arrived,
                   coalesce(sum(amount) FILTER (WHERE target = 'wallet:' || d.user_id), 0) AS got,
                   coalesce(sum(CASE WHEN target = 'unclaimed' THEN amount
                                     WHEN source = 'unclaimed' THEN -amount END), 0) AS waits
            FROM ledger_transfers
            WHERE code IN ('deposit', 'deposit_claim') AND reference = 'deposit:' || d.id
        ) t
        WHERE d.position >= 0
          AND (t.count, t.arrived, t.got, t.waits) IS DISTINCT FROM CASE d.state
            WHEN 'credited' THEN ROW(1::bigint, d.amount::numeric, d.amount::numeric, 0::numeric)
            WHEN 'unclaimed' THEN ROW(1::bigint, d.amount::numeric, 0::numeric, d.amount::numeric)
            ELSE ROW(0::bigint, 0::numeric, 0::numeric, 0::numeric) END""",
    ),
    Check(
        "A deposit that another history lacks was not taken back, once and whole",
        "O(deposits that are gone + transfers that took back)",
        """SELECT 'deposit:' || d.id || ' of ' || d.amount || ': out went ' || coalesce(t.moved, 0)
        FROM deposits d FULL JOIN (
            SELECT reference, sum(amount) AS moved FROM ledger_transfers
            WHERE code = 'deposit_reversal' AND target = 'chain' GROUP BY reference
        ) t ON t.reference = 'deposit:' || d.id
        WHERE (d.position < 0 OR t.moved IS NOT NULL)
          AND (d.state, d.amount::numeric, d.position < 0)
              IS DISTINCT FROM ('orphaned', t.moved, true)""",
    ),
    Check(
        "A transfer of a deposit belongs to none",
        "O(transfers)",
        """SELECT t.code || ' of ' || t.reference || ' moved ' || t.amount
        FROM ledger_transfers t
        WHERE (t.code = 'deposit' AND t.reference LIKE 'deposit:%' OR t.code = 'deposit_claim')
          AND NOT EXISTS (SELECT FROM deposits d WHERE t.reference = 'deposit:' || d.id)""",
    ),
    Check(
        "The account of unclaimed deposits does not hold what they add up to",
        "O(deposits)",
        """SELECT 'it holds ' || held.amount || ', not ' || due.amount
        FROM (SELECT coalesce(sum(balance), 0) AS amount FROM ledger_accounts
              WHERE code = 'unclaimed') held,
             (SELECT coalesce(sum(amount), 0) AS amount FROM deposits
              WHERE state = 'unclaimed') due
        WHERE held.amount <> due.amount""",
    ),
    Check(
        "A vault's final deposits are not numbered from 1 to its last one without a gap",
        "O(deposits)",
        """SELECT 'vault:' || v.id || ' has ' || count(d.id) || ' up to '
            || coalesce(max(d.ordinal), 0) || ', its last is ' || v.last_ordinal
        FROM vaults v
        LEFT JOIN deposits d ON d.vault_id = v.id AND d.state IN ('credited', 'unclaimed')
        GROUP BY v.id
        HAVING (count(d.id), coalesce(max(d.ordinal), 0)) <> (v.last_ordinal, v.last_ordinal)""",
    ),
)

SUMS: Final = (
    Check(
        "A vault's running sum of final deposits is not what they add up to",
        "O(deposits)",
        """SELECT 'vault:' || v.id || ' sums up ' || v.deposited || ' to number '
            || v.deposited_up_to || ', its deposits ' || coalesce(sum(d.amount), 0)
        FROM vaults v LEFT JOIN deposits d ON d.vault_id = v.id
            AND d.state IN ('credited', 'unclaimed') AND d.ordinal <= v.deposited_up_to
        GROUP BY v.id
        HAVING v.deposited <> coalesce(sum(d.amount), 0)
            OR v.deposited_up_to > v.last_ordinal""",
    ),
)

WITHDRAWALS: Final = (
    Check(
        "A withdrawal's account does not hold what is on its way, or anything though it ended",
        "O(withdrawals)",
        """SELECT 'withdrawal:' || w.id || ' (' || w.state || ') holds ' || coalesce(a.balance, 0)
            || ', not ' || due.amount
        FROM withdrawals w
        LEFT JOIN ledger_accounts a ON a.code = 'payout:' || w.id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN w.ended_at IS NULL THEN w.amount + w.fee ELSE 0
        END AS amount) due
        WHERE coalesce(a.balance, 0) <> due.amount""",
    ),
    Check(
        "A withdrawal's tokens did not come from its user, or did not go where its state says",
        "O(withdrawals × log transfers)",
        """SELECT 'withdrawal:' || w.id || ' (' || w.state || ') of ' || w.amount || ' and '
            || w.fee || ': taken ' || t.taken || ', paid ' || t.paid || ', fee ' || t.fee
            || ', given back ' || t.back
        FROM withdrawals w CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (
                       WHERE code = 'withdrawal' AND source = 'wallet:' || w.user_id
                         AND target = 'payout:' || w.id), 0) AS taken,
                   coalesce(sum(amount) FILTER (
                       WHERE code = 'withdrawal' AND source = 'payout:' || w.id
                         AND target = 'chain'), 0) AS paid,
                   coalesce(sum(amount) FILTER (
                       WHERE code = 'withdrawal_fee' AND source = 'payout:' || w.id
                         AND target = 'revenue'), 0) AS fee,
                   coalesce(sum(amount) FILTER (
                       WHERE code = 'withdrawal_reversal' AND source = 'payout:' || w.id
                         AND target = 'wallet:' || w.user_id), 0) AS back
            FROM ledger_transfers
            WHERE code IN ('withdrawal', 'withdrawal_fee', 'withdrawal_reversal')
              AND reference = 'withdrawal:' || w.id
        ) t
        WHERE t.taken <> w.amount + w.fee
           OR t.paid <> CASE WHEN w.state = 'paid' THEN w.amount ELSE 0 END
           OR t.fee <> CASE WHEN w.state = 'paid' THEN w.fee ELSE 0 END
           OR t.back <> CASE WHEN w.state IN ('reversed', 'cancelled')
                        THEN w.amount + w.fee ELSE 0 END""",
    ),
    Check(
        "A transfer of a withdrawal belongs to none",
        "O(transfers)",
        """SELECT t.code || ' of ' || t.reference || ' moved ' || t.amount
        FROM ledger_transfers t
        WHERE t.code IN ('withdrawal', 'withdrawal_fee', 'withdrawal_reversal')
          AND NOT EXISTS (SELECT FROM withdrawals w WHERE t.reference = 'withdrawal:' || w.id)""",
    ),
    Check(
        "A withdrawal is paid in the books and not by a vault, or the other way round",
        "O(withdrawals + payouts)",
        """SELECT coalesce('withdrawal:' || w.id || ' (' || w.state || ')', 'no withdrawal')
            || ', ' || coalesce('the vault paid number ' || p.number, 'no vault paid it')
        FROM withdrawals w FULL JOIN (
            SELECT number, recipient, amount FROM vault_payouts WHERE is_final AND refusal IS NULL
        ) p ON p.number = w.number
        WHERE (w.state = 'paid' OR p.number IS NOT NULL)
          AND (w.state, w.address, w.amount) IS DISTINCT FROM ('paid', p.recipient, p.amount)
          AND NOT EXISTS (
              SELECT FROM booked_payouts b WHERE b.number = p.number AND b.amount = p.amount)""",
    ),
    Check(
        "A payout that an operator booked is not in the books as it is on the chain, once",
        "O(booked payouts + their transfers)",
        """SELECT 'number ' || b.number || ' of ' || b.amount || ' from ' || b.account || ': '
            || coalesce(t.moved, 0) || ' moved'
        FROM booked_payouts b
        LEFT JOIN (
            SELECT reference, source, sum(amount) AS moved FROM ledger_transfers
            WHERE code = 'payout_booking' AND target = 'chain' GROUP BY reference, source
        ) t ON t.reference = 'vault_payout:' || b.vault_id || ':' || b.number
           AND t.source = b.account
        WHERE t.moved IS DISTINCT FROM b.amount OR NOT EXISTS (
            SELECT FROM vault_payouts p WHERE p.vault_id = b.vault_id AND p.number = b.number
              AND p.is_final AND p.refusal IS NULL
              AND (p.recipient, p.amount, p.tx_hash) = (b.recipient, b.amount, b.tx_hash))
        UNION ALL
        SELECT t.code || ' of ' || t.reference || ' belongs to none' FROM ledger_transfers t
        WHERE t.code = 'payout_booking' AND NOT EXISTS (
            SELECT FROM booked_payouts b
            WHERE t.reference = 'vault_payout:' || b.vault_id || ':' || b.number)""",
    ),
)

LIFE: Final = (
    Check(
        "Nothing is read of a vault, for a final block changed or its nodes are in trouble",
        "O(vaults)",
        """SELECT 'vault:' || id || ': ' || coalesce(trouble, 'halted') FROM vaults
        WHERE is_current AND (halted_at IS NOT NULL OR (
            trouble IS NOT NULL
            AND coalesce(read_at, registered_at) < now() - interval '15 minutes'))""",
    ),
    Check(
        "Vault and books differ, so that nothing is paid out",
        "O(vaults)",
        """SELECT 'vault:' || id || ' since ' || differs_since || ': ' || difference
        FROM vaults WHERE is_current AND difference IS NOT NULL""",
    ),
    Check(
        "Vault and books have not been compared for two days, though the chain was read",
        "O(vaults)",
        """SELECT 'vault:' || id || ' was compared '
            || coalesce(compared_at::text, 'never') || ', read ' || read_at
        FROM vaults WHERE is_current
          AND read_at > coalesce(compared_at, registered_at) + interval '2 days'""",
    ),
    Check(
        "Restored books have waited for a day to be compared with all that the vault paid, so that "
        "nothing is paid out (dml chain status)",
        "O(vaults)",
        """SELECT 'vault:' || id || ' since ' || restored_at FROM vaults
        WHERE is_current AND restored_at < now() - interval '1 day'""",
    ),
    Check(
        "A withdrawal waits that no admin needs to look at, or was sent and does not end",
        "O(open withdrawals)",
        f"""SELECT 'withdrawal:' || id || ' is ' || state || ' since ' || since
        FROM withdrawals CROSS JOIN LATERAL (
            SELECT coalesce(authorised_at, reviewed_at, requested_at)
        ) it (since)
        WHERE ended_at IS NULL AND since < now() - interval '2 days'
          AND NOT ({WAITS_FOR_REVIEW})""",  # noqa: S608 - only a constant is inserted
    ),
    Check(
        "A batch of withdrawals was made two days ago and is not settled",
        "O(open batches)",
        """SELECT 'batch:' || id || ' of ' || count FROM payout_batches
        WHERE settled_at IS NULL AND created_at < now() - interval '2 days'""",
    ),
)
CHECKS: Final = (*DEPOSITS, *SUMS, *WITHDRAWALS, *LIFE)
