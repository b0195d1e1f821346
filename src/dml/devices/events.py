"""Facts about devices that others may hear."""

from dataclasses import dataclass

from dml.core.events import Event
from dml.core.ids import DeviceId


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Event):
    """Its owner trusts it no longer: it gets no work, and its leases end."""

    device_id: DeviceId
