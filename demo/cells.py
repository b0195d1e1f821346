"""What the bounty is about: measurements of cells, and whether they are malignant.

The data come with scikit-learn (breast cancer, Wisconsin: 569 cases, 30 measurements). A part is
given to entrants with its answers; the rest is the hidden test set. The entries differ in skill:
one is an ONNX model, the others are predictions, one only guesses, and one copies a rival's.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from demo.contest_outcome import COPIER, GUESSER
from demo.digits import IR_VERSION, OPSET

KNOWN_ROWS: Final = 150
GUESSES: Final = 5  # As many as a day allows.
COPIED: Final = "forest"
DESCRIPTION: Final = """\
name: Is it malignant?
organisation: The demo's hospital
subtitle: Thirty measurements of a cell nucleus, one question
description: |
  Tell the probability that a sample is malignant from measurements of its cell nuclei
  (breast cancer, Wisconsin).
data: |
  `train.csv` has 150 samples with the answer in `target`; `inputs.csv` those to be judged.
evaluation: |
  The area under the ROC curve. Send `id,prediction`, or an ONNX model of the 30 measurements.
rules: |
  One account for each person. The predictions of those who are ranked become public in the end.
tags: [medicine, tabular]
judging: metric
metric: roc_auc.v1
prizes: ["60", "30", "10"]
enrollment_fee: 1
enrolls_at: +1h
submits_at: +2h
closes_at: +3h
dispute_window: 3s
test_set: {file: test.csv, id_column: id, target_column: target}
attachments: [{file: train.csv}, {file: inputs.csv}]
"""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """Who enters, and the files that they send, one after the other."""

    name: str
    files: Sequence[bytes]
    media_type: str


def prepare(folder: Path, seed: int) -> list[Entry]:
    """Write what the owner uploads into the folder, and make what the entrants send."""
    data = load_breast_cancer()
    malignant = 1 - data.target
    names = [name.replace(" ", "_") for name in data.feature_names]
    known, hidden = train_test_split(
        np.arange(len(malignant)), train_size=KNOWN_ROWS, random_state=seed, stratify=malignant
    )
    folder.mkdir()
    head = ["id", *names]
    for file, rows, answers in (("train.csv", known, True), ("inputs.csv", hidden, False)):
        columns = [data.data[rows], malignant[rows, None]] if answers else [data.data[rows]]
        _write(folder / file, [*head, "target"] if answers else head, rows, *columns)
    _write(
        folder / "test.csv", [*head, "target"], hidden, data.data[hidden], malignant[hidden, None]
    )
    (folder / "bounty.yaml").write_text(DESCRIPTION)
    return _entries(data.data[known], malignant[known], data.data[hidden], hidden, seed)


def _entries(
    known: Table, answers: NDArray[np.int64], hidden: Table, ids: NDArray[np.int64], seed: int
) -> list[Entry]:
    entries, forest = [], np.empty(0)
    for name, model, columns, rows in _models(seed):
        model.fit(known[:rows, columns], answers[:rows])
        chances = model.predict_proba(hidden[:, columns])[:, 1]
        entries.append(Entry(name, [_predictions(ids, chances)], "text/csv"))
        if name == COPIED:
            forest = chances
    random = np.random.default_rng(seed)
    guesses = [_predictions(ids, random.random(len(ids))) for _ in range(GUESSES)]
    copied = _predictions(ids, forest + random.normal(0, 1e-6, len(ids)))
    return [
        *entries,
        Entry("regression", [_onnx(known, answers)], "application/onnx"),
        Entry(GUESSER, guesses, "text/csv"),
        Entry(COPIER, [copied], "text/csv"),
    ]


def _models(seed: int) -> Iterable[tuple[str, Any, Sequence[int] | slice, int]]:
    """Each with the columns that it looks at, and how many rows it learns from."""
    whole = slice(None)
    yield COPIED, RandomForestClassifier(60, random_state=seed), whole, KNOWN_ROWS
    yield "neighbours", make_pipeline(StandardScaler(), KNeighborsClassifier(9)), whole, KNOWN_ROWS
    yield "bayes", GaussianNB(), whole, KNOWN_ROWS
    yield "shapes", make_pipeline(StandardScaler(), LogisticRegression()), [2, 6, 7], KNOWN_ROWS
    yield "few", make_pipeline(StandardScaler(), LogisticRegression()), whole, 40
    yield "tree", DecisionTreeClassifier(max_depth=3, random_state=seed), whole, KNOWN_ROWS
    yield "smooth", make_pipeline(StandardScaler(), LogisticRegression()), [4, 8, 9], KNOWN_ROWS
    yield "texture", make_pipeline(StandardScaler(), LogisticRegression()), [1], KNOWN_ROWS


def _onnx(known: Table, answers: NDArray[np.int64]) -> bytes:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(known, answers)
    made = to_onnx(
        model,
        initial_types=[("x", FloatTensorType([None, known.shape[1]]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    made.ir_version = IR_VERSION
    onnx: bytes = made.SerializeToString()
    return onnx


def _predictions(ids: NDArray[np.int64], chances: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "prediction"])
    writer.writerows(zip(ids.tolist(), chances.tolist(), strict=True))
    return text.getvalue().encode()


def _write(file: Path, head: Sequence[str], ids: NDArray[np.int64], *columns: Any) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        for number, row in zip(ids.tolist(), np.hstack(columns).tolist(), strict=True):
            writer.writerow(
                [number, *row[:-1], int(row[-1])] if head[-1] == "target" else [number, *row]
            )
