"""The API as a client sees it: how a server is asked (`http`), what a marketplace says, and a typed
method for each of its operations (`Client`, and `AsyncClient` to wait for).

It needs nothing of the server, and no other part of ours: whoever writes against the API stands on
the same ground as `dml bounty` and the agent.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dml.client.async_client import AsyncClient
    from dml.client.client import Client
    from dml.client.http import NotReached
    from dml.client.marketplace import ApiRefused, etag_of
    from dml.refused import Refused

__all__ = ["ApiRefused", "AsyncClient", "Client", "NotReached", "Refused", "etag_of"]
# Loaded when it is used: an agent on a small device needs `http` alone.
_IN: Final = {
    "ApiRefused": "dml.client.marketplace",
    "AsyncClient": "dml.client.async_client",
    "Client": "dml.client.client",
    "NotReached": "dml.client.http",
    "Refused": "dml.refused",
    "etag_of": "dml.client.marketplace",
}


def __getattr__(name: str) -> Any:
    if name not in _IN:
        raise AttributeError(f"dml.client has no {name}")
    return getattr(import_module(_IN[name]), name)
