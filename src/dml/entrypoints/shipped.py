"""Files that the code needs and that are no modules: migrations, the built contracts and console.

A wheel has them inside the package; a checkout has them at its root. This imports nothing of ours,
for the small processes of `dml up` read it, too.
"""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_CHECKOUT: Final = Path(__file__).resolve().parents[3]


def folder(name: str) -> Path:
    """Return the folder of that name: `migrations`, `contracts/build`, `console/dist`."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _CHECKOUT / name


def console() -> Path | None:
    """Return the folder of the built console; None where nobody has built it."""
    built = folder("console/dist")
    return built if (built / "index.html").is_file() else None
