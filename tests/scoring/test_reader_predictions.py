"""Predictions come out in the order of the test set, and whatever is wrong is named, row by row."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from dml.scoring.limits import FILE_BYTES_MAX
from dml.scoring.names import MetricName
from dml.scoring.reader import Reader, Refused
from dml.scoring.test_set import Ids
from tests.scoring.files import ROWS, a_test_set, csv, parquet

LABEL, SCORE = MetricName.ACCURACY, MetricName.ROC_AUC
PROBABILITY, VALUE = MetricName.LOG_LOSS, MetricName.RMSE
IDS = [*range(ROWS)]
TEXTS = Ids.of(sorted(f"row-{i:02}" for i in range(ROWS)))


def read(reader: Reader, content: bytes, metric: MetricName = SCORE, **more: Any) -> list[Any]:
    format = "parquet" if content.startswith(b"PAR1") else "csv"
    found = reader.read_predictions(
        content, format, metric=metric, test_set=a_test_set(metric, **more)
    )
    values: list[Any] = found.values.tolist()
    return values


def refusal(reader: Reader, content: bytes, metric: MetricName = SCORE, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(reader, content, metric, **more)
    return str(refused.value)


def rows(*changed: tuple[int, str]) -> bytes:
    """A good file but for some rows."""
    lines = [f"{i},{i / 100}" for i in IDS]
    for row, line in changed:
        lines[row] = line
    return csv("id,prediction", *lines)


@given(order=st.permutations(IDS), as_parquet=st.booleans(), spread=st.sampled_from([1, 9, 10**9]))
@settings(max_examples=25)
def test_rows_in_any_order_come_out_in_that_of_the_ids(
    reader: Reader, order: list[int], as_parquet: bool, spread: int
) -> None:
    ids = [i * spread - 7 for i in order]
    values = [i / 7 for i in order]
    content = (
        parquet({"prediction": values, "id": ids})
        if as_parquet
        else csv("prediction,id", *zip(values, ids, strict=True))
    )
    wanted = Ids(numbers=np.arange(ROWS) * spread - 7)
    assert read(reader, content, ids=wanted) == [i / 7 for i in IDS]


@given(order=st.permutations(IDS), kind=st.sampled_from(["csv", "text", "large", "dictionary"]))
@settings(max_examples=25)
def test_texts_as_ids(reader: Reader, order: list[int], kind: str) -> None:
    ids, values = [f"row-{i:02}" for i in order], [i / 7 for i in order]
    types = {
        "text": pa.string(),
        "large": pa.large_string(),
        "dictionary": pa.dictionary(pa.int16(), pa.string()),
    }
    content = (
        csv("id,prediction", *zip(ids, values, strict=True))
        if kind == "csv"
        else parquet({"id": pa.array(ids).cast(types[kind]), "prediction": values})
    )
    assert read(reader, content, ids=TEXTS) == [i / 7 for i in IDS]


NAMES = {
    "numbered": [f"row-{i:03}.png" for i in range(ROWS)],
    "numbered with gaps": [f"{i * i * 10**9:018}" for i in range(ROWS)],
    "of any length": [f"row-{i}" for i in range(ROWS)],
    "letters": [f"{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(ROWS)],
    "long": [f"{i:02}" + "x" * 30 + f"{i:02}" for i in range(ROWS)],
    "beyond digits": [f"a{chr(47 + i)}" for i in range(ROWS)],
}


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_all_kinds_are_found(reader: Reader, name: str) -> None:
    names = sorted(NAMES[name], key=str.encode)
    order = np.random.default_rng(0).permutation(ROWS).tolist()
    lines = [(names[i], i) for i in order]
    ids = Ids.of(names)
    assert read(reader, csv("id,prediction", *lines), ids=ids) == IDS
    for wrong in (names[0][:-1] + "!", "9" * len(names[0]), names[0] + "0", "q" * len(names[0])):
        told = refusal(reader, csv("id,prediction", *lines[:5], (wrong, 1), *lines[6:]), ids=ids)
        assert told.startswith("ids.unknown: Row 6")


def test_labels_are_places_among_the_classes(reader: Reader) -> None:
    names = ["yes", "no"] * (ROWS // 2)
    wanted = [1, 0] * (ROWS // 2)
    assert read(reader, csv("id,prediction", *zip(IDS, names, strict=True)), LABEL) == wanted
    for column in (names, pa.array(names).dictionary_encode(), pa.array(names, pa.large_string())):
        assert read(reader, parquet({"id": IDS, "prediction": column}), LABEL) == wanted


def test_whole_numbers_and_truths_are_labels_too(reader: Reader) -> None:
    numbers, truths = [i % 3 for i in IDS], [i % 2 == 0 for i in IDS]
    content = parquet({"id": IDS, "prediction": pa.array(numbers, pa.uint8())})
    kappa = MetricName.QUADRATIC_KAPPA
    assert read(reader, content, kappa, classes=("0", "1", "2")) == numbers
    content = parquet({"id": IDS, "prediction": truths})
    assert read(reader, content, LABEL, classes=("false", "true")) == [*map(int, truths)]


def test_probabilities_are_of_the_positive_class_or_of_each(reader: Reader) -> None:
    p = [i / 100 for i in IDS]
    assert read(reader, csv("id,prediction", *zip(IDS, p, strict=True)), PROBABILITY) == p
    both = [(i, x, 1 - x) for i, x in zip(IDS, p, strict=True)]
    assert read(reader, csv("id,yes,no", *both), PROBABILITY) == pytest.approx(p)
    three = {"id": IDS, "c": [0.5] * ROWS, "a": [0.2] * ROWS, "b": [0.3004] * ROWS}
    found = read(reader, parquet(three), PROBABILITY, classes=("a", "b", "c"))
    assert found[0] == pytest.approx([0.2 / 1.0004, 0.3004 / 1.0004, 0.5 / 1.0004])


@pytest.mark.parametrize(
    "kind",
    [pa.float16(), pa.float32(), pa.int8(), pa.uint64(), pa.decimal128(10, 2)],
    ids=str,
)
def test_numbers_of_any_kind_are_values(reader: Reader, kind: pa.DataType) -> None:
    numbers = pa.array(np.arange(ROWS) % 5).cast(pa.float32()).cast(kind)
    content = parquet({"id": pa.array(IDS, pa.uint16()), "prediction": numbers})
    assert read(reader, content, VALUE) == [i % 5 for i in IDS]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + rows(),
        rows().replace(b"\n", b"\r\n"),
        rows().replace(b"\n", b"\r"),
        rows().rstrip(),
        b"\n\n" + rows() + b"\n\n\n",
        rows((3, '"3","0.03"')),
        rows((3, "3, 0.03 ")),
        rows((3, "3,3e-2"), (4, "04,.04")),
        rows().replace(b"id,prediction", b'"id","prediction"'),
    ],
    ids=range(9),
)
def test_what_spreadsheets_and_systems_write_is_read(reader: Reader, content: bytes) -> None:
    assert read(reader, content) == [i / 100 for i in IDS]


CELLS = [
    ("4,", "file.cell_empty: Row 5, column 'prediction': it is empty."),
    (",0.5", "file.cell_empty: Row 5, column 'id': it is empty."),
    ("4,NaN", "file.not_finite: Row 5, column 'prediction': it is NaN"),
    ("4,inf", "file.not_finite: Row 5, column 'prediction': it is infinite"),
    ("4,-1e999", "file.not_finite: Row 5, column 'prediction': it is infinite"),
    ("4,1e200", "file.too_large_number: Row 5, column 'prediction'"),
    ("4,abc", "file.not_a_number: Row 5, column 'prediction': 'abc' is not a number."),
    ("4,null", "file.not_a_number: Row 5, column 'prediction': 'null' is not a number."),
    ("4,0x10", "file.not_a_number: Row 5, column 'prediction': '0x10'"),
    ("4,=1+2", "file.not_a_number: Row 5, column 'prediction': '=1+2' is not a number."),
    ("x,0.5", "file.not_a_number: Row 5, column 'id': 'x' is not a whole number."),
    ("4.0,0.5", "file.not_a_number: Row 5, column 'id': '4.0' is not a whole number."),
    ("99999999999999999999,1", "file.not_a_number: Row 5, column 'id'"),
    ("60,0.5", "ids.unknown: Row 5, column 'id': '60' is no id of the test set."),
    ("-1,0.5", "ids.unknown: Row 5, column 'id': '-1' is no id of the test set."),
    ("1,0.5", "ids.repeated: Row 5, column 'id': '1' stands in a row above, too."),
    ("01,0.5", "ids.repeated: Row 5, column 'id': '1' stands in a row above, too."),
    ("4,0.5,9", "file.row_length: Row 5 has 3 cells and the header has 2."),
    ("4", "file.row_length: Row 5 has 1 cells and the header has 2."),
    ("4;0.5", "file.row_length: Row 5 has 1 cells and the header has 2."),
    ('4,"0.5', "file.not_a_number: Row 5, column 'prediction': '0.5"),
    ("4,0.5\0", "file.nul: Row 5 holds a NUL byte"),
    ("4,a" + "b" * 10_000, "file.not_a_number: Row 5, column 'prediction': 'abbb"),
]


@pytest.mark.parametrize(("line", "said"), CELLS, ids=range(len(CELLS)))
def test_what_is_wrong_with_a_cell_is_told(reader: Reader, line: str, said: str) -> None:
    told = refusal(reader, rows((4, line)))
    assert told.startswith(said)
    assert len(told) < 300


def test_missing_and_extra_rows_are_told(reader: Reader) -> None:
    assert refusal(reader, csv("id,prediction", *((i, 1) for i in IDS[:-2]))) == (
        "ids.missing: Column 'id': 2 ids of the test set are missing, '58' is the first."
    )
    assert refusal(reader, rows() + b"60,1\n").startswith("ids.unknown: Row 61")
    assert refusal(reader, rows() + b"3,1\n").startswith("ids.repeated: Row 61")
    assert refusal(reader, b"id,prediction\n") == "file.empty: The file holds no rows."


def test_texts_that_are_no_ids_are_told(reader: Reader) -> None:
    lines = [(f"row-{i:02}", 1) for i in IDS]

    def told(row: int, id_: str) -> str:
        changed = [*lines[:row], (id_, 1), *lines[row + 1 :]]
        return refusal(reader, csv("id,prediction", *changed), ids=TEXTS)

    assert told(3, "row-3") == "ids.unknown: Row 4, column 'id': 'row-3' is no id of the test set."
    assert told(3, "row-01").startswith("ids.repeated: Row 4, column 'id': 'row-01'")
    assert told(3, "").startswith("ids.unknown: Row 4, column 'id': ''")
    assert told(3, " row-03").startswith("ids.unknown: Row 4")
    assert told(3, "\x1b[31m" + "é" * 500).startswith("ids.unknown: Row 4, column 'id': '\\x1b[31m")
    assert "'row-59'" in refusal(reader, csv("id,prediction", *lines[:-1]), ids=TEXTS)
    latin = csv("id,prediction", *lines).replace(b"row-30", "r\xf6w-30".encode("latin-1"))
    assert refusal(reader, latin, ids=TEXTS).startswith("file.encoding: Row 31, column 'id'")


def test_a_number_is_no_text_with_the_same_meaning(reader: Reader) -> None:
    ids = Ids.of(sorted(f"{i:03}" for i in range(ROWS)))
    plain = csv("id,prediction", *((i, 1) for i in IDS))
    assert refusal(reader, plain, ids=ids).startswith("ids.unknown: Row 1, column 'id': '0'")
    padded = csv("id,prediction", *((f"{i:03}", i) for i in IDS))
    assert read(reader, padded, ids=ids) == IDS


def test_wrong_labels_and_probabilities_are_told(reader: Reader) -> None:
    def label(cell: str) -> str:
        lines = [(i, cell if i == 4 else "no") for i in IDS]
        return refusal(reader, csv("id,prediction", *lines), LABEL)

    assert label("maybe") == (
        "predictions.wrong_class: Row 5, column 'prediction': "
        "'maybe' is none of the classes 'no', 'yes'."
    )
    assert "'=cmd|calc'" in label("=cmd|calc")
    assert label("").startswith("file.cell_empty: Row 5, column 'prediction'")
    assert label("YES").startswith("predictions.wrong_class: Row 5")
    assert "Row 5" in label('"a\nb"')

    assert "1.5 is no probability" in refusal(reader, rows((4, "4,1.5")), PROBABILITY)
    assert "-0.1 is no probability" in refusal(reader, rows((4, "4,-0.1")), PROBABILITY)
    lines = [(i, 0.5, 0.5 if i != 4 else 0.4) for i in IDS]
    told = refusal(reader, csv("id,no,yes", *lines), PROBABILITY)
    assert told.startswith("predictions.sum: Row 5: its probabilities are 0.9 in all")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("id,predictions", "file.column_missing"),
        ("ID,prediction", "file.column_missing"),
        ("id,prediction,id", "file.column_repeated"),
        ("id,prediction,more", "file.column_unknown"),
        ("0,0.5", "file.column_missing"),
        ("id;prediction", "file.column_missing"),
        ('id,"prediction', "file.header"),
        (",".join(map(str, range(1_000_000))), "file.too_many_columns"),
        ("id," + "a" * 2_000_000, "file.header"),
        ("id,pr\udcffdiction", "file.encoding"),
    ],
    ids=range(10),
)
def test_what_is_wrong_with_a_header_is_told(reader: Reader, header: str, code: str) -> None:
    content = header.encode(errors="surrogateescape") + b"\n0,0.5,1\n"
    assert refusal(reader, content).startswith(code)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("predictions.csv", rows())
    return file.getvalue()


OTHER = {
    "nothing": (b"", "file.empty"),
    "newlines": (b"\n\n\r\n", "file.empty"),
    "a mark": (b"\xef\xbb\xbf", "file.empty"),
    "zip": (zipped(), "file.format"),
    "gzip": (gzip.compress(rows()), "file.format"),
    "bzip2": (bz2.compress(rows()), "file.format"),
    "xz": (lzma.compress(rows()), "file.format"),
    "pickle": (pickle.dumps({"id": 1}), "file.format"),
    "html": (b"<!DOCTYPE html><html>", "file.format"),
    "utf-16": (rows().decode().encode("utf-16"), "file.encoding"),
    "utf-16 without a mark": (rows().decode().encode("utf-16-le"), "file.nul"),
    "garbage": (b"\xff" * 5000, "file.encoding"),
    "json": (b'{"id": [1], "prediction": [2]}', "file."),
    "one line": (b"id,prediction\n1," + b"a" * (64 << 20), "file.line_too_long"),
    "one quote": (b'id,prediction\n1,"' + b"a,b\n" * (2 << 20), "file."),
    "commas": (b"id,prediction\n" + b"," * (8 << 20), "file."),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_csv_is_told(reader: Reader, name: str) -> None:
    content, code = OTHER[name]
    with pytest.raises(Refused) as refused:
        reader.read_predictions(content, "csv", metric=SCORE, test_set=a_test_set(SCORE))
    assert refused.value.codes[0].startswith(code)
    assert len(str(refused.value)) < 300


def test_a_file_of_the_other_format_is_told(reader: Reader) -> None:
    good = parquet({"id": IDS, "prediction": IDS})
    for content, format in ((good, "csv"), (rows(), "parquet")):
        with pytest.raises(Refused, match=r"file\.(format|not_parquet)"):
            reader.read_predictions(content, format, metric=SCORE, test_set=a_test_set(SCORE))


def test_a_file_too_large_is_given_to_no_child() -> None:
    class Unasked(Reader):
        def ask(self, *_: Any) -> Any:
            raise AssertionError("it was asked")

    too_large, test_set = bytes(FILE_BYTES_MAX + 1), a_test_set(SCORE)
    with pytest.raises(Refused, match="too_large"):
        Unasked().read_predictions(too_large, "csv", metric=SCORE, test_set=test_set)


@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"id,prediction\n", b"PAR1"]))
@settings(max_examples=150)
def test_no_bytes_whatsoever_are_our_fault(reader: Reader, content: bytes, start: bytes) -> None:
    end = b"PAR1" if start == b"PAR1" else b""
    assert refusal(reader, start + content + end)
