"""The options of `dml sim`. With their command they would fill two pages."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Devices = Annotated[int, Argument(min=1, max=2_000_000, help="Number of devices.")]
Owners = Annotated[
    int | None, Option(min=1, help="Number of owners. [default: one for each device]")
]
Jobs = Annotated[int, Option(min=1, max=100_000, help="Number of jobs.")]
Places = Annotated[
    int | None,
    Option(min=1, max=1_000_000, help="Places of each job. [default: for 80 % of the owners]"),
]
Arrivals = Annotated[
    float | None,
    Option(
        min=0.01,
        help="Devices that come each second, whatever happens (open loop). "
        "[default: as one leaves, the next one comes]",
    ),
]
AtOnce = Annotated[
    int | None,
    Option(
        min=1,
        help="Without --arrivals: devices at a time. [default: as many as connections]",
    ),
]
Connections = Annotated[
    int, Option(min=1, max=20_000, help="Keep-alive connections that they share.")
]
WorkSeconds = Annotated[
    float, Option(min=0, help="How long a device works: the median of a lognormal distribution.")
]
DropOuts = Annotated[
    float, Option(min=0, max=1, help="Share of devices that claim and never come back.")
]
Liars = Annotated[
    float, Option(min=0, max=1, help="Share of devices that lie: half of them implausibly.")
]
Slow = Annotated[float, Option(min=0, max=1, help="Share of devices that take 20 times as long.")]
Seconds = Annotated[float | None, Option(min=0.1, help="End after so many seconds.")]
Seed = Annotated[int, Option(help="Seed of the random order and photos.")]
Servers = Annotated[
    list[str],
    Option(
        "--server", help="URL of the API, http://…; several share the load. [default: this home's]"
    ),
]
Epsilon = Annotated[
    float,
    Option(
        min=0.01, max=100, help="How much each job may learn of an owner: larger is less noise."
    ),
]
Exact = Annotated[bool, Option("--exact", help="Order exact answers, without noise.")]
Record = Annotated[
    Path | None,
    Option(help="Write a line for each accepted result here: assignment and SHA-256."),
]
Picture = Annotated[Path | None, Option(help="Draw the run into this file, as SVG.")]
Yes = Annotated[bool, Option("--yes", help="Do it even if DML_DATABASE_URL names a database.")]
Json = Annotated[bool, Option("--json", help="End with one JSON object; the rest goes to stderr.")]
