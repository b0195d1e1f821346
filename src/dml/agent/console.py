"""What the agent says: lines for people, or lines of JSON for scripts. Nothing of it is sent."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from dml.agent.journal import Record
from dml.agent.refusals import Away

LINES: Final[Mapping[str, str]] = {
    "registered": "Paired with {server}: this is device {device_id}.",
    "claimed": "Took on assignment {assignment_id}.",
    "manifest": "What it may learn: {words}.",
    "limits": "Your limits are others than before: see `dml device limits`.",
    "declined": "Declined, and not taken again: {why}.",
    "downloaded": "Downloaded its model ({size} bytes, the SHA-256 is right).",
    "counted": "Counted {photos} photos in {seconds} s{besides}.",
    "result": "Handing in, and nothing else leaves this device: {body}",
    "accepted": "Accepted: the counts of {items} photos.",
    "refused": "The server refused the result: {why}",
    "lost": "Dropped, for the place is no longer ours: {why}",
    "released": "Gave the place back: {why}",
}


@dataclass(slots=True)
class Summary:
    """What an agent did since it started. `items` are photos in accepted results."""

    device_id: str | None = None
    accepted: int = 0
    items: int = 0
    failed: int = 0
    earned: str | None = None  # By this device, as far as the server has paid; None: it is away.
    unpaid: int = 0  # Accepted results among the newest that the server has not paid yet.
    error: str | None = None


class Console:
    """Plain lines, on standard output; a failure on standard error."""

    def tell(self, record: Record) -> None:
        """Say what was just written to the journal."""
        line = LINES.get(record["event"])
        if line is not None:
            left_out = left_out_of(record) if record["event"] == "counted" else ""
            besides = f" ({left_out})" if left_out else ""
            body = json.dumps(record.get("body"))
            self.line(line.format_map({**record, "body": body, "besides": besides}))
            for name, why in record.get("named", {}).items():
                self.line(f"  {name} {why}.")

    def away(self, away: Away, pause: float) -> None:
        """Say that the server gave no answer, and when it is asked again."""
        self.line(f"{away} Trying again in {pause:.0f} s.")

    def idle(self, why: str | None, seconds: float) -> None:
        """Say that there is nothing to do, and where its owner can mend that, why."""
        reason = f" {why}" if why else ""
        self.line(f"No work just now; asking again in {seconds:.0f} s.{reason}")

    def quiet(self) -> None:
        self.line("Quiet hours: resting until they are over.")

    @contextmanager
    def counting(self, count_all: Callable[[], int]) -> Iterator[None]:
        """Show how the work in this block goes on. `count_all` finds out how much there is."""
        yield

    def counted(self, photos: int) -> None:
        """So many photos have been looked at."""

    def end(self, summary: Summary) -> None:
        """The last line."""
        if summary.error is not None:
            self.close()
            print(f"dml device: {summary.error}", file=sys.stderr, flush=True)  # noqa: T201 - its screen
            return
        earned = "" if summary.earned is None else f"; earned in all: {summary.earned}"
        if summary.unpaid:
            earned += f", and {summary.unpaid} more will be paid in a moment"
        failed = f", {summary.failed} failed" if summary.failed else ""
        self.line(f"Done: {summary.accepted} accepted ({summary.items} photos){failed}{earned}.")

    def line(self, text: str) -> None:
        with contextlib.suppress(OSError):  # Nobody reads, or a log is full; the work goes on.
            print(text, flush=True)  # noqa: T201 - its screen

    def close(self) -> None:
        """Leave the terminal as it was."""


class JsonConsole(Console):
    """The records of the journal as they are, then the summary."""

    def tell(self, record: Record) -> None:
        self._write(record)

    def away(self, away: Away, pause: float) -> None:
        self._write({"event": "away", "why": str(away), "seconds": round(pause, 1)})

    def idle(self, why: str | None, seconds: float) -> None:
        self._write({"event": "idle", "why": why, "seconds": seconds})

    def quiet(self) -> None:
        self._write({"event": "quiet"})

    def end(self, summary: Summary) -> None:
        self._write({"event": "summary", **asdict(summary)})

    def line(self, text: str) -> None:
        self._write({"event": "said", "text": text})

    def _write(self, record: Mapping[str, Any]) -> None:
        super().line(json.dumps(record))  # In ASCII, which every terminal and pipe takes.


def left_out_of(counted: Record) -> str:
    """How many of a folder's files did not count, by reason; nothing where all did."""
    kinds = (f"{number} {kind}" for kind, number in counted["not_read"].items())
    # A journal may have been begun by an agent that noted no reasons.
    whys = (f"{number} “{why}”" for why, number in counted.get("reasons", {}).items())
    reasons = [
        (counted["skipped"], f"unreadable: {', '.join(whys)}".removesuffix(": ")),
        (counted["twice"], "the same as another"),
        (counted["outside"], "outside the job's dates"),
        (counted["undated"], "without a date, which this job asks for"),
        (counted.get("not_chosen", 0), "not chosen: the job takes only so many, at random"),
    ]
    remarks = [f"{number} {why}" for number, why in reasons if number]
    if counted["not_read"]:
        remarks.append(f"besides, this agent can't read {', '.join(kinds)}")
    return "; ".join(remarks)
