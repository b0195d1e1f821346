"""python -m tests.fuzz --minutes 5 --seed 7"""

import argparse
import asyncio
import random
import sys

from tests.fuzz.callers import fuzz


def main() -> int:
    """Fuzz for so long, and say what was found. The exit code is 1 where something was."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--examples", type=int, default=10, help="of an operation, each time")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}\n")
    found = asyncio.run(fuzz(asked.seed, seconds=asked.minutes * 60, examples=asked.examples))
    for (role, status), count in sorted(found.answers.items()):
        sys.stdout.write(f"{role:10} {status} {count:7}\n")
    sys.stdout.write(f"graph: {dict(found.told_by_graph.most_common())}\n")
    for kind, it in found.faults.items():
        sys.stdout.write(f"\n{kind}\n  as {it.role}: {it.asked}\n  {it.wrong}\n")
    sys.stdout.write(f"{len(found.faults)} faults; seed {asked.seed}\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
