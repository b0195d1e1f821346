"""What the processes bring themselves."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.entrypoints",
    tables=(),
    routers=("health:router", "home_page:router"),
    processes=("collector",),
)
