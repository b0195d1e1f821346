"""What happens to devices, and to what their owners refuse on all of them."""

from dataclasses import dataclass
from typing import ClassVar

from dml.accounts.events import UserEvent
from dml.core.events import Event
from dml.core.ids import DeviceId
from dml.devices.models import Platform


@dataclass(frozen=True)
class DeviceEvent(Event, kind="device"):
    """Seen by the device's owner."""

    device_id: DeviceId


@dataclass(frozen=True)
class DevicePaired(DeviceEvent, heard=True):
    """A device was paired with its owner's code."""

    PERSONAL: ClassVar = frozenset({"name"})
    name: str
    platform: Platform


class DeviceEdited(DeviceEvent):
    """Its owner changed its name, or what it may process."""


class DeviceRevoked(DeviceEvent, heard=True):
    """Its owner trusts it no longer: it gets no work, and its leases end."""


@dataclass(frozen=True)
class UserDeviceLimitsSet(UserEvent):
    """The user said anew which jobs, developers, labels and countries none of their devices works
    for, whether they agree to answers without noise, and how much a job may learn of them.
    """

    refused_jobs: int
    refused_developers: int
    refused_labels: int
    allows_exact: bool
    refused_countries: int
    max_epsilon: float | None
