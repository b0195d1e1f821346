"""What is shown while it happens: a live table at a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.clock import Clock

BAR_WIDTH: Final = 40


class Screen:
    """A terminal or a file, with the seconds since the start before each line."""

    def __init__(self, clock: Clock, *, to_stderr: bool) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
        self._clock = clock

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{self._clock.seconds:5.1f} s[/]  {text}")

    @contextmanager
    def growing(self, devices: int) -> Iterator["Growth"]:
        """Show an answer that grows."""
        growth = Growth(self, devices)
        if not self.console.is_terminal:
            yield growth
            return
        with Live(growth, console=self.console, refresh_per_second=8):
            yield growth


class Growth:
    """The answer so far, as the customer may see it: never of a few devices alone."""

    def __init__(self, screen: Screen, devices: int) -> None:
        self._screen = screen
        self._progress = Progress(
            TextColumn("results"),
            BarColumn(BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._task = self._progress.add_task("results", total=devices)
        self._results: Mapping[str, Any] = {}

    def show(self, results: Mapping[str, Any]) -> None:
        """Take in what is new."""
        done, shown = results["devices_done"], results["devices_shown"]
        before = self._results
        self._results = results
        self._progress.update(self._task, completed=done)
        is_news = done > 0 and before.get("devices_done") != done
        if is_news and not self._screen.console.is_terminal:
            counts = (
                f"the answer holds {shown}: {results['items']} photos" if shown else "no answer yet"
            )
            self._screen.say(f"{done} of {results['max_devices']} results; {counts}")

    def __rich__(self) -> Group:
        table = Table(box=None, padding=(0, 2), pad_edge=False)
        table.add_column("label")
        table.add_column("photos", justify="right")
        table.add_column("")
        labels: Mapping[str, int] = self._results.get("labels") or {}
        most = max(labels.values(), default=0) or 1
        for label, count in labels.items():
            table.add_row(label, str(count), bar(count, most))
        shown = self._results.get("devices_shown") or 0
        least = self._results.get("min_owners", "a few")
        note = (
            f"[dim]the counts of {shown} devices together[/]"
            if shown
            else f"[dim]counts appear from {least} devices on, so that none is shown alone[/]"
        )
        return Group(self._progress, note, table) if labels else Group(self._progress, note)


def bar(count: int, most: int, width: int = BAR_WIDTH) -> str:
    """A bar of block characters, to an eighth of one."""
    eighths = round(8 * width * count / most)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
