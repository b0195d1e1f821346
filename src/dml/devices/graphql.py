"""The graph of devices: yours, and what they refuse."""

from typing import Final

from dml.algorithms.schemas import VersionOut
from dml.edge.graphql.graph import Graph, Read

FOR_DEVICES: Final = "A device asks REST, with a token of its own."

GRAPH: Final = Graph(
    reads=(
        Read("devices", "devices.list"),
        Read("device", "devices.get"),
        Read("device_limits", "device_limits.get"),
        Read("device_count", "device_counts.get", on=VersionOut),
    ),
    nodes=("devices.get",),
    without={
        "devices.create": FOR_DEVICES,
        "devices.get_own_limits": FOR_DEVICES,
        "devices.get_self": FOR_DEVICES,
        "devices.update_self": FOR_DEVICES,
        "device_nonces.create": FOR_DEVICES,
        "device_tokens.create": FOR_DEVICES,
    },
)
