"""What a domain brings, told in one place: nobody keeps a list of routers, tables or checks.

Each domain has a `manifest.py`. It names things and imports none, so that whoever needs one kind
loads that kind alone: the API no checks, the doctor no routes.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Domain:
    """The things of one package, each as `module:name`; a module alone where importing does it."""

    package: str
    tables: tuple[str, ...] = ("models",)
    routers: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()  # What it adds to the graph (`edge.graphql.graph`).
    events: tuple[str, ...] = ()  # Modules that name what happens.
    proofs: tuple[str, ...] = ()  # Modules that say how a kind of proof is checked.
    processes: tuple[str, ...] = ()  # Modules that hold `@process` or `@on`.
    notices: tuple[str, ...] = ()  # Of which events users are mailed (`accounts.notices`).
    checks: tuple[str, ...] = ()  # Of the doctor: each a sequence of `Check`.
    cleaners: tuple[str, ...] = ()  # `async (tx, now)`: deletes or ends what nobody needs.
    named_files: tuple[str, ...] = ()  # SQL: `entrypoints.collector` says of what form.
    kept_files: tuple[str, ...] = ()  # SQL: `core.kept_files` says of what form.
    personal: tuple[str, ...] = ()  # What it holds of people: a `core.personal.Personal`.

    def load(self, names: Iterable[str]) -> list[Any]:
        """Import each, and return it."""
        return [self._load(*it.split(":")) for it in names]

    def _load(self, module: str, name: str | None = None) -> Any:
        loaded = importlib.import_module(f"{self.package}.{module}")
        return loaded if name is None else getattr(loaded, name)
