"""Look at a marketplace from outside, as anybody may: whether this release serves, and is ready.

python3 deploy/smoke.py https://market.example.org 0.1.0 [--seconds 60]
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

PAUSE_SECONDS = 1.0
TIMES = 6  # In a row, so that several instances are asked.


def get(url: str) -> tuple[int, Any]:
    """Return the status, and what a body of JSON says."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, None


def fault_of(url: str, release: str) -> str | None:
    """Say what is wrong. None where nothing is."""
    try:
        status, told = get(f"{url}/healthz")
        if status != 200 or told.get("release") != release:
            return f"/healthz says {status} {told}, and not release {release}"
        status, told = get(f"{url}/readyz")
        if status != 200:
            return f"/readyz says {status} {told}"
        for path in ("/v1/algorithms", "/v1/bounties", "/.well-known/jwks.json", "/openapi.json"):
            status, told = get(f"{url}{path}")
            if status != 200 or not isinstance(told, dict):
                return f"{path} says {status}"
    except (OSError, ValueError) as error:
        return f"no answer: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("release")
    parser.add_argument("--seconds", type=float, default=60, help="how long to wait for it")
    asked = parser.parse_args()
    deadline, well = time.monotonic() + asked.seconds, 0
    while True:
        fault = fault_of(asked.url.rstrip("/"), asked.release)
        well = 0 if fault else well + 1
        if well == TIMES:
            print(f"{asked.url} serves release {asked.release}.")
            return 0
        if fault and time.monotonic() > deadline:
            print(f"smoke test: {fault}", file=sys.stderr)
            return 1
        if fault:
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
