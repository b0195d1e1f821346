"""What must hold of bounties: their money, their entrants, and that none is stuck. Reads only.

Work that a process does after a bounty has ended may be 15 minutes late before it is reported.
"""

from typing import Final

from dml.core.checks import Check

MONEY: Final = (
    Check(
        "A bounty's escrow does not hold its prizes, or holds anything though it ended",
        "O(bounties)",
        """SELECT 'bounty:' || b.id || ' (' || b.state || ') holds ' || coalesce(a.balance, 0)
            || ', not ' || due.amount
        FROM bounties b
        LEFT JOIN ledger_accounts a ON a.code = 'escrow:bounty:' || b.id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN b.state IN ('funded', 'enrolling', 'submitting', 'evaluating', 'disputing')
            THEN b.prize_pool ELSE 0
        END AS amount) due
        WHERE coalesce(a.balance, 0) <> due.amount
          AND (b.ended_at IS NULL OR b.ended_at < now() - interval '15 minutes'
               OR a.balance > b.prize_pool)""",
    ),
    Check(
        "A bounty's prizes did not go into its escrow, once and whole, from its owner",
        "O(bounties × log transfers)",
        """SELECT 'bounty:' || b.id || ' (' || b.state || ') has prizes of ' || b.prize_pool
            || ', into escrow went ' || coalesce(t.moves, 'nothing')
        FROM bounties b CROSS JOIN LATERAL (
            SELECT string_agg(t.amount || ' from ' || t.source, ' and ') AS moves,
                   count(*) = 1 AND bool_and(
                       t.source = 'wallet:' || b.owner_id AND t.amount = b.prize_pool
                       AND t.target = 'escrow:bounty:' || b.id) AS as_due,
                   count(*) AS count
            FROM ledger_transfers t
            WHERE t.code = 'bounty_escrow' AND t.reference = 'bounty:' || b.id
        ) t
        WHERE CASE WHEN b.funded_at IS NULL THEN t.count > 0 ELSE NOT t.as_due END""",
    ),
    Check(
        "The fees that a bounty holds are not those of its entrants that were not returned",
        "O(bounties + entrants)",
        """SELECT 'bounty:' || b.id || ' (' || b.state || ') holds fees of '
            || coalesce(a.balance, 0) || ', not ' || due.amount
        FROM bounties b
        LEFT JOIN ledger_accounts a ON a.code = 'escrow:bounty:' || b.id || ':' || 'fees'
        LEFT JOIN (
            SELECT bounty_id, sum(fee) AS amount FROM enrollments
            WHERE fee_returned_at IS NULL GROUP BY bounty_id
        ) e ON e.bounty_id = b.id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN b.state IN ('finished', 'cancelled') THEN 0 ELSE coalesce(e.amount, 0)
        END AS amount) due
        WHERE coalesce(a.balance, 0) <> due.amount
          AND (b.ended_at IS NULL OR b.ended_at < now() - interval '15 minutes')""",
    ),
    Check(
        "An entrant's fee was not paid, or not returned, as its row says",
        "O(entrants × log transfers)",
        """SELECT 'enrollment:' || e.id || ' of ' || e.fee || ': paid ' || t.paid || ', returned '
            || t.returned
        FROM enrollments e CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (
                       WHERE code = 'enrollment_fee' AND source = 'wallet:' || e.captain_id
                         AND target = 'escrow:bounty:' || e.bounty_id || ':' || 'fees'), 0) AS paid,
                   coalesce(sum(amount) FILTER (
                       WHERE code = 'bounty_refund' AND target = 'wallet:' || e.captain_id
                         AND source = 'escrow:bounty:' || e.bounty_id || ':' || 'fees'), 0)
                       AS returned
            FROM ledger_transfers
            WHERE code IN ('enrollment_fee', 'bounty_refund') AND reference = 'enrollment:' || e.id
        ) t
        WHERE t.paid <> e.fee
           OR t.returned <> CASE WHEN e.fee_returned_at IS NULL THEN 0 ELSE e.fee END""",
    ),
    Check(
        "The prizes of a bounty's entrants are more than it has",
        "O(entrants)",
        """SELECT 'bounty:' || b.id || ' has ' || b.prize_pool || ', its entrants '
            || sum(e.prize)
        FROM bounties b JOIN enrollments e ON e.bounty_id = b.id
        WHERE e.prize > 0 GROUP BY b.id HAVING sum(e.prize) > b.prize_pool""",
    ),
    Check(
        "A winner was not paid the prize, whole and to members alone, or somebody else was",
        "O(entrants × log transfers)",
        """SELECT 'enrollment:' || e.id || ' (' || e.state || ') won ' || due.amount || ', paid '
            || t.paid || ', ' || t.astray || ' of it astray'
        FROM enrollments e
        JOIN bounties b ON b.id = e.bounty_id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN e.state = 'winner' AND b.state = 'finished' THEN coalesce(e.prize, 0) ELSE 0
        END AS amount) due
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS paid,
                   coalesce(sum(t.amount) FILTER (
                       WHERE t.source <> 'escrow:bounty:' || b.id OR m.user_id IS NULL), 0)
                       AS astray
            FROM ledger_transfers t
            LEFT JOIN enrollment_members m
                ON m.enrollment_id = e.id AND t.target = 'wallet:' || m.user_id
                AND m.agreed_at IS NOT NULL AND m.left_at IS NULL
            WHERE t.code = 'prize' AND t.reference = 'enrollment:' || e.id
        ) t
        WHERE (t.paid <> due.amount
               AND (due.amount = 0 OR b.ended_at < now() - interval '15 minutes'))
           OR t.astray > 0""",
    ),
    Check(
        "A transfer of prizes or fees belongs to no bounty and no entrant",
        "O(transfers)",
        """SELECT t.code || ' of ' || t.reference || ' moved ' || t.amount
        FROM ledger_transfers t
        WHERE t.code IN ('bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund')
          AND NOT EXISTS (SELECT FROM bounties b WHERE t.reference = 'bounty:' || b.id)
          AND NOT EXISTS (SELECT FROM enrollments e WHERE t.reference = 'enrollment:' || e.id)""",
    ),
)

