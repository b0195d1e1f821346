"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.jobs",
    routers=("device_path.routes:work_router", "routes:router", "device_path.routes:router"),
    processes=("processes",),
    checks=("doctor:CHECKS",),
    named_files=("queries:NAMED_BLOBS",),
)
