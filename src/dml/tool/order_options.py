"""The options of an order: `dml job create` and `dml job quote` take the same."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Final

import typer

from dml.tool import common

_NEEDED: Final = inspect.Parameter.empty
_OPTIONS: Final = (
    (
        "model",
        Annotated[str, typer.Argument(help="The algorithm: its id, the end of it, or its title.")],
        _NEEDED,
    ),
    (
        "devices",
        Annotated[int, typer.Option(min=1, help="Devices that are paid, at most.")],
        _NEEDED,
    ),
    ("reward", Annotated[str, typer.Option(help="Tokens that an owner earns.")], _NEEDED),
    (
        "title",
        Annotated[
            str | None,
            typer.Option(help="What you ask; public. [default: the algorithm's]"),
        ],
        None,
    ),
    (
        "deadline",
        Annotated[str, typer.Option(help="When it ends: +7d, +12h, or a time with its zone.")],
        "+7d",
    ),
    (
        "country",
        Annotated[
            list[str] | None, typer.Option(help="Only devices there, such as PT; repeat it.")
        ],
        None,
    ),
    (
        "date_from",
        Annotated[
            str | None, typer.Option("--from", help="Only items from this day on: 2026-01-01.")
        ],
        None,
    ),
    (
        "date_to",
        Annotated[str | None, typer.Option("--to", help="Only items before this day.")],
        None,
    ),
    (
        "min_confidence",
        Annotated[float, typer.Option(min=0, max=1, help="Below it, an item is uncertain.")],
        0.5,
    ),
    ("per_owner", Annotated[int, typer.Option(min=1, help="Devices of one owner, at most.")], 1),
    (
        "exact",
        Annotated[
            bool, typer.Option("--exact", help="Without noise, of owners who agreed to that alone.")
        ],
        False,
    ),
    (
        "epsilon",
        Annotated[
            float | None, typer.Option(help="More of it: less noise. [default: the operator's]")
        ],
        None,
    ),
    (
        "max_items",
        Annotated[
            int | None,
            typer.Option(min=1, help="Items of one owner, at most. [default: the operator's]"),
        ],
        None,
    ),
    (
        "max_norm",
        Annotated[
            int | None,
            typer.Option(min=1, help="Norm of one owner's counts, at most. [default: as it suits]"),
        ],
        None,
    ),
    (
        "precision",
        Annotated[
            float | None,
            typer.Option(help="End once shares of labels are known to so many percentage points."),
        ],
        None,
    ),
)


def takes_order(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose first parameter is `asked`, the options of an order."""
    _, *own = inspect.signature(command).parameters.values()
    needed: list[inspect.Parameter] = []
    optional: list[inspect.Parameter] = []
    for name, annotation, default in _OPTIONS:
        made = inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        (needed if default is _NEEDED else optional).append(made)

    @wraps(command)
    def run(**named: Any) -> None:
        asked = {name: named.pop(name) for name, *_ in _OPTIONS}
        command(asked, **named)

    kept = [it.replace(kind=inspect.Parameter.KEYWORD_ONLY) for it in own]
    run.__signature__ = inspect.Signature([*needed, *optional, *kept])  # type: ignore[attr-defined] # as typer reads it
    run.__annotations__ = {it.name: it.annotation for it in (*needed, *optional, *kept)}
    return run


def order_of(algorithm: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the API takes, of these options."""
    as_said = {
        "epsilon": asked["epsilon"],
        "max_items": asked["max_items"],
        "max_norm": asked["max_norm"],
        "date_from": asked["date_from"],
        "date_to": asked["date_to"],
        "precision": None if asked["precision"] is None else asked["precision"] / 100,
    }
    return {
        "version_id": algorithm["approved_version"]["id"],
        "title": asked["title"] or algorithm["title"],
        "max_devices": asked["devices"],
        "max_devices_per_owner": asked["per_owner"],
        "reward": asked["reward"],
        "deadline": common.moment(asked["deadline"], option="--deadline"),
        "min_confidence": asked["min_confidence"],
        "countries": asked["country"] or [],
        "answers": "exact" if asked["exact"] else "noisy",
        **{name: it for name, it in as_said.items() if it is not None},
    }
