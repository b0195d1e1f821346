"""`/problems`: what each problem document means, made of the refusals themselves."""

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from pydantic import Field

from dml.core.errors import DmlError, NotFound, all_refusals
from dml.core.wire import Wire
from dml.edge.descriptions import facts_schema, sampled_facts
from dml.edge.pages import Page
from dml.edge.problem_pages import PageOrJson
from dml.edge.problems import HTTP_PROBLEMS, refusals, status_of
from dml.edge.routing import StrictRoute

_TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "null": "null",
}
_FORMATS: Final[Mapping[str, str]] = {"date-time": "a time", "uuid": "an id"}
router = APIRouter(prefix="/problems", route_class=StrictRoute)


class ProblemFactOut(Wire):
    """What a problem document says beside the members that all have."""

    name: str = Field(description="The name of the member.")
    type: str = Field(description="What its value is, in words.")
    required: bool = Field(description="Whether each such document has it.")


class ProblemTypeNameOut(Wire):
    """What a problem document's `code` means, in short."""

    code: str = Field(description="The stable code of the problem.")
    status: int = Field(description="The HTTP status that it comes with.")
    title: str = Field(description="What is wrong.")
    detail: str = Field(description="What to do about it.")


class ProblemTypeOut(ProblemTypeNameOut):
    """What a problem document's `code` means."""

    facts: list[ProblemFactOut] = Field(description="What it says beside `title` and `detail`.")
    example: dict[str, Any] = Field(description="What such a document may look like.")


class ProblemTypesOut(Wire):
    items: list[ProblemTypeNameOut] = Field(description="All that there are, by code.")


class NoSuchProblem(NotFound):
    code = "entrypoints.no_such_problem"
    reason = "No problem has this code."
    remedy = "Take the `type` of a problem document, or one of `GET /problems`."


@router.get("", operation_id="problems.list", response_model=ProblemTypesOut)
async def list_problems(shape: PageOrJson) -> Any:
    """List all problems that an answer of this API may name.

    For anybody. Who prefers HTML, as browsers do, gets a page.
    """
    return shape(_ALL, ProblemTypesOut(items=list(_all())))


@router.get(
    "/{code}",
    operation_id="problems.get",
    response_model=ProblemTypeOut,
    responses=refusals(NoSuchProblem),
)
async def explain(code: str, shape: PageOrJson) -> Any:
    """Get the explanation of a problem.

    For anybody. The `type` of every problem document leads here. Who prefers HTML, as browsers do,
    gets a page.
    """
    return shape(_PAGE, _explain(code))


def _all() -> Iterator[ProblemTypeNameOut]:
    for status, remedy in HTTP_PROBLEMS.items():
        title = HTTPStatus(status).phrase
        yield ProblemTypeNameOut(code=f"http.{status}", status=status, title=title, detail=remedy)
    for it in all_refusals():
        yield ProblemTypeNameOut(
            code=it.code, status=status_of(it), title=it.reason, detail=it.remedy
        )


def _explain(code: str) -> ProblemTypeOut:
    named = next((it for it in _all() if it.code == code), None)
    if named is None:
        raise NoSuchProblem
    refusal = next((it for it in all_refusals() if it.code == code), None)
    members = {"type": f"{router.prefix}/{code}", **named.model_dump()}
    told = sampled_facts(refusal) if refusal else {}
    return ProblemTypeOut(
        **named.model_dump(),
        facts=[_fact(refusal, *it) for it in facts_schema(refusal).items()] if refusal else [],
        example={**members, **told, **members},  # No fact overwrites a member.
    )


def _fact(refusal: type[DmlError], name: str, schema: Mapping[str, Any]) -> ProblemFactOut:
    return ProblemFactOut(name=name, type=_words(schema), required=not hasattr(refusal, name))


def _words(schema: Mapping[str, Any]) -> str:
    """Say in words what a schema takes."""
    if "anyOf" in schema:
        return " or ".join(map(_words, schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(f"`{it}`" for it in schema["enum"])
    if schema["type"] == "array":
        return f"a list, each {_words(schema['items'])}"
    return _FORMATS.get(schema.get("format", ""), _TYPES[schema["type"]])


def _indented(example: Mapping[str, Any]) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _by_domain(problems: Sequence[Mapping[str, Any]]) -> Mapping[str, list[Mapping[str, Any]]]:
    found = dict[str, list[Mapping[str, Any]]]()
    for it in problems:
        found.setdefault(it["code"].partition(".")[0], []).append(it)
    return found


_PAGE: Final = Page(Path(__file__).with_name("problem_type.html"), indented=_indented)
_ALL: Final = Page(Path(__file__).with_name("problem_types.html"), by_domain=_by_domain)
