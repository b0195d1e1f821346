"""What must hold of the ledger, asked of the database."""

from typing import Final

from dml.core.checks import Check

LEDGER: Final = (
    Check(
        "The sum over all ledger accounts is not zero",
        "O(accounts)",
        """SELECT 'it is ' || sum(balance) FROM ledger_accounts HAVING sum(balance) <> 0""",
    ),
    Check(
        "An account other than `chain` is below zero",
        "O(accounts)",
        """SELECT code || ' holds ' || balance FROM ledger_accounts
        WHERE balance < 0 AND code <> 'chain'""",
    ),
    Check(
        "An account does not hold the sum of its transfers",
        "O(accounts + transfers)",
        """SELECT a.code || ' holds ' || a.balance || ', its transfers say ' || coalesce(t.moved, 0)
        FROM ledger_accounts a LEFT JOIN (
            SELECT account, sum(amount) AS moved FROM (
                SELECT target, amount FROM ledger_transfers
                UNION ALL SELECT source, -amount FROM ledger_transfers
            ) AS moves (account, amount) GROUP BY account
        ) t ON t.account = a.code
        WHERE a.balance <> coalesce(t.moved, 0)""",
    ),
    Check(
        "A transfer names an account that does not exist",
        "O(accounts + transfers)",
        """SELECT t.code || ' of ' || t.reference || ' names ' || t.account FROM (
            SELECT code, reference, source FROM ledger_transfers
            UNION ALL SELECT code, reference, target FROM ledger_transfers
        ) AS t (code, reference, account)
        WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.code = t.account)""",
    ),
    Check(
        "A transfer moves nothing, or less than nothing, or goes nowhere",
        "O(transfers)",
        """SELECT code || ' of ' || reference || ': ' || amount || ' from ' || source || ' to '
            || target
        FROM ledger_transfers WHERE amount <= 0 OR source = target""",
    ),
)


CREDITS: Final = (
    Check(
        "A credit did not come in as its row says, or was not taken back as it says",
        "O(credits + their transfers)",
        """SELECT 'credit:' || c.id || ' (' || c.state || ') of ' || c.amount || ': in came '
            || t.arrived || ', back went ' || t.back || ', not ' || c.reversed
        FROM credits c CROSS JOIN LATERAL (
            SELECT (SELECT coalesce(sum(amount), 0) FROM ledger_transfers
                    WHERE code = 'deposit' AND reference = 'credit:' || c.id
                      AND source = 'chain' AND target = 'wallet:' || c.user_id) AS arrived,
                (SELECT coalesce(sum(amount), 0) FROM ledger_transfers
                 WHERE code = 'credit_reversal' AND source = 'wallet:' || c.user_id
                   AND target = 'chain' AND reference = ANY (ARRAY(
                       SELECT 'credit:' || c.id || '/' || n
                       FROM generate_series(1, c.reversals) AS n))) AS back
        ) t
        WHERE t.arrived <> CASE c.state WHEN 'credited' THEN c.amount ELSE 0 END
           OR t.back <> c.reversed
        UNION ALL
        SELECT t.code || ' of ' || t.reference || ' belongs to no credit' FROM ledger_transfers t
        WHERE t.code = 'credit_reversal' AND NOT EXISTS (
            SELECT FROM credits c
            WHERE 'credit:' || c.id = split_part(t.reference, '/', 1))""",
    ),
)
CHECKS: Final = (*LEDGER, *CREDITS)
