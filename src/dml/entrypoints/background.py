"""A worker or the chain process, as `dml up` starts it again, without the command line.

The first ones are forks (`nursery`).

structlog looks for rich, to show stack traces as no log of a server is written: that takes memory.
"""

import importlib
import sys

from dml import ending
from dml.entrypoints import settings_read
from dml.entrypoints.supervisor.console import refuse
from dml.refused import Refused


def main() -> int:
    """Run the module of ours that is named, whose `run` takes the settings."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to say: not to be found.
    module = importlib.import_module(f"dml.entrypoints.{sys.argv[1]}")
    try:
        return int(module.run(settings_read.read()))
    except Refused as refusal:
        return refuse(refusal)


if __name__ == "__main__":
    ending.run(main)
