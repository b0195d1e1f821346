"""An API process, as `dml up` starts it again: the first ones are forks (`nursery`).

Most of a start is imports, and what they make stays: to look through it for garbage again and again
takes a tenth of the time. And structlog looks for rich, which takes it 60 ms to show stack traces
as no log of a server is written.
"""

import gc
import sys

gc.disable()  # A start is imports, which leave no garbage to look for (docs/decisions/0009).
sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to say: not to be found.

from dml import ending  # noqa: E402 - only once gc and rich are off
from dml.core.settings import Settings  # noqa: E402 - only once gc and rich are off
from dml.entrypoints import server  # noqa: E402 - only once gc and rich are off
from dml.entrypoints.supervisor.console import refuse  # noqa: E402 - only once gc and rich are off
from dml.refused import Refused  # noqa: E402 - only once gc and rich are off


def main() -> int:
    """Serve, once it is known what."""
    gc.freeze()
    gc.enable()
    try:
        return server.run(Settings())
    except Refused as refusal:
        return refuse(refusal)


if __name__ == "__main__":
    ending.run(main)
