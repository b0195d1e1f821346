"""Libraries that are imported when something of them is first used.

An API imports what its routes may need, and serves for days without much of it: its start, and
the memory of each process, should not pay for that. At the top of a module, as other imports:

    if TYPE_CHECKING:
        import jinja2
    else:
        jinja2 = deferred("jinja2")
"""

import importlib.util
import sys
from types import ModuleType


def deferred(name: str) -> ModuleType:
    """Return a package that imports itself when it is first asked for an attribute.

    One at the top: of `a.b`, `a` would be imported at once. Use it from one thread.
    """
    assert "." not in name, name
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
