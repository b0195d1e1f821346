"""Reads the content of a test set or a predictions file. Only in a locked child."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dml.inference.signature import Refused
from dml.scoring import names, spelling
from dml.scoring.aligning import Slots, in_order, joined, slots
from dml.scoring.glance import cell, quoted, refused
from dml.scoring.limits import (
    CELLS_MAX,
    CLASS_BYTES_MAX,
    CLASSES_MAX,
    FILE_BYTES_MAX,
    NUMBER_MOST,
    PROBABILITIES_MAX,
    ROWS_LEAST,
    TEST_SET_BYTES_MAX,
)
from dml.scoring.names import Form, MetricName
from dml.scoring.places import in_column, phase
from dml.scoring.tables import WHOLE_NUMBER, File, codes, decoded, first, integers, numbers, texts
from dml.scoring.test_set import Ids

SUM_TOLERANCE = 1e-3  # how far the sum of a row's probabilities may be from 1
ROUNDING = 1e-6  # how far one may be outside 0 to 1: float32 sigmoids are, by 1.2e-7
SPELLINGS_MOST = 10_000  # of labels in other spellings than the classes'
INDEX_NAMES = re.compile(r"|Unnamed: [0-9]+|__index_level_[0-9]+__")  # as pandas and R write them

Array = NDArray[Any]


def predictions(
    content: bytes,
    format: str,
    *,
    metric: MetricName,
    classes: tuple[str, ...],
    id_column: str,
    ids: Ids,
) -> Array:
    """Return the array for `Predictions`, or Refused."""
    kind = names.form(metric)
    label = kind is Form.LABEL
    with phase("header"):
        file = File(content, format, FILE_BYTES_MAX, [names.PREDICTION])
        columns = _columns(file, metric, classes, id_column)
    kinds = dict.fromkeys(columns, "text" if label else "number")
    kinds[id_column] = "text" if ids.numbers is None else "integer"
    with phase("cells"):
        table = file.read(kinds)
    found = in_column("ids", slots, table[id_column], id_column, ids)
    if kind is Form.PROBABILITY:
        with phase("values"):
            return _probabilities(table, columns, classes, found)
    column, name = table[names.PREDICTION], names.PREDICTION
    if label:
        return in_order(in_column("values", _labels, column, name, classes), found)
    return in_order(in_column("values", _values, column, name), found)


def test_set(
    content: bytes, format: str, *, metric: MetricName, id_column: str, target_column: str
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return ids, targets and features in the order of ids, and names of classes and features."""
    if id_column == target_column:
        raise refused("test_set.columns", "Ids and targets must be two columns.")
    with phase("header"):
        file = File(content, format, TEST_SET_BYTES_MAX, [target_column])
    file.require([id_column, target_column], others=True)
    features = [name for name in file.names if name not in (id_column, target_column)]
    _refuse_index(features)
    kinds = dict.fromkeys(file.names, "feature")
    kinds[id_column] = "text"
    kinds[target_column] = "text" if names.is_classification(metric) else "number"
    try:
        with phase("cells"):
            table = file.read(kinds)
    except Refused as error:
        is_feature = any(f"column {quoted(name)}:" in str(error) for name in features)
        raise (_with_remedy(error) if is_feature else error) from error
    if table.num_rows < ROWS_LEAST:
        detail = f"It has {table.num_rows} rows; {ROWS_LEAST} are the least."
        raise refused("test_set.too_few_rows", detail)
    if table.num_rows * len(features) > CELLS_MAX:
        raise refused("test_set.too_many_cells", f"It has more than {CELLS_MAX} features in all.")
    kept, order = in_column("ids", _ids, table[id_column], id_column)
    classes: tuple[str, ...] = ()
    target: Array
    if names.is_classification(metric):
        target, classes = in_column(
            "targets", _classes, table[target_column], target_column, metric
        )
        if metric is MetricName.LOG_LOSS and len(target) * len(classes) > PROBABILITIES_MAX:
            detail = f"Rows times classes are more than {PROBABILITIES_MAX}."
            raise refused("test_set.too_many_cells", detail)
        if metric is MetricName.LOG_LOSS and id_column in classes:
            detail = f"A class has the name of the column of ids, {quoted(id_column)}: rename one."
            raise refused("test_set.class_name", detail)
    else:
        target = in_column("targets", _values, table[target_column], target_column)
        if target.min() == target.max():
            raise refused("test_set.target_constant", "All targets are equal: nothing to predict.")
    rows = np.empty((table.num_rows, len(features)), np.float32)
    for place, name in enumerate(features):
        rows[:, place] = in_column("features", _feature, table[name], name)[order]
    found = {**kept.arrays(), "target": target[order], "features": rows}
    return found, {"classes": classes, "feature_names": features}


