"""One table is one table, whatever library saved it: types, truths, rounding, newlines."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dml.scoring import spelling
from dml.scoring.names import MetricName, TableLayout
from dml.scoring.reader import Reader, Refused
from dml.scoring.test_set import Ids, TestSet
from tests.scoring.files import SALT, a_test_set, csv, parquet

ROWS = 200
IDS = [*range(ROWS)]
TEXTS = [f"row-{i:03}" for i in IDS]
LABEL, PROBABILITY = MetricName.ACCURACY, MetricName.LOG_LOSS
TRUTHS = [bool(i * 7 % 3) for i in IDS]

Save = Callable[[str, list[Any]], bytes]


def is_parquet(content: bytes) -> str:
    return "parquet" if content.startswith(b"PAR1") else "csv"


def read_test_set(
    reader: Reader, content: bytes, metric: MetricName = LABEL, target: str = "target"
) -> TestSet:
    return reader.read_test_set(
        content,
        TableLayout(is_parquet(content), "id", target),
        metric=metric,
        salt=SALT,
    )


def predict(
    reader: Reader, content: bytes, test_set: TestSet, metric: MetricName = LABEL
) -> list[Any]:
    found = reader.read_predictions(content, is_parquet(content), metric=metric, test_set=test_set)
    values: list[Any] = found.values.tolist()
    return values


def as_csv(write: Callable[[Any], object]) -> Save:
    return lambda name, values: csv(f"id,{name}", *((i, write(v)) for i, v in enumerate(values)))


def as_parquet(kind: pa.DataType | None = None) -> Save:
    return lambda name, values: parquet(
        {"id": IDS, name: pa.array(values).cast(kind or pa.bool_())}
    )


TRUTHS_SAVED: dict[str, Save] = {
    "Parquet": as_parquet(),
    "pandas": as_csv(str),
    "R": as_csv(lambda value: str(value).upper()),
    "JSON's words": as_csv(lambda value: str(value).lower()),
    "numbers": as_csv(int),
    "fractions": as_csv(float),
    "small integers": as_parquet(pa.int8()),
}


@pytest.mark.parametrize(("ours", "theirs"), [*itertools.product(TRUTHS_SAVED, repeat=2)])
def test_truths_are_the_same_however_they_are_saved(reader: Reader, ours: str, theirs: str) -> None:
    test_set = read_test_set(reader, TRUTHS_SAVED[ours]("target", TRUTHS))
    assert len(test_set.classes) == 2
    predictions = TRUTHS_SAVED[theirs]("prediction", TRUTHS)
    assert predict(reader, predictions, test_set) == [*map(int, TRUTHS)]


NUMBERS: dict[str, Save] = {
    "integers": as_csv(int),
    "fractions": as_csv(lambda value: f"{value}.0"),
    "Parquet's integers": as_parquet(pa.uint16()),
    "Parquet's fractions": as_parquet(pa.float64()),
    "Parquet's decimals": as_parquet(pa.decimal128(30, 3)),
    "Parquet's texts": as_parquet(pa.large_string()),
}


@pytest.mark.parametrize(("ours", "theirs"), [*itertools.product(NUMBERS, repeat=2)])
def test_whole_numbers_are_the_same_however_they_are_saved(
    reader: Reader, ours: str, theirs: str
) -> None:
    values = [i % 3 for i in IDS]
    test_set = read_test_set(reader, NUMBERS[ours]("target", values))
    assert predict(reader, NUMBERS[theirs]("prediction", values), test_set) == values


def test_classes_that_their_owner_tells_apart_stay_apart(reader: Reader) -> None:
    names = ["1", "01", "yes", "Yes"]
    values = [names[i % 4] for i in IDS]
    test_set = read_test_set(reader, as_csv(str)("target", values))
    assert test_set.classes == ("01", "1", "Yes", "yes")
    predicted = predict(reader, as_csv(str)("prediction", values), test_set)
    assert [test_set.classes[it] for it in predicted] == values
    with pytest.raises(Refused, match="'001' is none of the classes"):
        predict(reader, as_csv(str)("prediction", [*values[1:], "001"]), test_set)


def test_truths_in_one_file_are_two_classes_and_no_more(reader: Reader) -> None:
    mixed = [("True", "false", "TRUE", "False", "true")[i % 5] for i in IDS]
    test_set = read_test_set(reader, as_csv(str)("target", mixed))
    assert test_set.classes == ("false", "true")
    assert test_set.target[:5].tolist() == [1, 0, 1, 0, 1]


def test_columns_of_probabilities_are_named_by_truths_too(reader: Reader) -> None:
    test_set = read_test_set(reader, as_parquet()("target", TRUTHS), PROBABILITY)
    for header in ("id,False,True", "id,FALSE,TRUE", "id,false,true", "id,0,1"):
        content = csv(header, *((i, 0.25, 0.75) for i in IDS))
        assert predict(reader, content, test_set, PROBABILITY) == [0.75] * ROWS
    with pytest.raises(Refused, match=r"file\.column"):
        predict(reader, csv("id,no,1", *((i, 0, 1) for i in IDS)), test_set, PROBABILITY)


def test_spellings_that_two_classes_share_mean_neither() -> None:
    assert spelling.spellings(("01", "1", "a")) == {"a": 2}
    assert spelling.spellings(("no", "yes")) == {"no": 0, "yes": 1}
    assert spelling.spellings(("0", "1"))["true"] == 1
    assert spelling.spellings(("False", "True"))["0"] == 0
    assert "true" not in spelling.spellings(("0", "1", "2"))


KINDS: dict[str, Callable[[list[str]], Any]] = {
    "string": lambda texts: pa.array(texts),
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "string_view": lambda texts: pa.array(texts).cast(pa.string_view()),
    "binary": lambda texts: pa.array([it.encode() for it in texts], pa.binary()),
    "large_binary": lambda texts: pa.array([it.encode() for it in texts], pa.large_binary()),
    "binary_view": lambda texts: pa.array([it.encode() for it in texts]).cast(pa.binary_view()),
    "fixed_size_binary": lambda texts: pa.array(
        [it.encode() for it in texts], pa.binary(len(texts[0]))
    ),
    "dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "large dictionary": lambda texts: pa.array(texts, pa.large_string()).dictionary_encode(),
    "json": lambda texts: pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_every_kind_are_texts(reader: Reader, kind: str) -> None:
    labels = [("cat", "dog")[i % 2] for i in IDS]
    ids, names = KINDS[kind](TEXTS), KINDS[kind](labels)
    test_set = read_test_set(reader, parquet({"id": ids, "target": names}))
    assert test_set.classes == ("cat", "dog")
    assert [*test_set.ids.encoded()] == [it.encode() for it in TEXTS]
    found = predict(reader, parquet({"id": ids, "prediction": names}), test_set)
    assert found == [i % 2 for i in IDS]


OTHERS = {
    "bytes that are no text": pa.array([b"\xff"] * ROWS),
    "dates": pa.array([i * 86_400_000 for i in IDS], pa.date64()),
    "times": pa.array(IDS, pa.time64("us")),
    "moments": pa.array(IDS, pa.timestamp("us", "UTC")),
    "durations": pa.array(IDS, pa.duration("s")),
    "lists": pa.array([[1]] * ROWS),
    "list views": pa.array([[1]] * ROWS, pa.list_view(pa.int8())),
    "fixed lists": pa.array([[1]] * ROWS, pa.list_(pa.int8(), 1)),
    "structs": pa.array([{"a": 1}] * ROWS),
    "maps": pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int8())),
    "nulls": pa.nulls(ROWS),
    "fractions": pa.array([0.5] * ROWS),
    "NaN": pa.array([np.nan] * ROWS),
    "decimal fractions": pa.array(["0.5"] * ROWS).cast(pa.decimal256(40, 2)),
    "UUIDs": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([b"\xff" * 16] * ROWS, pa.binary(16))
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("column", ["id", "prediction", "x"])
def test_what_is_neither_text_nor_number_is_refused_by_its_column(
    reader: Reader, kind: str, column: str
) -> None:
    good = {"id": IDS, "prediction": ["no", "yes"] * (ROWS // 2)}
    if column == "x" and "fractions" in kind:
        pytest.skip("these are features")

    def read(content: bytes, test_set: TestSet) -> object:
        if column != "x":
            return predict(reader, content, test_set)
        return read_test_set(reader, content, target="prediction")

    try:
        content = parquet(good | {column: OTHERS[kind]})
    except (pa.ArrowException, TypeError):
        pytest.skip("Parquet has no such thing")
    test_set = a_test_set(LABEL, Ids(numbers=np.array(IDS)))
    with pytest.raises(Refused) as refused:
        read(content, test_set)
    assert refused.value.codes[0].startswith("file.")
    assert repr(column) in str(refused.value)


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("1.00000000000000067", 1.0),
        ("1.0000001", 1.0),
        ("-6.7e-16", 0.0),
        ("-1.2e-7", 0.0),
        ("1.01", None),
        ("1.00001", None),
        ("-0.001", None),
    ],
)
def test_what_rounding_puts_beyond_0_or_1_is_0_or_1(
    reader: Reader, cell: str, wanted: float | None
) -> None:
    test_set = read_test_set(reader, as_csv(lambda i: i % 2)("target", IDS), PROBABILITY)
    one = csv("id,prediction", *((i, cell if i == 3 else 0.4) for i in IDS))
    pair = (1 - float(cell), cell)
    both = csv("id,0,1", *((i, *(pair if i == 3 else (0.6, 0.4))) for i in IDS))
    for content in (one, both):
        if wanted is None:
            with pytest.raises(Refused, match=r"not_probability: Row 4"):
                predict(reader, content, test_set, PROBABILITY)
        else:
            assert predict(reader, content, test_set, PROBABILITY)[3] == wanted


@pytest.mark.parametrize("rows", [200, 30_000])
def test_newlines_within_quotes_are_part_of_a_cell(reader: Reader, rows: int) -> None:
    ids = [f"{i:06}\n{'z' * 90}" for i in range(rows)]
    targets = ["ab"[i * 7 % 3 % 2] for i in range(rows)]
    quoted = [f'"{each}"' for each in ids]
    test_set = read_test_set(reader, csv("id,target", *zip(quoted, targets, strict=True)))
    assert len(test_set) == rows
    content = csv('id,"prediction"', *zip(quoted[::-1], targets[::-1], strict=True))
    assert predict(reader, content, test_set) == test_set.target.tolist()
    with_header = csv('id,"a\r\nb",target', *((i, 1, "ab"[i % 2]) for i in IDS))
    assert read_test_set(reader, with_header).feature_names == ("a\r\nb",)


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "__index_level_0__"])
def test_the_numbers_of_rows_are_no_feature(reader: Reader, name: str) -> None:
    with pytest.raises(Refused, match=r"test_set\.index_column.*leave it out"):
        read_test_set(reader, csv(f"{name},id,target", *((i, i, i % 2) for i in IDS)))


def test_a_text_among_the_features_is_refused_with_a_remedy(reader: Reader) -> None:
    for content in (
        csv("id,name,target", *((i, "Bob", i % 2) for i in IDS)),
        parquet({"id": IDS, "name": ["Bob"] * ROWS, "target": [i % 2 for i in IDS]}),
    ):
        with pytest.raises(Refused, match=r"'name'.*leave it out, or encode"):
            read_test_set(reader, content)
    with pytest.raises(Refused) as refused:
        read_test_set(reader, csv("id,target", *((i, "Bob") for i in IDS)), MetricName.RMSE)
    assert "features" not in str(refused.value)


def test_truths_among_the_features_are_zeros_and_ones(reader: Reader) -> None:
    table = {"id": IDS, "x": TRUTHS, "target": [i % 2 for i in IDS]}
    assert read_test_set(reader, parquet(table)).features[:, 0].tolist() == [*map(int, TRUTHS)]
