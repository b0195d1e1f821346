"""Python types for the JSON Schemas that the API's description is made of (docs/decisions/0030)."""

import json
import keyword
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

Schema = dict[str, Any]
WIDTH: Final = 100
REFERENCE: Final = "#/components/schemas/"
PLAIN: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}


class Schemas:
    """The schemas by name, and those that were made on the way: of an object within another."""

    def __init__(self, named: dict[str, Schema]) -> None:
        self.named = dict(named)
        self._used = dict[str, Schema]()

    def spelled(self, schema: Schema, name: str, before: str = "") -> str:
        """The type of a schema. `name` is for what has none; `before` goes ahead of each name."""
        if "$ref" in schema:
            return before + self._use(schema["$ref"].removeprefix(REFERENCE))
        if "const" in schema or "enum" in schema:
            allowed = schema.get("enum") or [schema["const"]]
            return f"Literal[{', '.join(map(repr, allowed))}]"
        if several := schema.get("anyOf") or schema.get("oneOf"):
            return " | ".join(dict.fromkeys(self.spelled(it, name, before) for it in several))
        if "properties" in schema:
            assert self.named.setdefault(name, schema) == schema, name
            return before + self._use(name)
        if schema.get("type") == "array":
            return f"list[{self.spelled(schema['items'], name, before)}]"
        if schema.get("type") == "object":
            values = schema.get("additionalProperties", True)
            of = "Any" if values is True else self.spelled(values, name, before)
            return f"dict[str, {of}]"
        return PLAIN[schema["type"]]

    def _use(self, name: str) -> str:
        """Remember a schema and all that it needs."""
        if name not in self._used:
            schema = self._used[name] = self.named[name]
            for _ in self._fields(name, schema):
                pass
        return name

    def _fields(self, name: str, schema: Schema) -> Iterator[tuple[str, str, str]]:
        """Name, type and description of each field."""
        required = schema.get("required", ())
        for field, of in schema.get("properties", {}).items():
            spelled = self.spelled(of, name + field.title().replace("_", ""))
            shown = spelled if field in required else f"NotRequired[{spelled}]"
            yield field, shown, of.get("description", "")

    def written(self) -> Iterator[str]:
        """The text of each type that was used: names of values first, then objects."""
        used = sorted(self._used.items())
        for name, schema in used:
            if "properties" not in schema:
                yield f"{name}: TypeAlias = {self.spelled(schema, name)}\n"
                yield docstring([schema.get("description", "")], "")
        for name, schema in used:
            if "properties" in schema:
                yield from self._written(name, schema)

    def _written(self, name: str, schema: Schema) -> Iterator[str]:
        fields = list(self._fields(name, schema))
        about = docstring(schema.get("description", "").split("\n\n"), "    ")
        if not all(is_name(field) for field, _, _ in fields):
            told = ", ".join(f"{field!r}: {spelled!r}" for field, spelled, _ in fields)
            yield f"\n{name} = TypedDict({name!r}, {{{told}}})\n{about.replace('    ', '')}"
            return
        yield f"\n\nclass {name}(TypedDict):\n{about}"
        for field, spelled, description in fields:
            yield f"    {field}: {spelled}\n{docstring([description], '    ')}"


def is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def docstring(paragraphs: Iterable[str], indent: str) -> str:
    """Paragraphs as a docstring that keeps within the width; nothing where there are none."""
    texts = [" ".join(it.split()).replace("\\", "\\\\") for it in paragraphs]
    wide = WIDTH - len(indent) - len('""""""')
    lines = list[str]()
    for text in filter(None, texts):
        lines += ["", *textwrap.wrap(text, wide, break_long_words=False, break_on_hyphens=False)]
    if not lines:
        return ""
    del lines[0]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    body = "\n".join(f"{indent}{it}" if it else "" for it in lines[1:])
    return f'{indent}"""{lines[0]}\n{body}\n{indent}"""\n'


def read(text: str) -> tuple[Schemas, dict[str, Any]]:
    """The schemas and the paths of an OpenAPI document."""
    document = json.loads(text)
    return Schemas(document["components"]["schemas"]), document["paths"]
