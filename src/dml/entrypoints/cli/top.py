"""`dml top`: the command. What it shows is made in `entrypoints/top.py`."""

from typing import Annotated

import typer

from dml.tool.common import AsJson


def top(
    seconds: Annotated[
        float, typer.Option("--every", min=0.5, max=60, help="Seconds between two looks.")
    ] = 2.0,
    times: Annotated[
        int, typer.Option("--times", min=0, help="How often to look; 0: until Ctrl-C.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what this machine's marketplace does just now: requests, devices, queues, chain.

    The same figures as `/metrics`, as rates since the look before. Ends with Ctrl-C.
    """
    from dml.entrypoints import settings_read
    from dml.entrypoints.top import run

    raise typer.Exit(run(settings_read.read(), seconds=seconds, times=times, as_json=as_json))
