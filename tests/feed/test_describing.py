"""Every type of event is described: when it happens, who sees it, what it carries."""

import json
from pathlib import Path
from typing import Final

import pytest

from clients import events as events_page
from dml.core.events import Event
from dml.feed.describing import data_schema, known_types
from tests.world import World

ROOT: Final = Path(__file__).parents[2]
TYPES: Final = known_types()


@pytest.mark.parametrize("name", TYPES)
def test_a_type_says_when_it_happens_and_who_sees_it(name: str) -> None:
    event_type = TYPES[name]
    own = event_type.__dict__.get("__doc__")
    assert own, f"say in the docstring of {event_type.__name__} when it happens"
    assert own.strip().endswith(".")
    assert any((it.__doc__ or "").startswith("Seen by") for it in event_type.__mro__)


@pytest.mark.parametrize("name", TYPES)
def test_its_data_begins_with_what_it_is_about_and_hides_who_did_it(name: str) -> None:
    data = data_schema(TYPES[name])
    assert data["required"]
    assert not {"actor_id", "recalled_by"} & set(data["required"])


def test_openapi_has_each_as_a_webhook_with_an_example(world: World) -> None:
    webhooks = world.app.openapi()["webhooks"]
    assert list(webhooks) == list(TYPES)
    for name, told in webhooks.items():
        body = told["post"]["requestBody"]["content"]["application/json"]
        assert body["example"]["type"] == name
        properties = body["schema"]["allOf"][1]["properties"]["data"]["properties"]
        assert body["example"]["data"].keys() == properties.keys()


def test_the_page_names_each() -> None:
    webhooks = json.loads((ROOT / "docs/api/openapi.json").read_text())["webhooks"]
    page = (ROOT / "docs/api/events.md").read_text()
    assert page == events_page.page(webhooks)
    assert all(f"`{name}`" in page for name in TYPES)


def test_amounts_are_strings_of_tokens_there_too() -> None:
    assert issubclass(TYPES["job.created"], Event)
    assert data_schema(TYPES["job.created"])["properties"]["cost"]["type"] == "string"
