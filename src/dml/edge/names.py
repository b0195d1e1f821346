"""How OpenAPI calls operations and schemas: what clients are made from, and keep.

An operation says its id in its route, `jobs.create`, of which the resource is its tag; and in its
docstring its summary, in the first line, and below that its description. A schema is called as its
class is, without the suffix `Out` of what goes out; a page of jobs is JobPage.
"""

import re
from typing import Any, Final

from fastapi.routing import APIRoute

SCHEMAS: Final = "#/components/schemas/"
_PAGE: Final = re.compile(r"Page_(\w+)_")
_TITLE: Final = re.compile(r"[A-Z][A-Za-z0-9]*")  # Not that of a field, such as "Created At".


def name_operation(operation: dict[str, Any], route: APIRoute) -> None:
    """Give an operation its tag, its summary, and its description."""
    operation["tags"] = [operation["operationId"].partition(".")[0]]
    summary, _, description = route.description.partition("\n")
    operation["summary"] = summary.removesuffix(".")
    operation["description"] = description.strip()


def name_schemas(whole: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAPI with each enum, and all else that has a title, as a component; well named."""
    written = whole["components"]["schemas"]
    found: dict[str, Any] = {}
    names = {it: schema_name(it) for it in written}
    schemas = {
        names[name]: {key: _rewrite(it, names, found) for key, it in schema.items()}
        for name, schema in written.items()
    }
    assert len(schemas) == len(written), "two schemas have one name"
    rest = {key: it for key, it in whole.items() if key != "components"}
    named: dict[str, Any] = _rewrite(rest, names, found)
    for name, schema in found.items():
        _add(schemas, name, schema)
    for name, schema in schemas.items():
        schema["title"] = name
    components = whole["components"] | {"schemas": dict(sorted(schemas.items()))}
    return named | {"components": components}


def schema_name(written: str) -> str:
    """Return how a schema is called whose class is called so."""
    page = _PAGE.fullmatch(written)
    return schema_name(page[1]) + "Page" if page else written.removesuffix("Out")


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    known = schemas.setdefault(name, schema)
    for key in ("enum", "properties"):
        assert known.get(key) == schema.get(key), f"{name} is two things"


def _rewrite(it: Any, names: dict[str, str], found: dict[str, Any]) -> Any:
    """Return it with references by new names, and references in the place of what is `found`."""
    if isinstance(it, list):
        return [_rewrite(inner, names, found) for inner in it]
    if isinstance(it, str) and it.startswith(SCHEMAS):
        name = it.removeprefix(SCHEMAS)
        return SCHEMAS + names.get(name, name)
    if not isinstance(it, dict):
        return it
    made = {key: _rewrite(inner, names, found) for key, inner in it.items()}
    title = it.get("title")
    if isinstance(title, str) and _TITLE.fullmatch(title) and it.keys() & {"enum", "properties"}:
        _add(found, title, made)
        return {"$ref": SCHEMAS + title}
    return made
