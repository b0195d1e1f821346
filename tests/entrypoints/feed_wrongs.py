"""What can be wrong with what is sent, to webhooks or by mail: as in `wrongs`."""

from typing import Final

from tests.entrypoints.complaints import M_WAITS, W_FAN_OUT, W_NO_QUEUE, W_OVERDUE

_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
_WEBHOOK: Final = f"""
    INSERT INTO webhooks (id, user_id, url, types, state, created_at, after_number, secret)
    VALUES ('{_ID}', '{{customer}}', 'https://example.org', ARRAY[]::text[], 'active', now(), 0, '')
"""
FEED_WRONGS: Final = (
    (
        "UPDATE webhook_fanout SET number = 0; UPDATE events SET at = now() - interval '6 minutes' "
        "WHERE number = (SELECT min(number) FROM events)",
        [W_FAN_OUT],
        "those after number 0",
    ),
    (
        f"{_WEBHOOK}; INSERT INTO webhook_queues (webhook_id, subject, due_at) "
        f"VALUES ('{_ID}', 'job:{{open}}', now() - interval '11 minutes')",
        [W_OVERDUE],
        f"webhook:{_ID}, 1 queues",
    ),
    (
        f"{_WEBHOOK}; INSERT INTO webhook_deliveries (id, webhook_id, number, event_at, type, "
        "subject, is_replay, state, created_at, attempts) "
        f"VALUES ('{_ID}', '{_ID}', 1, now(), 'job.paused', 'job:{{open}}', false, 'waiting', "
        "now(), 0)",
        [W_NO_QUEUE],
        f"delivery:{_ID} of webhook:{_ID}",
    ),
    (
        "INSERT INTO mails (id, kind, recipient, state, created_at, expires_at, sealed, due_at, "
        f"attempts) VALUES ('{_ID}', 'notice', 'ada@example.org', 'waiting', now() - interval "
        "'31 minutes', now() + interval '1 day', '', now(), 0)",
        [M_WAITS],
        "1 mails of the kind notice, last never attempted",
    ),
)
