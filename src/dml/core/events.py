"""Events between domains: published in the transaction that made them true, handled after it.

Each handler is a durable process of its own, so one that fails or waits holds up no other. They run
in no promised order. A handler may run twice, but what it changes through its `ctx` happens exactly
once, for it is one `change` step; anything longer, or outside the database, is a process that the
handler starts:

    @on(VersionUploaded, "algorithms.check_uploaded.v1")
    async def check_uploaded(ctx: Context, event: VersionUploaded) -> None:
        await processes.start(ctx, f"check:{event.version_id}", check, event.version_id)
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from pydantic import TypeAdapter

from dml.core import processes
from dml.core.context import Context
from dml.core.ids import new_id
from dml.core.processes import Process, Steps


@dataclass(frozen=True, slots=True)
class Event:
    """A fact in the past tense, carrying ids and not rows."""


EventT = TypeVar("EventT", bound=Event)
Handler: TypeAlias = Callable[[Context, EventT], Awaitable[None]]

_loaded: Final[list[bool]] = []  # Not empty once every handler there is was imported.
_handlers: Final[dict[type[Event], list[Process[[dict[str, Any]]]]]] = {}


def on(event_type: type[EventT], name: str) -> Callable[[Handler[EventT]], Handler[EventT]]:
    """Register a handler under a versioned name. Used in `processes.py` files only.

    Whoever publishes must have imported all of them: `entrypoints.domains.load_processes`.
    """

    def register(handler: Handler[EventT]) -> Handler[EventT]:
        @processes.process(name)
        async def handle(steps: Steps, payload: dict[str, Any]) -> None:
            event = TypeAdapter(event_type).validate_python(payload)
            await steps.change(handler, event)

        _handlers.setdefault(event_type, []).append(handle)
        return handler

    return register


def all_are_loaded() -> None:
    """Say that every handler there is was imported: from now on, what is published is heard."""
    _loaded.append(True)


async def publish(ctx: Context, event: Event) -> None:
    """Start a process for each handler of this event, which runs only once `ctx.tx` commits.

    RuntimeError where handlers may be missing: it would reach nobody, and nobody would notice.
    """
    if not _loaded:
        raise RuntimeError("load the processes of all domains before you publish")
    payload = TypeAdapter(type(event)).dump_python(event, mode="json")
    for handle in _handlers.get(type(event), []):
        await processes.start(ctx, f"{handle.name}:{new_id()}", handle, payload)