ENTRANTS: Final = (
    Check(
        "The shares of an entrant's members are not the whole of its prize",
        "O(members)",
        """SELECT 'enrollment:' || e.id || ' shares out ' || coalesce(sum(m.share_bps), 0)
        FROM enrollments e
        LEFT JOIN enrollment_members m ON m.enrollment_id = e.id AND m.left_at IS NULL
        WHERE e.state <> 'withdrawn'
        GROUP BY e.id HAVING coalesce(sum(m.share_bps), 0) <> 10000""",
    ),
    Check(
        "Somebody belongs to two entrants of a bounty, or enters the bounty that is their own",
        "O(members)",
        """SELECT 'user:' || m.user_id || ' in bounty:' || m.bounty_id || ': ' || count(*)
        FROM enrollment_members m JOIN bounties b ON b.id = m.bounty_id
        WHERE m.agreed_at IS NOT NULL AND m.left_at IS NULL
        GROUP BY m.user_id, m.bounty_id, b.owner_id
        HAVING count(*) > 1 OR m.user_id = b.owner_id""",
    ),
    Check(
        "An entrant's captain is not in it, or it has more members than its bounty allows",
        "O(entrants + members)",
        """SELECT 'enrollment:' || e.id || ' has ' || count(m.user_id) || ' members'
        FROM enrollments e
        JOIN bounties b ON b.id = e.bounty_id
        LEFT JOIN enrollment_members m
            ON m.enrollment_id = e.id AND m.agreed_at IS NOT NULL AND m.left_at IS NULL
        WHERE e.state <> 'withdrawn'
        GROUP BY e.id, b.team_size_max
        HAVING count(m.user_id) > b.team_size_max
            OR count(m.user_id) FILTER (WHERE m.user_id = e.captain_id) <> 1""",
    ),
    Check(
        "An entrant's state does not fit that of its bounty",
        "O(entrants)",
        """SELECT 'enrollment:' || e.id || ' is ' || e.state || ', its bounty ' || b.state
        FROM enrollments e JOIN bounties b ON b.id = e.bounty_id
        WHERE b.state IN ('draft', 'funded')
           OR (e.state = 'enrolled') AND b.state IN ('finished', 'cancelled')
           OR (e.state = 'winner') AND (b.state <> 'finished' OR coalesce(e.prize, 0) = 0)
           OR (e.state = 'not_placed') AND b.state NOT IN ('finished', 'cancelled')""",
    ),
)

LIFE: Final = (
    Check(
        "A bounty's state and the dates that it should have by then do not fit",
        "O(bounties)",
        """SELECT 'bounty:' || id || ' is ' || state FROM bounties
        WHERE (state IN ('finished', 'cancelled')) <> (ended_at IS NOT NULL)
           OR (state IN ('disputing', 'finished')) <> (disputes_until IS NOT NULL)
           OR (state = 'draft' AND funded_at IS NOT NULL)
           OR (state NOT IN ('draft', 'cancelled') AND funded_at IS NULL)
           OR (paused_at IS NOT NULL AND state NOT IN ('funded', 'enrolling', 'submitting'))""",
    ),
    Check(
        "A bounty is past the date of its next move, and does not move",
        "O(bounties)",
        """SELECT 'bounty:' || id || ' is ' || state || ', due ' || due FROM bounties
        CROSS JOIN LATERAL (SELECT CASE
            WHEN paused_at IS NOT NULL THEN paused_at + interval '90 days'
            WHEN state = 'draft' THEN submits_at
            WHEN state = 'funded' THEN enrolls_at
            WHEN state = 'enrolling' THEN submits_at
            WHEN state = 'submitting' THEN closes_at
            WHEN state = 'evaluating' THEN judged_by
            WHEN state = 'disputing' THEN disputes_until
        END AS due) next
        WHERE due < now() - interval '15 minutes'""",
    ),
)
CHECKS: Final = (*MONEY, *ENTRANTS, *LIFE)
