"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.jobs",
    tables=(
        *("models", "archive.models", "history.models", "budgets.models", "crowds.models"),
        "job_manifests.models",
    ),
    events=("events",),
    routers=(
        *("device_path.routes:work_router", "quotes.routes:router"),
        *("routes:router", "raising.routes:router", "device_path.routes:router"),
        *("history.routes:router", "budgets.routes:router", "job_manifests.routes:router"),
        "receipts.routes:router",
    ),
    graphs=("graphql:GRAPH", "history.graphql:GRAPH"),
    processes=("processes",),
    cleaners=("processes:end_restored",),
    checks=("doctor:CHECKS",),
    named_files=("queries:NAMED_BLOBS",),
    personal=("personal:PERSONAL", "history.personal:PERSONAL"),
)
