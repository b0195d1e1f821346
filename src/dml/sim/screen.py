"""Shows the progress of a simulation: a bar at a terminal, a line now and then elsewhere."""

from time import monotonic
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dml.sim.figures import Run

_LINE_SECONDS: Final = 5.0
_RATE_SECONDS: Final = 1.0


class Bar:
    """Shows how far it is, and how fast."""

    def __init__(self, *, to_stderr: bool) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
        self._began = monotonic()
        self._line_due = 0.0
        self._rate = 0.0
        self._rated = (0.0, 0)
        self._progress = Progress(
            TextColumn("results"),
            BarColumn(40),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f} a second, {task.fields[live]:,} devices there"),
            TimeElapsedColumn(),
            console=self.console,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("results", total=None, rate=0.0, live=0, visible=False)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{monotonic() - self._began:6.1f} s[/]  {text}")

    def show(self, run: Run, *, accepted: int, places: int, counted: int) -> None:
        """Update the progress."""
        at, before = self._rated
        if run.wall_seconds - at >= _RATE_SECONDS:
            self._rate = (accepted - before) / (run.wall_seconds - at)
            self._rated = (run.wall_seconds, accepted)
        live = run.scripts_begun - run.scripts_ended
        if self.console.is_terminal:
            self._progress.update(
                self._task,
                completed=accepted,
                total=places,
                rate=self._rate,
                live=live,
                visible=True,
            )
        elif run.wall_seconds >= self._line_due:
            self._line_due = run.wall_seconds + _LINE_SECONDS
            self.say(
                f"{accepted:,} of {places:,} results, {self._rate:,.0f} a second; "
                f"{counted:,} counted; {live:,} devices there"
            )
