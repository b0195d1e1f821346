"""Progress for people at a terminal, for what takes longer than a second."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dml.agent.console import Console

SHOWN_AFTER_SECONDS: Final = 1.0


class RichConsole(Console):
    """Lines as anywhere, and a bar beneath them where the work takes its time."""

    def __init__(self) -> None:
        self._terminal = Terminal(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
        self._progress: Progress | None = None

    @contextmanager
    def counting(self, count_all: Callable[[], int]) -> Iterator[None]:
        progress = Progress(
            TextColumn("Looking at photos"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._terminal,
            transient=True,
        )
        progress.add_task("photos", total=None)
        self._progress = progress

        def show() -> None:
            # Beside the work, for a folder may hold a million files.
            total = count_all()
            with self._lock:
                if self._progress is progress:
                    progress.update(progress.task_ids[0], total=total)
                    progress.start()

        timer = threading.Timer(SHOWN_AFTER_SECONDS, show)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.close()

    def counted(self, photos: int) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=photos)

    def line(self, text: str) -> None:
        self._terminal.print(text, markup=False)

    def close(self) -> None:
        with self._lock:
            progress, self._progress = self._progress, None
        if progress is not None:
            progress.stop()
