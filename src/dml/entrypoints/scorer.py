"""What scores in a worker: strangers' files are read in a child, numbers are compared here.

Apart from those who use it, because numpy would take the API a tenth of its start.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from dml.core.worker import PreparedTestSet, ScorerFailed
from dml.entrypoints import sandboxes
from dml.scoring import agreement, ladder, ranking
from dml.scoring.names import MetricName, TableLayout
from dml.scoring.predictions import Predictions
from dml.scoring.ranked import Ranked
from dml.scoring.reader import ChildFailed, Reader, SandboxFailed, Unsafe
from dml.scoring.test_set import TestSet, commitment

MODEL: Final = "onnx"
SALT_BYTES: Final = 32


class FileScorer:
    """Reads with one `Reader`, for as long as the worker lives."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def prepare(
        self,
        file: bytes,
        layout: TableLayout,
        *,
        metric: str,
        seconds: float | None = None,
    ) -> PreparedTestSet:
        """Read a test set and split it by a salt that is drawn here."""
        salt = secrets.token_bytes(SALT_BYTES)
        with _ours():
            made = self._reader.read_test_set(
                file,
                layout,
                metric=MetricName(metric),
                salt=salt,
                seconds=seconds,
            )
        return PreparedTestSet(
            test_set=made.to_bytes(),
            salt=salt,
            commitment=commitment(salt, file),
            rows=len(made),
            public_rows=int(made.public.sum()),
            classes=list(made.classes) or None,
            features=list(made.feature_names),
        )

    def validate(
        self,
        file: bytes,
        *,
        format: str,
        metric: str,
        test_set: bytes,
        seconds: float | None = None,
    ) -> bytes | None:
        """Check a file as far as that goes without a score.

        Return what it predicts, in canonical form; None of a model, which is only tried out.
        """
        known, named = TestSet.from_bytes(test_set), MetricName(metric)
        with _ours():
            if format == MODEL:
                features, classes = len(known.feature_names), len(known.classes)
                self._reader.check_model(
                    file, metric=named, features=features, classes=classes, seconds=seconds
                )
                return None
            read = self._reader.read_predictions(
                file, format, metric=named, test_set=known, seconds=seconds
            )
        return read.to_bytes()

    def predict(
        self,
        file: bytes,
        *,
        format: str,
        metric: str,
        test_set: bytes,
        seconds: float | None = None,
    ) -> bytes:
        """Return what a file says of each row, or a model of its features, in canonical form."""
        known, named = TestSet.from_bytes(test_set), MetricName(metric)
        with _ours():
            if format == MODEL:
                made = self._reader.run_model(file, metric=named, test_set=known, seconds=seconds)
            else:
                made = self._reader.read_predictions(
                    file, format, metric=named, test_set=known, seconds=seconds
                )
        return made.to_bytes()

    def step(
        self, metric: str, test_set: bytes, best: bytes | None, new: bytes
    ) -> tuple[bool, float]:
        """Take a step on the Ladder: whether the new ones are truly better, and their score."""
        made = ladder.step(
            MetricName(metric),
            TestSet.from_bytes(test_set),
            None if best is None else Predictions.from_bytes(best),
            Predictions.from_bytes(new),
        )
        return made.improved, made.score

    def rank(
        self,
        metric: str,
        test_set: bytes,
        entries: Mapping[str, bytes],
        salt: bytes,
        *,
        draws: int,
    ) -> list[Ranked]:
        """Rank predictions on the private rows; of equal ones the first in `entries` is first."""
        return ranking.rank(
            MetricName(metric), TestSet.from_bytes(test_set), _Read(entries), salt, draws=draws
        )

    def agreements(self, metric: str, entries: Mapping[str, bytes]) -> list[tuple[str, str, float]]:
        """Find pairs of predictions that agree suspiciously well, the closest first."""
        return agreement.find(MetricName(metric), _Read(entries))


class _Read(Mapping[str, Predictions]):
    """Predictions, each understood when it is asked for."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._entries = entries

    def __getitem__(self, entry: str) -> Predictions:
        return Predictions.from_bytes(self._entries[entry])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@contextmanager
def _ours() -> Iterator[None]:
    """Tell what is the platform's fault apart from what is the file's."""
    try:
        with sandboxes.measured("file"):
            yield
    except ChildFailed as failure:
        raise ScorerFailed(str(failure), failure.reason) from failure
    except (SandboxFailed, Unsafe) as failure:
        raise ScorerFailed(str(failure)) from failure
