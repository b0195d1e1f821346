"""What OpenAPI tells beside what the framework knows: what the edge does, and what problems carry.

Each problem is a schema of its own, made from its class, so that a client which is made from the
description knows by `code` which facts come with it.
"""

import re
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Final, Union, get_args, get_origin, get_type_hints, is_typeddict

from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from dml.core import errors
from dml.core.errors import DmlError, all_refusals, facts_of
from dml.edge import problems
from dml.edge.acting import HEADER, InPersonOnly, NoOrganisation, NotAMember
from dml.edge.etags import BadIfMatch, tell_revision
from dml.edge.files import export_sender, file_sender
from dml.edge.idempotency import IdempotencyKeyReused
from dml.edge.names import SCHEMAS
from dml.edge.parameters import calls_of, needs_no_token
from dml.edge.problems import HTTP_PROBLEMS, MEDIA_TYPE
from dml.edge.routing import StrictRoute
from dml.edge.scopes import ANY, OutOfScope
from dml.edge.uploads import TooManyUploads, UploadsBusy

# What HTTP itself may refuse on a path that there is; 404 and 405 are of others.
_OF_HTTP: Final = frozenset((400, 413, 415, 416, 422, 503))
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "…",
    "integer": 1,
    "number": 0.5,
    "array": [],
    "boolean": True,
}
_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2027-01-31T12:00:00Z",
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
}


def name_of(code: str) -> str:
    """Name the schema of a problem: `chain.fee_rose` is ChainFeeRoseProblem."""
    return "".join(it.capitalize() for it in re.split(r"[._]", code)) + "Problem"


