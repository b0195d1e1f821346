"""Why an agent does not go on. Each message is one line: what is wrong, and what to do."""

from typing import Final

# Codes of the server which tell that a place is this device's no longer.
LOST: Final = frozenset(
    {
        "jobs.lease_over",
        "jobs.another_result_accepted",
        "jobs.assignment_not_found",
        "jobs.version_recalled",
    }
)


class CannotRun(Exception):
    """Not without somebody's help: the agent ends."""


class NoLongerPaired(CannotRun):
    """The server takes this key no longer."""


class Away(Exception):
    """The server gave no answer, or none that means anything: asking again may help."""

    def __init__(self, why: str, retry_after_seconds: float = 0) -> None:
        super().__init__(why)
        self.retry_after_seconds = retry_after_seconds


class Refusal(Exception):
    """The server's answer is no, by a problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


class Stopped(Exception):
    """Somebody wants the agent to end: what it holds is given back."""


class Resting(Exception):
    """Quiet hours have begun: what it holds is given back, and it goes on later."""


class LeaseLost(Exception):
    """The place is no longer this device's: what was done for it is dropped."""


class Declined(Exception):
    """This work is not what it says, or its owner refuses it: it is not done here, nor later."""


class GaveUp(Exception):
    """This work can't be done here; `for_good` where trying again would change nothing."""

    def __init__(self, why: str, *, for_good: bool) -> None:
        super().__init__(why)
        self.for_good = for_good
