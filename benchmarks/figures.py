"""A figure: what was measured, what it is measured by in the same run, and the ratio wanted."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`against` is a number of the same run, or none where the goal is an absolute one."""

    name: str
    value: float
    against: float | None
    ratio: float
    goal: str  # "≥ 4" or "≤ 320": of the ratio, or of the value alone; empty where it is only told.
    unit: str

    @property
    def met(self) -> bool:
        if not self.goal:
            return True
        sign, bound = self.goal.split()
        return self.ratio >= float(bound) if sign == "≥" else self.ratio <= float(bound)

    def told(self) -> dict[str, Any]:
        kept = asdict(self) | {"met": self.met}
        del kept["name"]
        return {key: round(it, 4) if isinstance(it, float) else it for key, it in kept.items()}


def compared(name: str, value: float, against: float, goal: str, unit: str) -> Figure:
    """A figure that is judged by its ratio to another one."""
    return Figure(name, value, against, value / against, goal, unit)


def absolute(name: str, value: float, goal: str, unit: str) -> Figure:
    """A figure that is judged by itself."""
    return Figure(name, value, None, value, goal, unit)


def only_told(name: str, value: float, unit: str) -> Figure:
    """A figure that has no goal."""
    return Figure(name, value, None, value, "", unit)