def schema_of(hint: Any) -> dict[str, Any]:
    """Return the schema of a fact, with nothing outside of it. An enum keeps its name as title."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(it) for it in get_args(hint)]}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": schema_of(get_args(hint)[0])}
    if is_typeddict(hint) or is_dataclass(hint):
        fields = get_type_hints(hint, include_extras=True)
        properties = {name: schema_of(it) for name, it in fields.items()}
        return {"type": "object", "properties": properties, "required": list(fields)}
    schema: dict[str, Any] = TypeAdapter(hint).json_schema(mode="serialization")
    left_out = ("description",) if "enum" in schema else ("title", "description")
    return {name: it for name, it in schema.items() if name not in left_out}


def sample_of(schema: Mapping[str, Any]) -> Any:
    """Return a value that a schema takes."""
    if "anyOf" in schema:
        return sample_of(schema["anyOf"][0])
    if "properties" in schema:
        return {name: sample_of(it) for name, it in schema["properties"].items()}
    for listed in ("examples", "enum"):
        if listed in schema:
            return schema[listed][0]
    return _FORMATS.get(schema.get("format", ""), _SAMPLES[schema["type"]])


def facts_schema(refusal: type[DmlError]) -> dict[str, dict[str, Any]]:
    """Return the schemas of what a problem has beside its members."""
    return {name: schema_of(it) for name, it in facts_of(refusal).items() if name != "errors"}


def sampled_facts(refusal: type[DmlError]) -> dict[str, Any]:
    """Return what a problem may have beside its members, each with a value that it takes."""
    facts = {name: sample_of(it) for name, it in facts_schema(refusal).items()}
    if issubclass(refusal, errors.Invalid):
        facts["errors"] = [{"pointer": refusal.pointer, "detail": refusal.remedy}]
    return facts


def _problem_schema(code: str, title: str, refusal: type[DmlError] | None) -> dict[str, Any]:
    facts = facts_schema(refusal) if refusal else {}
    needed = ["code", *(name for name in facts if not hasattr(refusal, name))]
    if code == "http.422" or (refusal and issubclass(refusal, errors.Invalid)):
        needed.append("errors")
    own = {"properties": {"code": {"const": code}, **facts}, "required": needed}
    return {
        "description": title,
        "allOf": [{"$ref": f"{SCHEMAS}Problem"}, {"type": "object", **own}],
    }


def describe_problems(schema: dict[str, Any]) -> None:
    """Name in each answer the problems that it may be, with the facts that they carry."""
    known = {it.code: it for it in all_refusals()}
    used: set[str] = set()
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if MEDIA_TYPE in response.get("content", {}):
                    used |= _name_problems(int(status), response["content"][MEDIA_TYPE], known)
    for code in sorted(used):
        refusal = known.get(code)
        title = refusal.reason if refusal else HTTP_PROBLEMS[int(code.removeprefix("http."))]
        schema["components"]["schemas"][name_of(code)] = _problem_schema(code, title, refusal)


def _name_problems(
    status: int, content: dict[str, Any], known: Mapping[str, type[DmlError]]
) -> set[str]:
    examples = content.get("examples", {})
    for code, example in examples.items():
        example["value"] = {**example["value"], **sampled_facts(known[code])}
    codes = [*examples, *([f"http.{status}"] if status in _OF_HTTP else [])]
    refs = [{"$ref": SCHEMAS + name_of(code)} for code in codes]
    if len(refs) == 1:
        content["schema"] = refs[0]
    else:
        mapping = {code: it["$ref"] for code, it in zip(codes, refs, strict=True)}
        discriminator = {"propertyName": "code", "mapping": mapping}
        content["schema"] = {"oneOf": refs, "discriminator": discriminator}
    return set(codes)


PROBLEM_SCHEMA: Final = {
    "type": "object",
    "description": "A problem document (RFC 9457): what went wrong, and what to do about it. "
    "Which other members it has depends on `code`.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "The path at which the problem is explained."},
        "title": {"type": "string", "description": "What is wrong."},
        "status": {"type": "integer", "description": "The HTTP status of the answer."},
        "detail": {"type": "string", "description": "What to do about it."},
        "code": {"type": "string", "description": "The name of the problem. It never changes."},
        "errors": {
            "type": "array",
            "description": "What is wrong with the request, one item for each place.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "The place: a JSON pointer (RFC 6901) into the body, or `/` "
                        "and the name of a parameter or header.",
                    },
                    "detail": {"type": "string", "description": "What is wrong there."},
                },
            },
        },
    },
}
REPLAYED: Final = problems.header(
    "`true` if an earlier request with the same `Idempotency-Key` got this answer."
)
LOCATION: Final = problems.header("The path of what was created, if it has one of its own.")
REVISED: Final = problems.header(
    "The version of this answer. Send it as `If-Match` when you update it."
)
ETAG: Final = problems.header(
    "The version of this answer. Send it as `If-None-Match` when you read it again."
)
EXPORT_ETAG: Final = problems.header(
    "The version of this answer. Send it as `If-None-Match` when you read it again. The export is "
    "written while it is sent, so a part of it cannot be requested."
)
FILE_ETAG: Final = problems.header(
    "The SHA-256 of the file, to check it. Send it as `If-None-Match` or `If-Range` when you read "
    "it again."
)


def _may_send(name: str, description: str) -> dict[str, Any]:
    parameter = {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
    return {**parameter, "description": description}


def describe_edge(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    """Add what the edge does with body, token and headers."""
    responses = operation["responses"]
    names = {it["name"].lower() for it in operation.get("parameters", [])}
    for status in [it for it in responses if it.startswith("2")]:
        headers = responses[status].setdefault("headers", {})
        headers |= {"Location": LOCATION} if status == "201" else {}
        headers |= {"Idempotency-Replayed": REPLAYED} if "idempotency-key" in names else {}
    _describe_version(operation, route, method)
    if "idempotency-key" in names:
        _add_refusals(responses, IdempotencyKeyReused)
    if "if-match" in names:
        _add_refusals(responses, BadIfMatch)
    if "security" in operation:
        if {"DeviceBearer": []} not in operation["security"]:
            _add_refusals(responses, errors.NotSignedIn)
        if needs_no_token(route):
            operation["security"] = [{}, *operation["security"]]
    body = operation.get("requestBody", {}).get("content", {})
    if body and "application/json" not in body:
        _add_refusals(responses, TooManyUploads, UploadsBusy)
    if "application/json" in body:
        responses.setdefault(
            "400", problems.response("The request is not valid HTTP (RFC 9112).", {})
        )
        responses.setdefault("413", problems.response("The body is too large.", {}))
        responses.setdefault("415", problems.response("The body is not sent as JSON in UTF-8.", {}))


def describe_scope(operation: dict[str, Any], scope: str | None) -> None:
    """Tell which scope a personal access token needs, as OpenAPI 3.1 names roles: in `security`."""
    security = operation.get("security", [])
    if scope == ANY or {"HTTPBearer": []} not in security:
        return
    _add_refusals(operation["responses"], OutOfScope)
    told = [{"HTTPBearer": [scope]} if it and scope else it for it in security]
    operation["security"] = told
    needed = f"a personal access token needs `{scope}`" if scope else "no personal access token may"
    operation["description"] += f"\n\nScope: {needed}."


def describe_acting(operation: dict[str, Any], permitted: Collection[str]) -> None:
    """Tell whether it can be done for an organisation, and by what header."""
    if {"HTTPBearer"} & {name for it in operation.get("security", ()) for name in it}:
        if operation["operationId"] in permitted:
            asked = operation.setdefault("parameters", [])
            asked.append(_may_send(HEADER, "An organisation to do this for, as its member."))
            _add_refusals(operation["responses"], NoOrganisation, NotAMember)
        else:
            _add_refusals(operation["responses"], InPersonOnly)


def _add_refusals(responses: dict[str, Any], *kinds: type[DmlError]) -> None:
    """Add what the edge may refuse, to what the route says that it does."""
    for status, answer in problems.refusals(*kinds).items():
        content = responses.setdefault(str(status), answer)["content"][MEDIA_TYPE]
        content.setdefault("examples", {}).update(answer["content"][MEDIA_TYPE]["examples"])


def _describe_version(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    """Tell of an answer's ETag, and of what is answered to who has it."""
    responses, called = operation["responses"], set(calls_of(route.dependant))
    if method != "get":
        for status in [it for it in responses if it.startswith("2") and tell_revision in called]:
            responses[status]["headers"]["ETag"] = REVISED
        return
    if "200" not in responses:  # It sends browsers elsewhere.
        return
    is_stream = "text/event-stream" in responses["200"].get("content", ())
    if is_stream or not isinstance(route, StrictRoute):
        return
    is_file = file_sender in called
    etag = REVISED if tell_revision in called else ETAG
    etag = FILE_ETAG if is_file else EXPORT_ETAG if export_sender in called else etag
    responses["200"]["headers"]["ETag"] = etag
    responses["304"] = {
        "description": "Nothing changed: the answer's ETag is one of those in `If-None-Match`.",
        "headers": {"ETag": etag},
    }
    asked = operation.setdefault("parameters", [])
    asked.append(_may_send("If-None-Match", "ETags that you have. If one is current: `304`."))
    if is_file:
        responses["200"]["headers"]["Accept-Ranges"] = problems.header(
            "`bytes`: `Range` is supported."
        )
        part = problems.header("Which bytes of the file these are, and how many it has.")
        responses["206"] = {
            "description": "The part of the file that `Range` names.",
            "content": responses["200"]["content"],
            "headers": {"ETag": etag, "Content-Range": part},
        }
        responses["416"] = problems.response("The file has no such part.", {})
        responses["416"]["headers"] = {
            "Content-Range": problems.header("How many bytes the file has.")
        }
        asked.append(_may_send("Range", "The part of the file to return, such as `bytes=0-99`."))
        asked.append(_may_send("If-Range", "Return the whole file if its ETag is another."))
