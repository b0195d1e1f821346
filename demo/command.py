"""The command line of the marketplace, run to its end as a person or an operator would."""

import asyncio
import signal
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from demo import children
from demo.children import DML, Failed

WAIT_SECONDS: Final = 90


async def run(
    arguments: Sequence[str], log: Path, *, codes: Collection[int] = (0,), **variables: str
) -> str:
    """Run a command of `dml`. Answers what it showed."""
    said = " ".join(arguments[:2])
    process = await children.start(
        [*DML, *arguments], log, outlives=False, pass_fds=(), **variables
    )
    try:
        code = await asyncio.wait_for(process.wait(), WAIT_SECONDS)
    except TimeoutError:
        raise Failed(f"`dml {said}` was not done after {WAIT_SECONDS} s") from None
    finally:
        await children.end(process, 5, signal.SIGKILL)
    if code not in codes:
        raise Failed(f"`dml {said}` ended with {code}:\n{children.tail(log)}")
    return children.read(log)
