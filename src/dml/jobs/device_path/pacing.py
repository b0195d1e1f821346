"""How often devices may come, and when those without work come back."""

import secrets
import time
from typing import Final

from dml.core.errors import TooMany
from dml.core.ids import DeviceId

RETRY_SECONDS: Final = 5.0  # The least after which a device without work comes back; at most twice.
RETRY_SECONDS_MAX: Final = 900.0
IDLE_A_SECOND: Final = 200  # Claims in vain that a process answers before it asks for patience.
WINDOW_SECONDS: Final = 60.0
COUNTED_MAX: Final = 200_000


class TooManyRequests(TooMany):
    code = "jobs.too_many_requests"
    reason = "There were too many requests from this device, or from its address."
    remedy = "Wait as many seconds as `retry_after_seconds` says, then go on more slowly."


class Idle:
    """Spreads the devices that come in vain: the more there are, the later each comes back.

    With a million of them each comes every quarter to half an hour, at a moment of its own.
    """

    def __init__(self) -> None:
        self._seconds = RETRY_SECONDS
        self._came = 0

    def retry_after_seconds(self) -> int:
        """Count a claim in vain, and tell when its device shall come back."""
        self._came += 1
        least = int(self._seconds)
        return least + secrets.randbelow(least + 1)

    def adapt(self, seconds: float) -> None:
        """Judge by how many came in so many seconds. Slowly: the effect shows only later."""
        if self._came > IDLE_A_SECOND * seconds:
            self._seconds = min(RETRY_SECONDS_MAX, 1.1 * self._seconds)
        else:
            self._seconds = max(RETRY_SECONDS, 0.98 * self._seconds)
        self._came = 0


class Rates:
    """Counts requests by the minute, in this process. The memory it takes is bounded."""

    def __init__(self, *, each_device: int, each_address: int) -> None:
        self._limits = (each_device, each_address)
        self._devices: dict[DeviceId, int] = {}
        self._addresses: dict[str, int] = {}
        self._ends_at = 0.0

    def count_device(self, device_id: DeviceId) -> None:
        """Count a request of this device, or refuse it."""
        self._turn()
        self._devices[device_id] = count = self._devices.get(device_id, 0) + 1
        self._require(count, self._limits[0])

    def count_address(self, address: str) -> None:
        """Count a request from this address, or refuse it."""
        self._turn()
        self._addresses[address] = count = self._addresses.get(address, 0) + 1
        self._require(count, self._limits[1])

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._ends_at or len(self._devices) + len(self._addresses) > COUNTED_MAX:
            self._devices.clear()
            self._addresses.clear()
            self._ends_at = now + WINDOW_SECONDS

    def _require(self, count: int, most: int) -> None:
        if count > most:
            left = max(1, int(self._ends_at - time.monotonic()))
            raise TooManyRequests(retry_after_seconds=left + secrets.randbelow(5))
