"""What the processes bring themselves."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.entrypoints",
    tables=(),
    routers=("health:router", "problem_types:router", "home_page:router", "graphiql:router"),
    graphs=("graphql:GRAPH",),
    processes=("collector",),
)
