"""Writes the typed Python client from the API's description (docs/decisions/0030).

python -m clients.generate --write     # or --check, which fails where a file is not current
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clients import events
from clients.schemas import Schemas, docstring, is_name, read

ROOT: Final = Path(__file__).resolve().parents[1]
DESCRIPTION: Final = ROOT / "docs" / "api" / "openapi.json"
CLIENT: Final = ROOT / "src" / "dml" / "client"
EVENTS_PAGE: Final = ROOT / "docs" / "api" / "events.md"
FILES: Final = ("types.py", "operations.py", "async_operations.py")
HEAD: Final = """\
# Generated from docs/api/openapi.json by `make openapi` (clients/generate.py): edit neither.
# Why it is generated, and by code of ours: docs/decisions/0030.
"""
JSON, FORM, EVENTS = "application/json", "multipart/form-data", "text/event-stream"
EVENT: Final = "requests.Event"
# What a caller may say in a header; the client itself sees to the others.
HEADERS: Final = {
    "Idempotency-Key": "idempotency_key",
    "if-match": "if_match",
    "Input-Spec-Version": "input_spec_version",
    "Upload-Offset": "upload_offset",
}
TAKEN: Final = ("types", "requests", "cast", "all")


@dataclass(frozen=True, slots=True)
class Way:
    """How a method asks: one that blocks until there is an answer, or one that is awaited."""

    prefix: str
    define: str
    wait: str
    iterator: str


SYNC: Final = Way("", "def", "", "Iterator")
ASYNC: Final = Way("Async", "async def", "await ", "AsyncIterator")


@dataclass(frozen=True, slots=True)
class Method:
    """A method in both ways: its parameters, what it answers, and the call of the marketplace."""

    name: str
    parameters: list[str]
    answer: str
    about: list[str]
    call: str
    iterates: bool = False

    def written(self, way: Way) -> str:
        answer = f"{way.iterator}[{self.answer}]" if self.iterates else self.answer
        # An iterator is returned at once in both ways: it asks when it is read.
        define, wait = ("def", "") if self.iterates else (way.define, way.wait)
        value = f"{wait}self._market.{self.call}"
        cast = f'return cast("{answer}", {value})'
        plain = {"None": value, "bytes": f"return {value}", EVENT: f"return {value}"}
        return (
            f"\n    {define} {self.name}({', '.join(['self', *self.parameters])}) -> {answer}:\n"
            f"{docstring(self.about, ' ' * 8)}"
            f"        {plain.get(self.answer, cast)}\n"
        )


class Operation:
    """One operation of the description, and the methods that it becomes."""

    def __init__(self, schemas: Schemas, verb: str, path: str, told: dict[str, Any]) -> None:
        self.tag, _, self._name = told["operationId"].partition(".")
        self._schemas, self._verb, self._path, self._told = schemas, verb.upper(), path, told
        given = told.get("parameters", [])
        self._in_path = [it["name"] for it in given if it["in"] == "path"]
        self._query = {it["name"]: it for it in given if it["in"] == "query"}
        self._headers = {it["name"]: it for it in given if it["name"] in HEADERS}
        # Where parts of a file can be asked for (206), the whole of it is of the same kind.
        good = [it for status, it in told["responses"].items() if status.startswith("2")]
        self._kind, self._answer = next(iter(good[0].get("content", {"": {}}).items()))

    def methods(self) -> Iterator[Method]:
        about = [self._told["summary"] + ".", self._told.get("description", "").split("\n\n")[0]]
        asked = self._asked()
        yield Method(
            self._name,
            self._parameters(),
            self._spelled(self._answer["schema"]) if self._kind == JSON else self._of_kind(),
            [*about, *self._explained()],
            asked,
            iterates=self._kind == EVENTS,
        )
        if "cursor" in self._query:
            for paging in ("limit", "cursor"):
                del self._query[paging]
            page = self._schemas.named[self._answer["schema"]["$ref"].rpartition("/")[2]]
            first, _, rest = self._name.partition("_")
            rest = rest if first in ("list", "get") else self._name  # `iterate_search`
            yield Method(
                f"iterate_{rest}" if rest else "iterate",
                self._parameters(),
                self._spelled(page["properties"]["items"]["items"]),
                [f"Yield each item of `{self._name}`, page after page."],
                f"all_of({self._url()}, **{self._sent_query()})",
                iterates=True,
            )

    def _spelled(self, schema: dict[str, Any]) -> str:
        return self._schemas.spelled(schema, "", "types.")

    def _of_kind(self) -> str:
        return {EVENTS: EVENT, "": "None"}.get(self._kind, "bytes")

    @property
    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = self._told.get("requestBody", {}).get("content", {})
        return body

    def _parameters(self) -> list[str]:
        """As Python writes them: the path and the body in order, all else by name."""
        by_name = []
        if self._body and JSON not in self._body and FORM not in self._body:
            by_name.append(f"media_type: Literal[{', '.join(map(repr, self._body))}]")
            if len(self._body) == 1:
                by_name[-1] += f" = {next(iter(self._body))!r}"
        for name, it in self._query.items():
            spelled = self._spelled(it["schema"]).removesuffix(" | None")
            by_name.append(f"{python(name)}: {spelled}{optional(it.get('required', False))}")
        for name, it in self._headers.items():
            needed = it.get("required", False)
            spelled = self._spelled(it["schema"]) if needed else "str"
            by_name.append(f"{HEADERS[name]}: {spelled}{optional(needed)}")
        if self._of_kind() == "bytes" and self._kind != JSON:
            by_name.append("most_bytes: int = requests.FILE_BYTES_MAX")
        stars = ["*", *by_name] if by_name else []
        return [*(f"{it}: str" for it in self._in_path), *self._bodies(), *stars]

    def _bodies(self) -> Iterator[str]:
        if JSON in self._body:
            is_required = self._told["requestBody"].get("required", False)
            yield f"body: {self._spelled(self._body[JSON]['schema'])}{optional(is_required)}"
        elif FORM in self._body:
            for name, schema in self._body[FORM]["schema"]["properties"].items():
                yield f"{name}: {'Path' if is_file(schema) else self._spelled(schema)}"
        elif self._body:
            yield "file: Path"

    def _explained(self) -> list[str]:
        """What the description says of each parameter of a query, but of paging."""
        told = {name: it.get("description", "") for name, it in self._query.items()}
        return [f"`{python(it)}`: {told[it]}" for it in told if told[it] and it != "cursor"]

    def _url(self) -> str:
        path = self._path
        for name in self._in_path:
            path = path.replace(f"{{{name}}}", f"{{requests.part({name})}}")
        return f"f{path!r}" if self._in_path else repr(path)

    def _sent_query(self) -> str:
        return f"requests.sent({{{', '.join(f'{it!r}: {python(it)}' for it in self._query)}}})"

    def _asked(self) -> str:
        """The call that asks for the answer."""
        query = self._sent_query() if self._query else ""
        headers = ", ".join(f"{it!r}: {HEADERS[it]}" for it in self._headers)
        more = f", headers=requests.sent({{{headers}}})" if headers else ""
        if self._kind == EVENTS:
            return f"events({self._url()}, requests.STREAM_SECONDS)"
        if self._of_kind() == "bytes" and self._kind != JSON:
            asked = f", params={query}" if query else ""
            return f"bytes_of({self._url()}, limit=most_bytes{asked})"
        if query:
            more += f", params={query}"
        if JSON in self._body:
            more += ", json=body"
        elif FORM in self._body:
            fields = {True: "", False: ""}
            for name, schema in self._body[FORM]["schema"]["properties"].items():
                fields[is_file(schema)] += f"{name!r}: {name}, "
            more += f", **requests.form({{{fields[False]}}}, {{{fields[True]}}})"
        elif self._body:
            return f"upload({self._verb!r}, {self._url()}, file, media_type{more})"
        return f"ask({self._verb!r}, {self._url()}{more})"


def python(name: str) -> str:
    """Spell a parameter so that it hides nothing that the method itself needs."""
    return name if is_name(name) and name not in TAKEN else f"{name}_"


def optional(is_required: bool) -> str:
    return "" if is_required else " | None = None"


def is_file(schema: dict[str, Any]) -> bool:
    return "contentMediaType" in schema


def generated(text: str) -> dict[str, str]:
    """The text of each file, for this description."""
    schemas, paths = read(text)
    made = dict[str, list[Method]]()
    for path, verbs in paths.items():
        for verb, told in verbs.items():
            if not any(it.startswith("2") for it in told["responses"]):
                continue  # A browser goes there, and no client.
            it = Operation(schemas, verb, path, told)
            made.setdefault(it.tag, []).extend(it.methods())
    types = "".join(schemas.written())
    texts = (
        f'{HEAD}"""What the API takes and answers, as JSON: a TypedDict for each object."""\n\n'
        "from __future__ import annotations\n\n"
        f"from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n\n{types}",
        operations(made, SYNC),
        operations(made, ASYNC),
    )
    return {name: formatted(text) for name, text in zip(FILES, texts, strict=True)}


def operations(made: dict[str, list[Method]], way: Way) -> str:
    market = f"{way.prefix}Marketplace"
    module = "asynchronous" if way is ASYNC else "marketplace"
    classes, all_of_them = "", ""
    for tag, methods in sorted(made.items()):
        name = tag.title().replace("_", "")
        body = "".join(it.written(way) for it in methods)
        classes += f"\n\nclass {name}:\n    def __init__(self, market: {market}) -> None:\n"
        classes += f"        self._market = market\n{body}"
        all_of_them += f"        self.{tag} = {name}(market)\n"
    return (
        f'{HEAD}"""Each operation of the API as a method: `client.<tag>.<operation>`."""\n\n'
        f"from collections.abc import {way.iterator}\n"
        "from pathlib import Path\nfrom typing import Any, Literal, cast\n\n"
        "from dml.client import requests, types\n"
        f"from dml.client.{module} import {market}\n"
        f"{classes}\n\nclass {way.prefix}Operations:\n"
        f'    """What both the marketplace and its API can do, by tag."""\n\n'
        f"    def __init__(self, market: {market}) -> None:\n{all_of_them}"
    )


def formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "generated.py", "-"]
    # S603 warns of commands that others chose: this one is a constant, run without a shell.
    ran = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    return ran.stdout


def all_files() -> dict[Path, str]:
    """What each file is to hold: those of the client, and the page of events."""
    text = DESCRIPTION.read_text()
    made = {CLIENT / name: its for name, its in generated(text).items()}
    return made | {EVENTS_PAGE: events.page(json.loads(text)["webhooks"])}


def not_current() -> list[Path]:
    """Which of the files are not what the description says."""
    return [it for it, text in all_files().items() if not it.exists() or it.read_text() != text]


def main() -> int:
    if "--write" in sys.argv:
        for path, text in all_files().items():
            path.write_text(text)
        return 0
    for path in (old := not_current()):
        sys.stderr.write(
            f"{path.relative_to(ROOT)} is not what the API says: run `make openapi`.\n"
        )
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
