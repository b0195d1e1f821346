"""What must hold of the ledger, asked of the database. Reads only.

A check is SQL that finds what must never be. It answers a line of text for each offender, and the
database counts them: however many there are, no more than OFFENDERS_MAX reach this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

OFFENDERS_MAX: Final = 20
_BAD_DATA: Final = "22"  # The class of what PostgreSQL answers where it cannot read a value.

_NAMED: Final = "SELECT what, count(*) OVER () AS many FROM ({}) AS offenders (what) LIMIT :most"


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong where `offenders` finds anything, and what it costs to look."""

    wrong: str
    cost: str
    offenders: str


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


async def complaints(tx: AsyncSession) -> list[str]:
    """Say in words what is wrong with the ledger. Amounts are in micro-tokens."""
    return await look(tx, CHECKS)


async def look(tx: AsyncSession, checks: Sequence[Check]) -> list[str]:
    """Make each check, and say in words what it found: a sentence for each that found anything."""
    told = [await _told(tx, check) for check in checks]
    return [it for it in told if it]


async def _told(tx: AsyncSession, check: Check) -> str:
    query = text(_NAMED.format(check.offenders))
    try:
        async with tx.begin_nested():
            rows = (await tx.execute(query, {"most": OFFENDERS_MAX})).all()
    except DBAPIError as error:
        if not (getattr(error.orig, "sqlstate", None) or "").startswith(_BAD_DATA):
            raise
        return f"{check.wrong}, perhaps: what is kept cannot be read ({error.orig})."
    if not rows:
        return ""
    more = rows[0].many - len(rows)
    end = f"; and {more} more." if more else "."
    return f"{check.wrong}: {'; '.join(row.what for row in rows)}{end}"