def _columns(
    file: File, metric: MetricName, classes: tuple[str, ...], id_column: str
) -> tuple[str, ...]:
    choices = names.columns(metric, classes)
    chosen = next((each for each in choices if set(each) <= set(file.names)), None)
    chosen = chosen or _otherwise_spelled(file, classes, id_column) or choices[0]
    file.require([id_column, *chosen])
    return chosen


def _otherwise_spelled(
    file: File, classes: tuple[str, ...], id_column: str
) -> tuple[str, ...] | None:
    """Return the columns named like the classes in other spellings."""
    known = spelling.spellings(classes)
    there = {known.get(spelling.plain(name)): name for name in file.names if name != id_column}
    found = [there[place] for place in range(len(classes)) if place in there]
    return tuple(found) if classes and len(found) == len(classes) else None


def _refuse_index(features: list[str]) -> None:
    """Refuse row numbers among the features: a model would learn from them."""
    if (name := next((it for it in features if INDEX_NAMES.fullmatch(it)), None)) is not None:
        said = f"Column {quoted(name)} looks like row numbers that a library added"
        raise refused("test_set.index_column", f"{said}: leave it out (`index=False` in pandas).")


def _feature(column: pa.ChunkedArray, name: str) -> Array:
    """Return a feature's numbers; booleans become 0 and 1."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    try:
        return numbers(column, name, np.float32)
    except Refused as error:
        raise _with_remedy(error) from error


def _with_remedy(error: Refused) -> Refused:
    """Add to the refusal of a text in a feature column what to do about it."""
    if error.reasons[0].code not in ("file.not_a_number", "file.column_type"):
        return error
    detail = f"{error.reasons[0].detail} All columns beside ids and targets are features, which are"
    return refused(error.reasons[0].code, f"{detail} numbers: leave it out, or encode it as some.")


def _labels(column: pa.ChunkedArray, name: str, classes: tuple[str, ...]) -> Array:
    column = texts(column, name)
    found = codes(column, classes)
    if found.null_count:
        found = _by_spelling(column, found, classes)
    if found.null_count:
        row = first(found.is_null()) or 0
        value = str(column[row].as_py() or "")
        if not value:
            raise cell(row, name, "file.cell_empty", "it is empty.")
        known = ", ".join(map(quoted, classes[:8])) + (", …" if len(classes) > 8 else "")
        said = f"{quoted(value)} is none of the classes {known}."
        raise cell(row, name, "predictions.wrong_class", said)
    return np.asarray(found.to_numpy(), np.int32)


def _by_spelling(
    column: pa.ChunkedArray, found: pa.ChunkedArray, classes: tuple[str, ...]
) -> pa.ChunkedArray:
    """Return the indices of labels that spell a class otherwise; null for others."""
    others = decoded(pc.unique(column.filter(found.is_null())))
    if len(others) > SPELLINGS_MOST:
        return found
    known = spelling.spellings(classes)
    meant = [(text, known.get(spelling.plain(text))) for text in others.to_pylist()]
    right = [(text, place) for text, place in meant if place is not None]
    if not right:
        return found
    spelled = pa.array([text for text, _ in right], pa.large_string())
    places = pa.array([place for _, place in right], pa.int32())
    at = pc.index_in(decoded(column), value_set=spelled)
    return pc.coalesce(found.cast(pa.int32()), pc.take(places, at))


def _values(column: pa.ChunkedArray, name: str) -> Array:
    values = numbers(column, name)
    if max(values.max(), -values.min()) > NUMBER_MOST:
        row = int((np.abs(values) > NUMBER_MOST).argmax())
        raise cell(row, name, "file.too_large_number", f"it is beyond {NUMBER_MOST:g}.")
    return values


def _probabilities(
    table: pa.Table, columns: tuple[str, ...], classes: tuple[str, ...], found: Slots | None
) -> Array:
    shares = [in_column("values", numbers, table[name], name) for name in columns]
    for name, values in zip(columns, shares, strict=True):
        if values.min() < -ROUNDING or values.max() > 1 + ROUNDING:
            row = int(((values < -ROUNDING) | (values > 1 + ROUNDING)).argmax())
            said = f"{values[row]:.9g} is no probability from 0 to 1."
            raise cell(row, name, "predictions.not_probability", said)
    shares = [np.clip(each, 0, 1) for each in shares]
    if len(columns) == 1:
        return in_order(shares[0], found)
    each = np.stack(shares, axis=1)
    sums = each.sum(axis=1)
    if (wrong := np.abs(sums - 1) > SUM_TOLERANCE).any():
        row = int(wrong.argmax())
        detail = f"Row {row + 1}: its probabilities are {sums[row]:.6g} in all; they must be 1."
        raise refused("predictions.sum", detail)
    each /= sums[:, None]
    return in_order(each[:, 1].copy() if len(classes) == 2 else each, found)


def _ids(column: pa.ChunkedArray, name: str) -> tuple[Ids, Array]:
    """Return sorted ids and the order that sorts their rows. Integers if all are."""
    if pa.types.is_integer(column.type) or _all_whole(column, name):
        values = integers(column, name)
        order = np.argsort(values, kind="stable")
        same = values[order][1:] == values[order][:-1]
        kept = Ids(numbers=values[order])
    else:
        whole = joined(column, name)
        empty = pc.equal(pc.binary_length(whole), 0)
        if (row := first(empty)) is not None:
            raise cell(row, name, "file.cell_empty", "it is empty.")
        order = pc.sort_indices(whole).to_numpy().astype(np.int64)
        ordered = whole.take(pa.array(order))
        same = pc.equal(ordered[1:], ordered[:-1]).to_numpy(zero_copy_only=False)
        offsets = np.frombuffer(ordered.buffers()[1], np.int64)[: len(ordered) + 1]
        text = np.frombuffer(ordered.buffers()[2] or b"", np.uint8)[: offsets[-1]]
        kept = Ids(offsets=offsets, text=text)
    if same.any():
        again = order[1:][same]
        row = int(again.min())
        value = quoted(str(column[row].as_py()))
        raise cell(row, name, "ids.repeated", f"{value} stands in another row, too.")
    return kept, order


def _all_whole(column: pa.ChunkedArray, name: str) -> bool:
    right = pc.match_substring_regex(decoded(texts(column, name)), WHOLE_NUMBER)
    return bool(pc.all(right).as_py())


def _classes(
    column: pa.ChunkedArray, name: str, metric: MetricName
) -> tuple[Array, tuple[str, ...]]:
    """Return codes and classes, sorted as numbers if all are integers."""
    column = texts(column, name)
    found = [str(each) for each in decoded(pc.unique(column)).to_pylist()]
    if "" in found:
        row = first(pc.equal(decoded(column), "")) or 0
        raise cell(row, name, "file.cell_empty", "it is empty.")
    meant = spelling.merged(found)
    distinct = set(meant.values())
    whole = bool(pc.all(pc.match_substring_regex(pa.array(distinct), WHOLE_NUMBER)).as_py())
    classes = tuple(sorted(distinct, key=int) if whole else sorted(distinct))
    if not 2 <= len(classes) <= CLASSES_MAX:
        detail = f"Targets have {len(classes)} classes; 2 to {CLASSES_MAX} are allowed."
        raise refused("test_set.class_count", detail)
    if names.is_binary(metric) and len(classes) != 2:
        detail = f"Targets have {len(classes)} classes; {metric} needs 2."
        raise refused("test_set.class_count", detail)
    if metric is MetricName.QUADRATIC_KAPPA and not whole:
        wrong = quoted(next(each for each in classes if not each.lstrip("-").isdigit()))
        detail = f"{metric} needs whole numbers as classes, and {wrong} is none."
        raise refused("test_set.class_not_a_number", detail)
    for each in classes:
        if len(each.encode()) > CLASS_BYTES_MAX:
            detail = f"The class {quoted(each)} has more than {CLASS_BYTES_MAX} bytes."
            raise refused("test_set.class_too_long", detail)
    place = {each: at for at, each in enumerate(classes)}
    places = np.array([place[meant[each]] for each in found], np.int32)
    target: Array = places[codes(column, found).to_numpy()]
    return target, classes
