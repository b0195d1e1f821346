"""`dml settings`: what is set otherwise than by default first, then all else, with its meaning."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dml.core.money import MicroTokens, render
from dml.core.settings import Settings


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    ENV = "env"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as people read it. Secrets are never in `value`."""

    variable: str
    value: str
    default: str
    unit: str
    differs: bool
    meaning: str


def settings_of(here: Settings) -> Iterator[Setting]:
    for name, field in type(here).model_fields.items():
        value, default = getattr(here, name), field.get_default(call_default_factory=True)
        yield Setting(
            variable=f"DML_{name.upper()}",
            value=_shown(field, value),
            default=_shown(field, default),
            unit="tokens" if field.annotation is MicroTokens else "",
            differs=value != default,
            meaning=str(field.description),
        )


def shown(here: Settings, form: Form) -> str | Group:
    """All settings: as tables, as JSON, or as a template of the environment's variables."""
    told = list(settings_of(here))
    if form is Form.JSON:
        return json.dumps([{name: getattr(it, name) for name in it.__slots__} for it in told])
    if form is Form.ENV:
        return "\n\n".join(_as_variable(it) for it in told)
    differ = [it for it in told if it.differs]
    parts: list[Text | Table] = [Text("Set otherwise than by default:", style="bold")]
    parts.append(_table(differ) if differ else Text("nothing"))
    parts += [Text("\nAll others:", style="bold"), _table([it for it in told if not it.differs])]
    return Group(*parts)


def _as_variable(it: Setting) -> str:
    """Lines of a file of variables: what is as by default, and what is secret, is a comment."""
    is_written = it.differs and it.value != _SECRET
    return f"# {it.meaning}\n{'' if is_written else '# '}{it.variable}={it.value}"


_SECRET = "**********"  # As pydantic shows one.


def _table(told: list[Setting]) -> Table:
    table = Table("variable", "value", "meaning", show_lines=True)
    for it in told:
        table.add_row(it.variable, f"{it.value} {it.unit}".strip(), it.meaning)
    return table


def _shown(field: FieldInfo, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return _SECRET if value.get_secret_value() else ""
    if field.annotation is MicroTokens:
        return render(value)
    return json.dumps(value) if isinstance(value, list | dict | bool) else str(value)
