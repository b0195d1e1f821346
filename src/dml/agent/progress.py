"""Progress for people at a terminal, for what takes longer than a second."""

import threading
import time
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
        self._progress: Progress | None = None
        self._began = 0.0
        self._total: int | None = None

    @contextmanager
    def counting(self, count_all: Callable[[], int]) -> Iterator[None]:
        self._began, self._total = time.monotonic(), None
        # Beside the work: a folder may hold a million files.
        threading.Thread(target=self._find_total, args=(count_all,), daemon=True).start()
        try:
            yield
        finally:
            self.close()

    def counted(self, photos: int) -> None:
        if self._progress is None:
            if time.monotonic() - self._began < SHOWN_AFTER_SECONDS:
                return
            self._progress = Progress(
                TextColumn("Looking at photos"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self._terminal,
                transient=True,
            )
            self._progress.add_task("photos", total=self._total)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=photos, total=self._total)

    def line(self, text: str) -> None:
        self._terminal.print(text, markup=False)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _find_total(self, count_all: Callable[[], int]) -> None:
        self._total = count_all()
