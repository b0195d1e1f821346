"""A test set is read, sorted and split, and refused where nothing can be scored by it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dml.scoring.names import MetricName, TableLayout
from dml.scoring.reader import Reader, Refused
from dml.scoring.test_set import TestSet, split
from tests.scoring.files import SALT, csv, parquet

ROWS = 200
IDS = [*range(ROWS)]
LABELS = [("no", "yes")[i % 2] for i in IDS]
VALUES = [i / 7 for i in IDS]


def read(
    reader: Reader, content: bytes, metric: MetricName = MetricName.ACCURACY, **more: Any
) -> TestSet:
    format = "parquet" if content.startswith(b"PAR1") else "csv"
    columns = {name: more.pop(name, name[:-7]) for name in ("id_column", "target_column")}
    layout = TableLayout(format, **columns)
    return reader.read_test_set(content, layout, metric=metric, salt=SALT, **more)


def refusal(reader: Reader, content: bytes, *how: Any, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(reader, content, *how, **more)
    assert len(str(refused.value)) < 300
    return str(refused.value)


Maker = Callable[[dict[str, Any]], bytes]


def as_csv(columns: dict[str, Any]) -> bytes:
    return csv(",".join(columns), *zip(*columns.values(), strict=True))


@pytest.mark.parametrize("make", [as_csv, parquet])
def test_rows_are_sorted_and_split(reader: Reader, make: Maker) -> None:
    order = np.random.default_rng(0).permutation(ROWS).tolist()
    columns = {
        "x": [i / 2 for i in order],
        "target": [LABELS[i] for i in order],
        "id": [i - 50 for i in order],
        "y": order,
    }
    found = read(reader, make(columns))
    assert found.ids.numbers is not None
    assert found.ids.numbers.tolist() == [i - 50 for i in IDS]
    assert found.classes == ("no", "yes")
    assert found.target.tolist() == [i % 2 for i in IDS]
    assert found.feature_names == ("x", "y")
    assert found.features.tolist() == [[i / 2, i] for i in IDS]
    public, blocks = split(SALT, found.ids)
    assert found.public.tolist() == public.tolist()
    assert found.blocks.tolist() == blocks.tolist()
    assert TestSet.from_bytes(found.to_bytes()).to_bytes() == found.to_bytes()


@pytest.mark.parametrize("make", [as_csv, parquet])
def test_texts_as_ids_are_sorted_by_their_bytes(reader: Reader, make: Maker) -> None:
    ids = [f"{'äzA'[i % 3]}{i}" for i in IDS]
    found = read(reader, make({"id": ids, "target": LABELS}))
    assert list(found.ids.encoded()) == sorted(each.encode() for each in ids)
    by_id = dict(zip(ids, LABELS, strict=True))
    for id_, code in zip(found.ids.encoded(), found.target, strict=True):
        assert found.classes[code] == by_id[id_.decode()]


def test_ids_are_numbers_only_where_all_are_written_as_such(reader: Reader) -> None:
    for ids in ([f"{i:03}" for i in IDS], [*IDS[:-1], "1e9"], [*IDS[:-1], 10**30]):
        assert read(reader, as_csv({"id": ids, "target": LABELS})).ids.numbers is None
    texts = parquet({"id": [str(i) for i in IDS], "target": LABELS})
    assert read(reader, texts).ids.numbers is not None


@pytest.mark.parametrize("make", [as_csv, parquet])
def test_classes_that_are_numbers_are_sorted_as_such(reader: Reader, make: Maker) -> None:
    numbers = [(-1, 2, 10)[i % 3] for i in IDS]
    found = read(reader, make({"id": IDS, "target": numbers}), MetricName.QUADRATIC_KAPPA)
    assert found.classes == ("-1", "2", "10")
    assert found.target.tolist() == [i % 3 for i in IDS]


@pytest.mark.parametrize("make", [as_csv, parquet])
def test_targets_of_regression_are_numbers(reader: Reader, make: Maker) -> None:
    found = read(reader, make({"id": IDS, "target": VALUES}), MetricName.R2)
    assert found.classes == ()
    assert found.target.tolist() == VALUES


def wrong(columns: dict[str, Any]) -> dict[str, Any]:
    return {"id": IDS, "target": LABELS} | columns


REFUSED: list[tuple[dict[str, Any], MetricName, str]] = [
    (wrong({"id": [*IDS[:-1], 7]}), MetricName.ACCURACY, "ids.repeated: Row 200, column 'id': '7'"),
    (wrong({"id": ["a"] * ROWS}), MetricName.ACCURACY, "ids.repeated: Row 2, column 'id': 'a'"),
    (wrong({"id": ["a", "", *IDS[2:]]}), MetricName.ACCURACY, "file.cell_empty: Row 2"),
    (wrong({"target": ["no"] * ROWS}), MetricName.ACCURACY, "test_set.class_count"),
    (wrong({"target": ["", *LABELS[1:]]}), MetricName.ACCURACY, "file.cell_empty: Row 1"),
    (wrong({"target": [*LABELS[:-1], ""]}), MetricName.ROC_AUC, f"file.cell_empty: Row {ROWS}"),
    (wrong({"target": ["x" * 300, *LABELS[1:]]}), MetricName.ACCURACY, "test_set.class_too_long"),
    (wrong({"target": ["maybe", *LABELS[1:]]}), MetricName.ROC_AUC, "test_set.class_count"),
    (wrong({"target": ["maybe", *LABELS[1:]]}), MetricName.LOG_LOSS, "test_set.class_missing"),
    (wrong({"target": ["id", *LABELS[1:]]}), MetricName.LOG_LOSS, "test_set.class_name"),
    (wrong({}), MetricName.QUADRATIC_KAPPA, "test_set.class_not_a_number"),
    (wrong({}), MetricName.RMSE, "file."),
    (wrong({"target": [7.5] * ROWS}), MetricName.RMSE, "test_set.target_constant"),
    (wrong({"target": [*VALUES[1:], np.nan]}), MetricName.RMSE, "file.not_finite: Row 200"),
    (wrong({"target": [*VALUES[1:], 1e300]}), MetricName.RMSE, "file.too_large_number: Row 200"),
    (wrong({"x": ["a"] * ROWS}), MetricName.ACCURACY, "file."),
    (wrong({"x": [*VALUES[1:], np.inf]}), MetricName.ACCURACY, "file.not_finite: Row 200"),
    (wrong({"x": [*VALUES[1:], 1e39]}), MetricName.ACCURACY, "file.not_finite: Row 200"),
]


@pytest.mark.parametrize("make", [as_csv, parquet])
@pytest.mark.parametrize(("columns", "metric", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_can_not_be_scored_is_refused(
    reader: Reader, make: Maker, columns: dict[str, Any], metric: MetricName, said: str
) -> None:
    if make is parquet and any(isinstance(each, str) for each in columns["id"]):
        columns = columns | {"id": [str(each) for each in columns["id"]]}
    told = refusal(reader, make(columns), metric)
    assert told.startswith(said)
    if "x" in columns:
        assert "'x'" in told


def test_a_class_of_each_row_is_too_many(reader: Reader) -> None:
    content = as_csv({"id": range(1001), "target": [f"c{i}" for i in range(1001)]})
    assert refusal(reader, content).startswith("test_set.class_count: Targets have 1001 classes")


def test_few_rows_are_refused(reader: Reader) -> None:
    small = as_csv({"id": IDS[:49], "target": LABELS[:49]})
    assert refusal(reader, small).startswith("test_set.too_few_rows: It has 49 rows")


def test_columns_that_are_not_there_are_named(reader: Reader) -> None:
    content = as_csv({"id": IDS, "target": LABELS})
    assert "'key'" in refusal(reader, content, id_column="key")
    assert "'label'" in refusal(reader, content, target_column="label")
    assert refusal(reader, content, target_column="id").startswith("test_set.columns")


def test_ten_thousand_features_are_read(reader: Reader) -> None:
    columns = {f"x{i}": np.full(60, i, np.float32) for i in range(9_998)}
    content = parquet({"id": np.arange(60), "target": pa.array(LABELS[:60]), **columns})
    assert read(reader, content).features.shape == (60, 9_998)
