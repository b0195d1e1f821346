"""Parquet files that are broken, odd or bombs end in a refusal, and soon."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings, strategies as st

from dml.scoring.names import MetricName, TableLayout
from dml.scoring.reader import Reader, Refused
from dml.scoring.test_set import Ids
from tests.scoring.files import ROWS, a_test_set, parquet

IDS = [*range(ROWS)]
GOOD = {"id": IDS, "prediction": [i / 7 for i in IDS]}


def refusal(
    reader: Reader, content: bytes, metric: MetricName = MetricName.ROC_AUC, **more: Any
) -> str:
    with pytest.raises(Refused) as refused:
        reader.read_predictions(
            content, "parquet", metric=metric, test_set=a_test_set(metric, **more)
        )
    assert len(str(refused.value)) < 300
    return str(refused.value)


def with_column(name: str, values: Any) -> bytes:
    return parquet(GOOD | {name: values})


def repeated_names() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays([pa.array(IDS)] * 3, names=["id", "prediction", "id"])
    pyarrow.parquet.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


ODD = {
    "a list": (with_column("prediction", [[1.0]] * ROWS), "file.column_type"),
    "a struct": (with_column("prediction", [{"a": 1.0}] * ROWS), "file.column_type"),
    "a map": (
        with_column("prediction", pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int8()))),
        "file.column_type",
    ),
    "bytes": (with_column("prediction", [b"1"] * ROWS), "file.column_type"),
    "texts for numbers": (
        with_column("prediction", ["1"] * ROWS),
        "file.column_type: Column 'prediction' is of 'string'; it must hold numbers.",
    ),
    "truths for numbers": (with_column("prediction", [True] * ROWS), "file.column_type"),
    "times": (with_column("prediction", pa.array(IDS, pa.timestamp("s"))), "file.column_type"),
    "nulls alone": (with_column("prediction", pa.nulls(ROWS)), "file.column_type"),
    "a dictionary of numbers": (
        with_column("prediction", pa.array(IDS).dictionary_encode()),
        "",  # Parquet has no such thing: it comes back as numbers
    ),
    "a null": (with_column("prediction", [None, *IDS[1:]]), "file.cell_empty: Row 1"),
    "NaN": (with_column("prediction", [*IDS[1:], np.nan]), "file.not_finite: Row 60"),
    "infinity": (with_column("prediction", [*IDS[1:], np.inf]), "file.not_finite: Row 60"),
    "a null id": (with_column("id", [*IDS[:5], None, *IDS[6:]]), "file.cell_empty: Row 6"),
    "fractions as ids": (with_column("id", [i + 0.5 for i in IDS]), "file.column_type"),
    "truths as ids": (with_column("id", [True] * ROWS), "file.column_type"),
    "ids beyond 64 bits": (
        with_column("id", pa.array([*IDS[1:], 2**63], pa.uint64())),
        "file.column_type",
    ),
    "texts that are no numbers as ids": (
        with_column("id", [*map(str, IDS[1:]), "6O"]),
        "file.not_a_number: Row 60",
    ),
    "two columns of one name": (repeated_names(), "file.column_repeated"),
    "another column": (with_column("more", IDS), "file.column_unknown"),
    "no rows": (parquet({"id": pa.array([], pa.int64()), "prediction": pa.array([], pa.int64())}),
                "file.empty"),
    "many columns": (parquet({f"c{i}": [1] for i in range(10_001)}), "file.too_many_columns"),
    "many row groups": (
        parquet({"id": pa.array(np.arange(10_001)), "prediction": pa.array(np.arange(10_001))},
                row_group_size=1),
        "file.too_many_row_groups",
    ),
    "nothing but the magic": (b"PAR1PAR1", "file.truncated"),
    "no footer": (b"PAR1" + bytes(100) + b"PAR1", "file.not_parquet"),
    "a footer that is longer than the file": (
        b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1",
        "file.not_parquet",
    ),
    "cut off": (parquet(GOOD)[:-100], "file.truncated"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_refused(reader: Reader, name: str) -> None:
    content, said = ODD[name]
    if said:
        assert refusal(reader, content).startswith(said)
    else:
        test_set = a_test_set(MetricName.ROC_AUC)
        found = reader.read_predictions(
            content, "parquet", metric=MetricName.ROC_AUC, test_set=test_set
        )
        assert found.values.tolist() == IDS


# A few kilobytes that mean gigabytes.
MANY = 4_900_000
TEXT = "x" * 1_000_000
BOMBS = {
    "more rows than may be": lambda: parquet({"id": pa.array(np.zeros(6_000_000, np.int8))}),
    "equal numbers": lambda: parquet(
        {"id": pa.array(np.zeros(MANY, np.int64)), "prediction": pa.array(np.zeros(MANY))}
    ),
    "a long text as each label": lambda: parquet(
        {
            "id": pa.array(np.arange(100_000)),
            "prediction": pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), [TEXT]),
        },
        compression="zstd",
    ),
    "a long text as each id": lambda: parquet(
        {
            "id": pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), [TEXT]),
            "prediction": pa.array(np.zeros(100_000)),
        },
        compression="zstd",
    ),
    "long texts that compress well": lambda: parquet(
        {"id": [TEXT + str(i) for i in range(1100)], "prediction": [1] * 1100},
        compression="zstd",
        use_dictionary=False,
    ),
}


@pytest.mark.parametrize("column", ["ID", "prediction"])
def test_of_a_page_that_is_cut_short_the_column_and_its_rows_are_told(
    reader: Reader, column: str
) -> None:
    columns = {"ID": IDS, "prediction": GOOD["prediction"]}
    plain = {"use_dictionary": False, "compression": "NONE", "row_group_size": 20}
    content = bytearray(parquet(columns, **plain))
    file = pyarrow.parquet.ParquetFile(pa.BufferReader(bytes(content)))
    page = file.metadata.row_group(1).column([*columns].index(column))
    content[page.data_page_offset : page.data_page_offset + page.total_compressed_size // 2] = (
        b"\0" * (page.total_compressed_size // 2)
    )
    test_set = replace(a_test_set(MetricName.RMSE), id_column="ID")
    with pytest.raises(Refused, match=rf"not_parquet: Rows 21 to 40 of column '{column}' can't"):
        reader.read_predictions(
            bytes(content), "parquet", metric=MetricName.RMSE, test_set=test_set
        )


def not_utf8(at: int) -> pa.Array:
    """Labels of which one is named a text and is none, as some writers leave them."""
    labels = [(b"no", b"yes")[i % 2] for i in IDS]
    labels[at] = b"\xff\xfe"
    offsets = np.cumsum([0, *map(len, labels)], dtype=np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"".join(labels))
    return pa.StringArray.from_buffers(ROWS, *buffers)


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("column", ["id", "target", "prediction"])
def test_a_text_that_is_no_utf8_is_refused_with_its_row(
    reader: Reader, column: str, dictionary: bool
) -> None:
    metric = MetricName.ACCURACY
    columns = {"id": IDS, "target": ["no", "yes"] * (ROWS // 2), column: not_utf8(16)}
    layout = TableLayout("parquet", "id", "target")
    read: Callable[..., object] = partial(
        reader.read_test_set, layout=layout, metric=metric, salt=b"s" * 32
    )
    if column == "prediction":
        del columns["target"]
        read = partial(
            reader.read_predictions, format="parquet", metric=metric, test_set=a_test_set(metric)
        )
    content = parquet(columns, use_dictionary=dictionary)
    with pytest.raises(Refused, match=f"encoding: Row 17, column '{column}': it is not UTF-8"):
        read(content)


def test_a_name_of_a_column_that_is_no_utf8_is_refused(reader: Reader) -> None:
    content = parquet(GOOD | {"zzzz": IDS}).replace(b"zzzz", b"\xff\xfe\xff\xfe")
    assert "file.not_parquet" in refusal(reader, content, MetricName.RMSE)


@pytest.mark.parametrize(
    "name",
    # One of them takes ten seconds to make.
    [pytest.param(it, marks=[pytest.mark.slow] if "compress" in it else []) for it in BOMBS],
)
def test_a_bomb_is_refused_within_bounds(reader: Reader, name: str) -> None:
    content = BOMBS[name]()
    assert len(content) < 10 << 20
    texts = "id" in name or "compress" in name
    ids = Ids.of(sorted(f"row-{i:02}" for i in range(ROWS))) if texts else None
    metric = MetricName.ACCURACY if "label" in name else MetricName.ROC_AUC
    start = time.monotonic()
    refusal(reader, content, metric, ids=ids)
    assert time.monotonic() - start < 20


@given(data=st.data())
@settings(max_examples=100)
def test_a_damaged_file_is_refused_or_still_a_whole_one(reader: Reader, data: Any) -> None:
    content = bytearray(parquet(GOOD))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 5))] = data.draw(st.integers(0, 255))
    try:
        found = reader.read_predictions(
            bytes(content),
            "parquet",
            metric=MetricName.ROC_AUC,
            test_set=a_test_set(MetricName.ROC_AUC),
        )
    except Refused:
        return
    assert found.values.shape == (ROWS,)
