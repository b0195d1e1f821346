"""Of which events of devices a mail tells."""

from typing import Final

from dml.accounts.notices.kinds import Notice, quoted
from dml.devices.events import DevicePaired

NOTICES: Final = (
    Notice(
        DevicePaired,
        "device_paired",
        "A device was paired with your account",
        lambda said: (
            f"The device {quoted(said['name'])} ({said['platform']}) was paired by a code "
            "that was made in your account: it can run models for you, and earn for you."
        ),
        "revoke that device (`dml device revoke`)",
    ),
)
