"""What OpenAPI says there is, to be walked: each operation with a body, and each field of it."""

import itertools
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import httpx2
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from dml.core.context import Role
from dml.core.ids import new_id
from dml.entrypoints import domains
from tests.devices.factories import pair
from tests.world import World


class Operation(NamedTuple):
    """One operation with a JSON body: how it is called, its schema, and the whole description."""

    method: str
    path: str
    schema: dict[str, Any]
    device: bool
    whole: dict[str, Any]
    model: Any = None

    @property
    def example(self) -> dict[str, Any]:
        found: dict[str, Any] = deepcopy(self.schema["examples"][0])
        return found


def resolve(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def operations(app: FastAPI) -> Iterator[Operation]:
    whole = app.openapi()
    models = {
        (method.lower(), route.path): route.body_field.field_info.annotation
        for router in domains.load_routers()
        for route in router.routes
        if isinstance(route, APIRoute) and route.body_field
        for method in route.methods or ()
    }
    for path, methods in whole["paths"].items():
        for method, it in methods.items():
            content = it.get("requestBody", {}).get("content", {})
            # A tensor is read in the sandbox, by no model: tests/algorithms/test_demos.py.
            if "application/json" in content and (method, path) in models:
                schema = resolve(whole, content["application/json"]["schema"])
                device = {"DeviceBearer": []} in it.get("security", [])
                yield Operation(method, path, schema, device, whole, models[method, path])


def filled(path: str) -> str:
    """The path with an id of nothing in each place."""
    for part in path.split("/"):
        if part.startswith("{"):
            sample = "0x" + "1" * 40 if part == "{address}" else str(new_id())
            path = path.replace(part, sample)
    return path


def types(whole: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema takes."""
    schema = resolve(whole, schema)
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return set().union(*(types(whole, it) for it in several))
    if "type" in schema:
        return {schema["type"]} | ({"integer"} if schema["type"] == "number" else set())
    return {"string"} if "const" in schema or "enum" in schema else set()


def type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


# As a page of ours says that it is one, where only such a one may ask.
PAGE = {"dml-browser": "1", "origin": "http://test"}


class Caller:
    """Sends a body as whoever the operation is for: an admin, or a device."""

    def __init__(self, world: World, admin: Any, device: Any) -> None:
        self.world, self.admin, self.device = world, admin, device

    @classmethod
    async def make(cls, world: World) -> "Caller":
        admin = await world.person("admin", Role.ADMIN)
        return cls(world, admin, await pair(world, admin))

    async def send(
        self, operation: Operation, body: bytes, key: str | None = None
    ) -> httpx2.Response:
        token = await self.device.token() if operation.device else self.admin.token
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}", **PAGE}
        if key is not None:
            headers["idempotency-key"] = key
        path = filled(operation.path)
        return await self.world.client.request(
            operation.method, path, content=body, headers=headers
        )


def places(operation: Operation) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Each field of a body, and of the objects in it: its pointer, its path, and its schema."""
    waiting: list[tuple[list[Any], dict[str, Any]]] = [([], operation.schema)]
    while waiting:
        at, schema = waiting.pop()
        for name, inner in resolve(operation.whole, schema).get("properties", {}).items():
            yield "/" + "/".join(map(str, [*at, name])), [*at, name], inner
            parts = [resolve(operation.whole, it) for it in inner.get("anyOf", [inner])]
            for part in parts:
                if part.get("title") == "InputSpec":
                    continue  # `inference.spec` reads it as a whole, and has its own tests.
                if "properties" in part:
                    waiting.append(([*at, name], part))
                elif "properties" in (item := resolve(operation.whole, part.get("items", {}))):
                    waiting.append(([*at, name, 0], item))


def put(body: Any, at: list[Any], value: Any) -> bytes:
    """Set what lies at this path, and make what is missing on the way."""
    whole = body
    for step, following in itertools.pairwise(at):
        empty: Any = [{}] if following == 0 else {}
        body = body.setdefault(step, empty) if isinstance(body, dict) else body[step]
    body[at[-1]] = value
    return json.dumps(whole).encode()


def pointers(operation: Operation, body: bytes) -> list[str]:
    """What its model has against a body, as pointers: a request for each would take minutes."""
    try:
        TypeAdapter(operation.model).validate_python(json.loads(body))
    except ValidationError as refused:
        return ["/" + "/".join(map(str, it["loc"])) for it in refused.errors()]
    return []
