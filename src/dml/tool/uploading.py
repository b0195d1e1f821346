"""Sending a model: a small one in one go, a large one in parts that are not sent again.

What the marketplace has of a large one, it tells itself: nothing is kept here, so the same command,
typed again after a break or on another machine, goes on where it was.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dml.client.http import one_line
from dml.client.marketplace import OFFSET, Marketplace, Unreached
from dml.client.refusals import ApiRefused
from dml.inference import spec
from dml.tool import common
from dml.tool.about import About

if TYPE_CHECKING:
    from rich.progress import TaskID

IN_ONE_GO_BYTES: Final = 16 << 20
PART_BYTES: Final = 8 << 20
PART: Final = {"Content-Type": "application/partial-upload"}
BREAKS_MAX: Final = 8  # In a row: some four minutes.
PAUSE_SECONDS_MAX: Final = 60.0
GO_ON: Final = ("algorithms.wrong_offset", "algorithms.upload_taken_over", "edge.file_cut_off")


def upload(market: Marketplace, path: str, told: About, file: Path) -> dict[str, Any]:
    """Send a model to an algorithm: the version that it becomes, or is already."""
    made: dict[str, Any]
    if len(told.model) <= IN_ONE_GO_BYTES:
        form = {"input_spec": json.dumps(spec.to_dict(told.spec))}
        files = {"file": (one_line(file.name), told.model, "application/octet-stream")}
        made = market.ask("POST", f"{path}/versions", data=form, files=files)
        return made
    announced = {
        "sha256": hashlib.sha256(told.model).hexdigest(),
        "size": len(told.model),
        "input_spec": spec.to_dict(told.spec),
    }
    try:
        begun = _find(market, path, announced) or market.ask(
            "POST", f"{path}/uploads", json=announced
        )
    except ApiRefused as refusal:
        if refusal.code != "algorithms.already_uploaded":
            raise
        made = market.ask("GET", f"{path}/versions/{refusal.facts['version_id']}")
        return made
    at = f"{path}/uploads/{begun['id']}"
    if begun["version_id"] is None:
        _send(market, at, told.model, begun["offset"])
    return _complete(market, at)


def _find(market: Marketplace, path: str, announced: dict[str, Any]) -> dict[str, Any] | None:
    """An upload of this very model that was begun before."""
    for it in market.all_of(f"{path}/uploads"):
        if all(it[name] == value for name, value in announced.items()):
            return it
    return None


def _send(market: Marketplace, at: str, model: bytes, offset: int) -> None:
    """Send what is missing, part by part; where the line breaks, ask how far it was, and go on."""
    said, breaks = common.console(to_stderr=True), 0
    if offset:
        said.print(f"Going on at {offset / 1e6:,.1f} MB …")
    with _progress(len(model)) as show:
        while offset < len(model):
            show(offset)
            part = model[offset : offset + PART_BYTES]
            try:
                sent = market.ask("PATCH", at, content=part, headers={OFFSET: str(offset), **PART})
                offset, breaks = sent["offset"], 0
            except ApiRefused as refusal:
                if refusal.code not in GO_ON:
                    raise
                # Its answer was lost, most often: what it brought counts all the same.
                told = refusal.facts.get("offset")
                breaks = _pause(breaks, refusal, seconds=0.0 if told is not None else None)
                offset = market.ask("GET", at)["offset"] if told is None else told
            except Unreached as broken:
                breaks = _pause(breaks, broken)
        show(offset)


def _complete(market: Marketplace, at: str) -> dict[str, Any]:
    """Have it become a version, which takes a while: asked again, it is the same one."""
    breaks = 0
    while True:
        try:
            made: dict[str, Any] = market.ask("POST", f"{at}/complete")
            return made
        except Unreached as broken:
            breaks = _pause(breaks, broken)


def _pause(breaks: int, error: Exception, *, seconds: float | None = None) -> int:
    """Wait longer after each break; and give up where there were too many in a row."""
    if breaks >= BREAKS_MAX:
        raise error
    time.sleep(min(PAUSE_SECONDS_MAX, 2.0**breaks) if seconds is None else seconds)
    return breaks + 1


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """A bar of how many bytes have come, which is told that again and again."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=common.console(to_stderr=True), transient=True) as bar:
        task: TaskID = bar.add_task("", total=size)
        yield lambda offset: bar.update(task, completed=offset)
