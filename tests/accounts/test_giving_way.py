"""Hashing gives way to all else that a process does: requests are answered beside it."""

import os
import threading

from dml.accounts import passwords


async def test_who_hashes_has_the_lower_priority_and_nobody_else() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    assert await passwords._in_thread(niceness) == passwords.NICENESS
    assert niceness() == before < passwords.NICENESS
