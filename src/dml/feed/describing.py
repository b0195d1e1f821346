"""What OpenAPI tells of events: each type, as a webhook, with what it carries and an example."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, Final, get_type_hints

from dml.core import events
from dml.core.events import Event
from dml.edge.descriptions import sample_of, schema_of
from dml.edge.names import SCHEMAS

_AN_EVENT: Final[Mapping[str, Any]] = {
    "id": "AZEtTpgOh6oAAAAAAAAHKQ",
    "at": "2027-01-31T12:00:00Z",
    "from_state": None,
    "to_state": None,
    "reason": None,
}
_AN_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"


def known_types() -> dict[str, type[Event]]:
    """Return the types of events that the marketplace itself records, by name."""
    ours = {it.TYPE: it for it in events.types().values() if it.__module__.startswith("dml.")}
    return dict(sorted(ours.items()))


def data_schema(event_type: type[Event]) -> dict[str, Any]:
    """Return the schema of what an event of this type carries."""
    hints = get_type_hints(event_type, include_extras=True)
    names = [it.name for it in dataclasses.fields(event_type)]
    shown = {name: schema_of(hints[name]) for name in names if name not in event_type.PRIVATE}
    return {"type": "object", "properties": shown, "required": list(shown)}


def describe_events(schema: dict[str, Any]) -> None:
    """Add each type of event to an OpenAPI document."""
    schema["webhooks"] = {name: {"post": _told(it)} for name, it in known_types().items()}


def _told(event_type: type[Event]) -> dict[str, Any]:
    about, data = inspect.cleandoc(event_type.__doc__ or ""), data_schema(event_type)
    docs = [inspect.cleandoc(it.__doc__ or "") for it in event_type.__mro__]
    seen_by = next(" ".join(it.split()) for it in docs if it.startswith("Seen by"))
    own = {"properties": {"type": {"const": event_type.TYPE}, "data": data}}
    example = {
        **_AN_EVENT,
        "type": event_type.TYPE,
        "subject": {"kind": event_type.KIND, "id": _AN_ID},
        "data": sample_of(data),
    }
    return {
        "operationId": event_type.TYPE,
        "summary": about.splitlines()[0].rstrip("."),
        "description": f"{about}\n\n{seen_by}",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"allOf": [{"$ref": f"{SCHEMAS}Event"}, {"type": "object", **own}]},
                    "example": example,
                }
            }
        },
        "responses": {"2XX": {"description": "The event was taken."}},
    }
