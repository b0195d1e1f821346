"""Libraries that are imported when something of them is first used.

An API imports what its routes may need, and serves for days without much of it: its start, and
the memory of each process, should not pay for that. At the top of a module, as other imports:

    if TYPE_CHECKING:
        import jinja2
    else:
        jinja2 = deferred("jinja2")
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def deferred(name: str) -> ModuleType:
    """Return what stands for a package, and imports it when it is first asked for an attribute.

    One at the top: of `a.b`, `a` would be imported at once. Any thread may be the first.
    """
    assert "." not in name, name
    if name in sys.modules:
        return sys.modules[name]
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _Deferred(name)


class _Deferred(ModuleType):
    """Not by `importlib.util.LazyLoader`: in Python 3.11, other threads see a half-made module."""

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.__name__), attribute)
