"""Of which events of webhooks a mail tells."""

from typing import Final

from dml.accounts.notices.kinds import Notice
from dml.feed.webhooks.events import WebhookCreated

NOTICES: Final = (
    Notice(
        WebhookCreated,
        "webhook_created",
        "A webhook was created in your account",
        lambda _: (
            "A webhook was created: from now on a server that it names is told what happens "
            "in your account."
        ),
        "delete that webhook (`dml webhook delete`)",
    ),
)
