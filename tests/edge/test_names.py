"""What OpenAPI calls things: clients, a GraphQL schema and a console are made from these names.

Each test reports all that offends at once.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

SUMMARY_MAX: Final = 60
ID: Final = re.compile(r"[a-z_]+\.[a-z_]+")
NOUN: Final = re.compile(r"([A-Z][a-z0-9]*)+")
# One word for one thing to do: no `edit` beside `update`, no `make` beside `create`.
VERBS: Final = frozenset(
    (
        *("list", "get", "create", "update", "replace", "set", "delete", "export", "watch"),
        *("approve", "reject", "refuse", "reverse", "assign", "submit", "recall", "publish"),
        *("unpublish", "hide"),
        *("archive", "suspend", "restore", "resume", "pause", "close", "cancel", "revoke"),
        *("fund", "open", "raise", "start", "reorder", "reward", "choose"),
        *("agree", "join", "leave", "withdraw", "disqualify", "reinstate"),
        *("claim", "heartbeat", "release", "refresh", "ask", "search"),
        *("rotate", "test", "replay", "confirm", "erase", "append", "complete"),
        *("announce", "appeal", "uphold", "overturn"),
    )
)
# Words that said nothing to whoever made a client.
RIDDLES: Final = frozenset(("Who", "Part", "Step", "Next", "Told", "Wanted"))
RIDDLES_BEGIN: Final = ("Left", "Seen", "Told", "Trouble")


def operations(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def schemas(app: FastAPI) -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = app.openapi()["components"]["schemas"]
    return named


def repeated(values: list[str]) -> set[str]:
    return {it for it, times in Counter(values).items() if times > 1}


def test_each_operation_is_a_verb_of_a_resource_which_is_its_only_tag(app: FastAPI) -> None:
    wrong = []
    for where, it in operations(app):
        resource, _, verb = it["operationId"].partition(".")
        good = ID.fullmatch(it["operationId"]) and verb.partition("_")[0] in VERBS
        if not good or it["tags"] != [resource]:
            wrong.append((where, it["operationId"], it["tags"]))
    assert not wrong


def test_no_two_operations_have_one_id_or_one_summary(app: FastAPI) -> None:
    for key in ("operationId", "summary"):
        assert not repeated([it[key] for _, it in operations(app)]), key


def test_each_operation_says_in_a_short_line_what_it_does_and_then_more(app: FastAPI) -> None:
    wrong = []
    for where, it in operations(app):
        summary = it["summary"]
        short = re.fullmatch(rf"[A-Z].{{0,{SUMMARY_MAX - 1}}}", summary) and summary[-1] != "."
        if not short or len(it["description"]) < 20 or it["description"][-1] != ".":
            wrong.append((where, summary, it["description"]))
    assert not wrong


def test_schemas_are_called_by_nouns(app: FastAPI) -> None:
    def good(name: str) -> bool:
        whole = NOUN.fullmatch(name) and not name.endswith(("In", "Out"))
        return bool(whole) and name not in RIDDLES and not name.startswith(RIDDLES_BEGIN)

    assert not [it for it in schemas(app) if not good(it)]
    assert not [(name, it["title"]) for name, it in schemas(app).items() if name != it["title"]]
    assert {"Problem", "User", "UserCreate", "DevicePage"} <= schemas(app).keys()


def test_no_enum_is_without_a_name_and_none_has_two(app: FastAPI) -> None:
    def inline(it: Any) -> Iterator[Any]:
        if isinstance(it, dict):
            if isinstance(it.get("enum"), list):
                yield it["enum"]
            for inner in it.values():
                yield from inline(inner)
        elif isinstance(it, list):
            for inner in it:
                yield from inline(inner)

    wrong = [(where, it) for where, operation in operations(app) for it in inline(operation)]
    for name, schema in schemas(app).items():
        below = {key: it for key, it in schema.items() if key != "enum"}
        wrong += [(name, it) for it in inline(below)]
    assert not wrong
    named = [str(it["enum"]) for it in schemas(app).values() if "enum" in it]
    assert not repeated(named)
    assert len(named) > 20


# Fields whose name says all.
PLAIN: Final = frozenset(("id", "created_at", "email", "title", "items", "next_cursor"))


def test_each_field_and_parameter_says_what_it_means(app: FastAPI) -> None:
    known = schemas(app)

    def says(schema: dict[str, Any]) -> bool:
        if "description" in schema:
            return True
        named = schema.get("$ref", "").rpartition("/")[2]
        return "description" in known.get(named, {})

    wrong = [
        (name, field)
        for name, schema in known.items()
        for field, it in schema.get("properties", {}).items()
        if field not in PLAIN and not says(it)
    ]
    wrong += [
        (where, it["name"])
        for where, operation in operations(app)
        for it in operation.get("parameters", [])
        if it["in"] != "path" and "description" not in it
    ]
    assert not wrong
