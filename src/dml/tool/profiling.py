"""`dml admin processes` and `dml admin profile`: which processes there are, and what one does."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, console, show_json, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

_PATH: Final = "/v1/admin/profiles"
_PROCESSES: Final = "/v1/admin/processes"
COLUMNS: Final = (
    *(("process", "name"), ("kind", "kind"), ("seen", "seen_at")),
    ("profiles", "profiles"),
)
PAUSE_SECONDS: Final = 0.5
FILE_MAX: Final = 64 << 20
FILES: Final = (("flame-graph", "html"), ("speedscope", "speedscope.json"))
FAILURES: Final = {
    "process_ended": "the process was told to end meanwhile",
    "no_answer": "the process said no more: it was killed, or hangs",
    "not_installed": "py-spy or memray is missing there: pip install 'dml[profiling]'",
    "not_permitted": "the system or container forbids it to look into a process (ptrace)",
    "too_large": "its files would be too large: ask for fewer seconds",
    "tool_failed": "py-spy or memray failed: the log of that process says why",
}


def processes(server: Server = None, as_json: AsJson = False) -> None:
    """List the processes that are alive, on all machines."""
    with signed_in(server) as market:
        show_list(market.all_of(_PROCESSES), COLUMNS, as_json=as_json)


def profile(
    process: Annotated[
        str, typer.Argument(help="Its name, or how that begins: `api` where there is one API.")
    ],
    kind: Annotated[str, typer.Option(help="cpu or memory.")] = "cpu",
    seconds: Annotated[int, typer.Option(min=1, max=60, help="For how long.")] = 10,
    to: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(),
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Profile a running process: write a flame graph (HTML) and a file for speedscope.

    The process goes on serving meanwhile, a little slower.
    """
    with signed_in(server) as market:
        asked = {"process": _find(market, process), "kind": kind, "seconds": seconds}
        made = _wait(market, market.ask("POST", _PATH, json=asked))
        written = [
            _write(
                to / f"profile-{made['id']}.{ending}",
                market.bytes_of(f"{_PATH}/{made['id']}/{name}", limit=FILE_MAX),
            )
            for name, ending in FILES
        ]
    if as_json:
        show_json({**made, "files": [str(it) for it in written]})
        return
    for it in written:
        console(to_stderr=True).print(f"Wrote {it}")


def _find(market: "Marketplace", named: str) -> str:
    names = [str(it["name"]) for it in market.all_of(_PROCESSES)]
    found = [it for it in names if it == named] or [it for it in names if it.startswith(named)]
    if len(found) != 1:
        which = "no process" if not found else "more than one process"
        raise Refused(f"{which} is called so: `dml admin processes` lists {', '.join(names)}")
    return found[0]


def _wait(market: "Marketplace", made: dict[str, Any]) -> dict[str, Any]:
    """Wait until a profile is over, which the server sees to."""
    while made["state"] in ("requested", "running"):
        time.sleep(PAUSE_SECONDS)
        made = market.ask("GET", f"{_PATH}/{made['id']}")
    if made["state"] != "finished":
        raise Refused(f"there is no profile: {FAILURES.get(made['failure'], made['failure'])}")
    return made


def _write(file: Path, content: bytes) -> Path:
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(content)
    return file
