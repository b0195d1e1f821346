"""One step of an installation, for the Makefile: what it brings, how far it is, why it failed.

    python requirements/step.py .venv/server "the server: 150 MB to download" pip install …

STEPS in the environment names the steps of what was asked for, to say which of them this one is.
What the command prints is shown only where it fails, and then with what to do about it. It is kept
in memory: a disk that is full takes no log.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

VENV: Final = Path(".venv")
LINES_KEPT: Final = 2_000
LINES_SHOWN: Final = 5
NOISE: Final = re.compile(r"^\s*$|^WARNING: Retrying|A complete log of this run|^npm error\s*$")


class Reason(NamedTuple):
    """How tools say what went wrong, what that is in plain words, and what to do about it."""

    said: re.Pattern[str]
    why: str
    remedy: Callable[[], str]


def _disks() -> str:
    folders = (VENV.resolve() if VENV.exists() else Path.cwd(), Path(tempfile.gettempdir()))
    free = (f"{shutil.disk_usage(it).free >> 20} MB are free in {it}" for it in folders)
    return (
        f"{' and '.join(dict.fromkeys(free))}. Make room; `make run` takes "
        "1.2 GB, `make test` 2.1 GB. TMPDIR names another folder for what is unpacked on the way."
    )


def _certificates() -> str:
    return (
        "A proxy on the way may sign with a certificate of its own. Ask who runs it for the file "
        "of its authority, and name that: export PIP_CERT=FILE NODE_EXTRA_CA_CERTS=FILE"
    )


def _network() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY")
    given = [it for it in names if os.environ.get(it)]
    said = f"Set here: {', '.join(given)}. " if given else ""
    return (
        f"{said}Look whether this machine reaches the internet. Behind a proxy, export "
        "HTTPS_PROXY=http://HOST:PORT. Where only mirrors are reached, name them: "
        "export PIP_INDEX_URL=URL NPM_CONFIG_REGISTRY=URL"
    )


def _mirror() -> str:
    return (
        f"This is Python {sys.version.split()[0]} on {os.uname().sysname} {os.uname().machine}; "
        "ready-made packages are for Linux on x86-64. A mirror may also lag behind: PIP_INDEX_URL "
        "and NPM_CONFIG_REGISTRY name another."
    )


def _changed() -> str:
    return (
        "What came is not what is locked: a cache or a mirror gave something else. Empty the "
        "caches (`.venv/bin/pip cache purge`, `.venv/bin/npm cache clean --force`), or use "
        "another mirror."
    )


def _permission() -> str:
    return f"{VENV.resolve()} and all in it must be yours: `make clean` removes it."


# The first that fits is told: a missing network makes pip find no version, too.
REASONS: Final = (
    Reason(
        re.compile(r"No space left on device|ENOSPC|Disk quota exceeded|EDQUOT"),
        "The disk is full.",
        _disks,
    ),
    Reason(
        re.compile(
            r"certificate|CERTIFICATE_VERIFY_FAILED|SELF_SIGNED|UNABLE_TO_\w*(CERT|LEAF)"
            r"|ERR_TLS",
            re.IGNORECASE,
        ),
        "The certificate of whoever answered is not trusted here.",
        _certificates,
    ),
    Reason(
        re.compile(r"DO NOT MATCH THE HASHES|EINTEGRITY|THESE PACKAGES DO NOT MATCH"),
        "A package is another than the locked one.",
        _changed,
    ),
    Reason(
        re.compile(
            r"name resolution|Name or service not known|ENOTFOUND|EAI_AGAIN|ECONNREFUSED"
            r"|ECONNRESET|E?TIMEDOUT|ERR_SOCKET|ENETUNREACH|EHOSTUNREACH|ECONNABORTED"
            r"|Network is unreachable|No route to host|Connection refused|timed out"
            r"|Connection (broken|aborted|reset)|ProxyError|EIDLETIMEOUT"
            r"|Failed to establish a new connection|Max retries exceeded"
        ),
        "No registry of packages was reached.",
        _network,
    ),
    Reason(
        re.compile(
            r"No matching distribution|Could not find a version|E404|ETARGET|404 Not Found"
            r"|EBADPLATFORM|not a supported wheel"
        ),
        "The registry has no such package for this machine.",
        _mirror,
    ),
    Reason(
        re.compile(r"Permission denied|EACCES|EPERM"), "A file may not be written.", _permission
    ),
)


def main(arguments: Sequence[str]) -> int:
    target, what, *command = arguments
    step = f"{place_of(target)}{what}"
    wanted = sum(count_packages(Path(it)) for it in command if it.endswith(".txt"))
    began = time.monotonic()
    said: list[str] = []
    try:
        with progress(f"{step} …", lambda: how_far(said, wanted), began):
            code = run(command, said)
    except KeyboardInterrupt:
        return 130
    if code:
        sys.stderr.write(explain(what, said))
    return int(code != 0)


def place_of(target: str) -> str:
    """Which step of how many, where more than one is left."""
    steps = os.environ.get("STEPS", "").split()
    if target not in steps or len(steps) == 1:
        return ""
    return f"{steps.index(target) + 1} of {len(steps)}: "


def count_packages(lock: Path) -> int:
    return sum("==" in line and not line.startswith((" ", "#")) for line in lock.open())


def how_far(said: Sequence[str], wanted: int) -> str:
    """What pip says of where it is; nothing of npm, which says nothing."""
    if any(it.startswith("Installing collected") for it in said[-2:]):
        return "unpacking"
    found = sum(it.startswith(("Collecting", "Requirement already")) for it in said)
    return f"{min(found, wanted)} of {wanted} packages" if wanted and found else ""


@contextmanager
def progress(step: str, far: Callable[[], str], began: float) -> Iterator[None]:
    """One line for the step. On a terminal it says how far it is; at the end, how long it took."""
    is_terminal, over = sys.stdout.isatty(), threading.Event()

    def show() -> None:
        while not over.wait(1):
            sys.stdout.write(f"\r\033[K{step} {time.monotonic() - began:.0f} s  {far()}")
            sys.stdout.flush()

    sys.stdout.write(step)
    sys.stdout.flush()
    showing = threading.Thread(target=show, daemon=True)
    if is_terminal:
        showing.start()
    try:
        yield
    finally:
        over.set()
        if is_terminal:
            showing.join()
            sys.stdout.write(f"\r\033[K{step}")
        sys.stdout.write(f" {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()


def run(command: Sequence[str], said: list[str]) -> int:
    """Run it to its end. What it says is kept, the newest lines of it."""
    # S603 warns of commands that others chose: these are the Makefile's, run without a shell.
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            del said[:-LINES_KEPT]
    return process.returncode


def explain(what: str, said: Sequence[str]) -> str:
    """What failed, why, and what to do; the words of the tool itself for whoever knows more."""
    lines = [it for it in said if not NOISE.search(it)]
    for reason in REASONS:
        telling = [it for it in said if reason.said.search(it)]
        if telling:
            why, lines = f"{reason.why} {reason.remedy()}", [max(telling, key=len)]
            break
    else:
        why = "The last that it said:"
    shown = "".join(f"    {it.strip()[:300]}\n" for it in lines[-LINES_SHOWN:])
    return (
        f"\nNot installed: {what}\n{why}\n{shown}"
        "Then say the same `make` again: it goes on from here.\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
