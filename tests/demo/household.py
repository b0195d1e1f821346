"""Run the demo, interrupt it where wished, and tell what it left behind.

    python -m tests.demo.household '{"arguments": […], "after": "…", "signals": ["SIGINT"]}'

This process adopts every orphan among its descendants (a subreaper, see prctl(2)), so that whatever
outlives the demo is found as a child of this one, under whatever name and account it runs. It sends
the signals once a line of the demo's standard error holds `after`. Prints one JSON object.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

PR_SET_CHILD_SUBREAPER: Final = 36
ROOT: Final = Path(__file__).resolve().parents[2]
GRACE_SECONDS: Final = 30  # Within which the orphans of a demo that was killed have to end.


def main(wish: dict[str, Any]) -> dict[str, Any]:
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    with tempfile.TemporaryFile("w+") as out, tempfile.NamedTemporaryFile("w+") as err:
        demo = subprocess.Popen(
            [sys.executable, "-m", "demo", *wish["arguments"]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        if wish.get("signals"):
            while wish["after"] not in Path(err.name).read_text() and demo.poll() is None:
                time.sleep(0.02)
            for name in wish["signals"]:
                demo.send_signal(signal.Signals[name])
                time.sleep(0.2)
        code = demo.wait()
        left = names_of_children()
        give_up_at = time.monotonic() + (GRACE_SECONDS if code == -signal.SIGKILL else 0)
        while left and time.monotonic() < give_up_at:
            time.sleep(0.1)
            left = names_of_children()
        end_children()
        out.seek(0)
        said = Path(err.name).read_text()
        return {"pid": demo.pid, "code": code, "left": left, "out": out.read(), "err": said}


def children() -> list[int]:
    """Those that live. What has ended is let go."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            return []
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in listed.split()]


def names_of_children() -> list[str]:
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in children()]


def end_children() -> None:
    while found := children():
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
