"""The parts of the device path's statements that take of owners' budgets, and give back.

An owner's budget is one small row, which their own devices alone ask for. Nothing waits for it but
what gives back. Its last day is never before another one: a clock set back frees nothing.
"""

from typing import Final

from dml.jobs.budgets.rules import DAYS, SECONDS_A_DAY

TODAY: Final = f"(extract(epoch FROM now())::bigint / {SECONDS_A_DAY})"
_LAST: Final = "days[cardinality(days)]"
_LAST_OF_B: Final = "days[cardinality(b.days)]"

# What an owner has left: of what they set, or else of the usual, and never beyond the most.
_LEFT: Final = f"""
    least(coalesce(most, {{usual}}), {{most}}) - (
        SELECT coalesce(sum(s), 0) FROM unnest(days, spent) AS u (d, s)
        WHERE d > greatest({TODAY}, {_LAST}) - {DAYS})"""


def charge(slotted: str, *, usual: str, most: str) -> str:
    """Write the part that holds the budgets of whoever claims (n, owner_id, cost) in `slotted`.

    One claim for each owner in a statement: others come again. An owner without a row gets one, and
    comes again.
    """
    left = _LEFT.format(usual=usual, most=most)
    return f"""
charged AS MATERIALIZED (
    SELECT s.n, s.owner_id, s.cost, s.k, b.covers, b.day
    FROM (
        SELECT n, owner_id, cost, row_number() OVER (PARTITION BY owner_id ORDER BY n) AS k
        FROM {slotted} WHERE cost > 0
    ) s LEFT JOIN LATERAL (
        SELECT NOT paused AND s.cost <= {left} AS covers, greatest({TODAY}, {_LAST}) AS day
        FROM owner_budgets
        WHERE owner_id = s.owner_id AND s.k = 1 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) b ON true
),
opened AS (
    INSERT INTO owner_budgets (owner_id)
    SELECT owner_id FROM charged WHERE k = 1 AND covers IS NULL AND (
        SELECT true FROM owner_budgets WHERE owner_id = charged.owner_id LIMIT 1) IS NULL
    ORDER BY owner_id
    ON CONFLICT DO NOTHING
)"""


# `leased` has the `n` of those claims that got a place. What they may cost counts from now on.
CHARGE: Final = f"""
paid AS (
    UPDATE owner_budgets b SET
        spent_in_all = b.spent_in_all + c.cost,
        days = CASE WHEN b.{_LAST_OF_B} >= {TODAY} THEN b.days
            ELSE (b.days || {TODAY})[greatest(1, cardinality(b.days) - {DAYS - 2}):] END,
        spent = CASE WHEN b.{_LAST_OF_B} >= {TODAY}
            THEN b.spent[:cardinality(b.spent) - 1] || (b.spent[cardinality(b.spent)] + c.cost)
            ELSE (b.spent || c.cost)[greatest(1, cardinality(b.spent) - {DAYS - 2}):] END
    FROM leased l JOIN charged c ON c.n = l.n
    WHERE b.owner_id = ANY (ARRAY(SELECT owner_id FROM charged WHERE covers))
      AND b.owner_id = c.owner_id
)"""

# `over` has the owners, and what was charged on which day for each lease that ends. Budgets are
# waited for, in one order, by this alone: what else holds one waits for nothing.
GIVE_BACK: Final = """
owed AS MATERIALIZED (
    SELECT b.owner_id, o.cost FROM (
        SELECT owner_id, sum(charged)::bigint AS cost FROM over WHERE charged > 0
        GROUP BY owner_id ORDER BY owner_id
    ) o CROSS JOIN LATERAL (
        SELECT owner_id FROM owner_budgets WHERE owner_id = o.owner_id
        LIMIT 1 FOR NO KEY UPDATE
    ) b
),
gave_back AS (
    UPDATE owner_budgets b SET
        spent_in_all = b.spent_in_all - o.cost,
        spent = ARRAY(
            SELECT s - coalesce((
                SELECT sum(charged)::bigint FROM over
                WHERE over.owner_id = b.owner_id AND over.charged_day = d), 0)
            FROM unnest(b.days, b.spent) WITH ORDINALITY AS u (d, s, n) ORDER BY n)
    FROM owed o
    WHERE b.owner_id = ANY (ARRAY(SELECT owner_id FROM owed)) AND b.owner_id = o.owner_id
)"""
