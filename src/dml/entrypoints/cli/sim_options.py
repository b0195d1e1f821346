"""The options of `dml sim`, one by one: together with their command they would fill two pages."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Devices = Annotated[int, Argument(min=1, max=2_000_000, help="How many devices come.")]
Owners = Annotated[
    int | None, Option(min=1, help="How many people own them. [default: each its own]")
]
Jobs = Annotated[int, Option(min=1, max=100_000, help="How many jobs wait.")]
Places = Annotated[
    int | None,
    Option(min=1, max=1_000_000, help="Of each job. [default: for 80 % of the owners]"),
]
Arrivals = Annotated[
    float | None,
    Option(
        min=0.01,
        help="Devices that come in a second, come what may (an open loop). "
        "[default: as one leaves, the next one comes]",
    ),
]
AtOnce = Annotated[
    int | None,
    Option(
        min=1,
        help="Without --arrivals, how many are there at a time. [default: as many as connections]",
    ),
]
Connections = Annotated[
    int, Option(min=1, max=20_000, help="Keep-alive connections that they share.")
]
WorkSeconds = Annotated[
    float, Option(min=0, help="How long a device works: the median, lognormal.")
]
DropOuts = Annotated[
    float, Option(min=0, max=1, help="The share that claims and never comes back.")
]
Liars = Annotated[float, Option(min=0, max=1, help="The share that lies: half of it implausibly.")]
Slow = Annotated[float, Option(min=0, max=1, help="The share that takes 20 times as long.")]
Seconds = Annotated[float | None, Option(min=0.1, help="End after so long, whatever is left.")]
Seed = Annotated[int, Option(help="Another order, and other photos.")]
Servers = Annotated[
    list[str],
    Option("--server", help="The API, http://…; several share the work. [default: this home's]"),
]
Record = Annotated[
    Path | None,
    Option(help="Write a line for each accepted answer: assignment and SHA-256."),
]
Picture = Annotated[Path | None, Option(help="Draw what happened here, as SVG.")]
Yes = Annotated[bool, Option("--yes", help="Do it though DML_DATABASE_URL names a database.")]
Json = Annotated[bool, Option("--json", help="End with one JSON object; the rest goes to stderr.")]
