"""Events: what happened, said once, in the transaction that made it true (docs/decisions/0040).

`record` writes one row, which is an entry of the audit log, a line of a timeline and an event that
clients can follow, and starts the handlers. Each handler is a durable process of its own, so one
that fails or waits holds up no other. They run in no promised order. A handler may run twice, but
what it changes through its `ctx` happens exactly once, for it is one `change` step; anything
longer, or outside the database, is a process that the handler starts:

    @on(VersionUploaded, "algorithms.check_uploaded.v1")
    async def check_uploaded(ctx: Context, event: VersionUploaded) -> None:
        await processes.start(ctx, f"check:{event.version_id}", check, event.version_id)

Each domain names its events in its `events.py`, with a sentence that says when it happens.
"""

import dataclasses
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from pydantic import TypeAdapter

from dml.core import event_log, processes, tracing
from dml.core.context import Context
from dml.core.event_log import NewRow
from dml.core.ids import UserId, new_id
from dml.core.processes import Process, Steps
from dml.core.states import Move

EVERYONE: Final = "everyone"
MODERATORS: Final = "moderators"
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Event:
    """A fact in the past tense, carrying ids, amounts and words, and not rows.

    Its first field is the id of what it is about. A class that names a `kind` is the base of the
    events about such things, whose names begin with it: `JobPaused` is `job.paused`. One that is
    `heard` has handlers, or is mailed: it can be recorded only where they were imported, so none is
    lost.
    """

    KIND: ClassVar[str]
    TYPE: ClassVar[str]
    ACTION: ClassVar[str]  # Its type without the kind: what a timeline shows.
    HEARD: ClassVar[bool]
    PRIVATE: ClassVar[frozenset[str]] = frozenset()  # Fields for handlers alone.
    PERSONAL: ClassVar[frozenset[str]] = frozenset()  # Texts that are emptied with their user.

    def __init_subclass__(cls, *, kind: str | None = None, heard: bool = False) -> None:
        if kind is not None:
            cls.KIND = kind
            return
        first, *rest = _WORD.sub("_", cls.__name__).lower().split("_")
        assert first == cls.KIND, f"{cls.__name__} is an event about a {cls.KIND}"
        cls.ACTION = "_".join(rest)
        cls.TYPE = f"{first}.{cls.ACTION}"
        cls.HEARD = heard
        _types[cls.TYPE] = cls

    @property
    def subject(self) -> str:
        """What it is about: `job:<id>`."""
        return f"{self.KIND}:{getattr(self, dataclasses.fields(self)[0].name)}"


EventT = TypeVar("EventT", bound=Event)
Handler: TypeAlias = Callable[[Context, EventT], Awaitable[None]]

_types: Final[dict[str, type[Event]]] = {}
_adapters: Final[dict[type[Event], TypeAdapter[Any]]] = {}
_loaded: Final[list[bool]] = []  # Not empty once every handler there is was imported.
_handlers: Final[dict[type[Event], list[Process[[dict[str, Any]]]]]] = {}
_followers: Final[dict[type[Event], "Follower"]] = {}


@dataclass(frozen=True, slots=True)
class Record:
    """An event with what its row says beside it.

    `readers`: who may see it, besides admins, who see all: users (`user(…)`), `MODERATORS`,
    `EVERYONE`. `facts`: what only the operator's audit log keeps.
    """

    event: Event
    readers: Iterable[str] = ()
    move: Move | None = None
    reason: str | None = None
    facts: Mapping[str, Any] | None = None


Follower: TypeAlias = Callable[[Context, Record], Awaitable[None]]


def user(user_id: UserId) -> str:
    """Name a user as a reader of an event."""
    return f"user:{user_id}"


def on(*event_types: type[EventT], name: str) -> Callable[[Handler[EventT]], Handler[EventT]]:
    """Register a handler of these events under a versioned name. Used in `processes.py` only.

    Whoever records one must have imported them all: `entrypoints.domains.load_processes`. Several
    events with one handler have the same fields.
    """

    def register(handler: Handler[EventT]) -> Handler[EventT]:
        @processes.process(name)
        async def handle(steps: Steps, payload: dict[str, Any]) -> None:
            event = _adapter(event_types[0]).validate_python(payload)
            await steps.change(handler, event)

        for it in event_types:
            assert it.HEARD, f"say of {it.__name__} that it is heard"
            _handlers.setdefault(it, []).append(handle)
        return handler

    return register


def follow(event_type: type[Event], follower: Follower) -> None:
    """Have this called with each record of such an event, in the transaction that makes it: for who
    must know its readers, or by which session it was done. There is one for each type.
    """
    assert event_type.HEARD, f"say of {event_type.__name__} that it is heard"
    assert _followers.setdefault(event_type, follower) == follower, event_type


def all_are_loaded() -> None:
    """Say that every handler there is was imported."""
    _loaded.append(True)


def types() -> Mapping[str, type[Event]]:
    """Return every type of event that was imported, by its name: `job.paused`."""
    return _types


async def record(
    ctx: Context,
    event: Event,
    readers: Iterable[str] = (),
    move: Move | None = None,
    *,
    reason: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Note what the actor did, and start its handlers, which run once `ctx.tx` commits.

    RuntimeError where its handlers were not imported: it would reach nobody, unnoticed.
    """
    await record_many(ctx, [Record(event, readers, move, reason, facts)])


async def record_many(ctx: Context, records: Sequence[Record]) -> None:
    """Note many events by one statement, in their order."""
    if not _loaded and any(it.event.HEARD for it in records):
        raise RuntimeError("load the processes of all domains before you record this event")
    if not records:
        return
    await event_log.write(ctx.tx, [_row(ctx, it) for it in records])
    for event in (it.event for it in records):
        for handle in _handlers.get(type(event), ()):
            payload = _adapter(type(event)).dump_python(event, mode="json")
            await processes.start(ctx, f"{handle.name}:{new_id()}", handle, payload)
    for it in records:
        if (follower := _followers.get(type(it.event))) is not None:
            await follower(ctx, it)


def _row(ctx: Context, record: Record) -> NewRow:
    event, move = record.event, record.move
    body = _adapter(type(event)).dump_json(event, exclude=set(event.PRIVATE))
    return NewRow(
        at=ctx.now,
        type=event.TYPE,
        subject=event.subject,
        actor_id=ctx.actor.user_id,
        by_id=ctx.actor.by,
        from_state=move.origin.value if move and move.origin else None,
        to_state=move.to.value if move else None,
        reason=record.reason,
        body=body.decode(),
        facts=_with_trace(record.facts),
        readers=sorted(set(record.readers)),
    )


def _with_trace(facts: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Add in which trace it happened, where it is traced."""
    traceparent = tracing.traceparent()
    return facts if traceparent is None else {**(facts or {}), "traceparent": traceparent}


def _adapter(event_type: type[EventT]) -> TypeAdapter[EventT]:
    adapter = _adapters.get(event_type)
    if adapter is None:
        adapter = _adapters[event_type] = TypeAdapter(event_type)
    return adapter
