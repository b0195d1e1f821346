"""Bringing a submitter's rows into the order of the test set. Only in a locked child."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dml.scoring.glance import cell, quoted, refused
from dml.scoring.tables import decoded, integers, texts
from dml.scoring.test_set import Ids

Slots = NDArray[np.int64]
DIGITS_MOST = 18
SPARSENESS_MOST = 16  # how many times larger a table of all numbers may be than the ids

_NONE = -1


def slots(column: pa.ChunkedArray, name: str, expected: Ids) -> Slots | None:
    """Return each row's index in the test set, or None if they are in order already.

    Refused unless the column has each id of the test set exactly once, and no other.
    """
    if expected.numbers is not None:
        ids: Any = integers(column, name)
        if np.array_equal(ids, expected.numbers):
            return None
        found = _of_numbers(ids, expected.numbers)
    else:
        ids, texts = joined(column, name), as_texts(expected)
        if ids.equals(texts):
            return None
        found = _of_texts(ids, texts)
    _require_each_once(found, ids, name, expected)
    return found


def in_order(values: NDArray[Any], found: Slots | None) -> NDArray[Any]:
    """Return the values in the order of the test set."""
    if found is None:
        return values
    ordered = np.empty_like(values)
    ordered[found] = values
    return ordered


def joined(column: pa.ChunkedArray, name: str) -> pa.LargeStringArray:
    """Return texts as one array."""
    whole = decoded(texts(column, name)).combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # in some versions of Arrow
        whole = pa.concat_arrays(whole.chunks)
    return whole


def as_texts(ids: Ids) -> pa.LargeStringArray:
    assert ids.offsets is not None
    assert ids.text is not None
    buffers = pa.py_buffer(ids.offsets), pa.py_buffer(ids.text)
    return pa.LargeStringArray.from_buffers(len(ids), *buffers)


def _of_texts(ids: pa.LargeStringArray, expected: pa.LargeStringArray) -> Slots:
    """Each one's place among the expected, which are sorted, or _NONE."""
    numbers = _numbered(ids, expected)
    if numbers is not None:
        return _of_numbers(*numbers)
    places = pc.index_in(ids, value_set=expected).fill_null(_NONE)
    return np.asarray(places.to_numpy(), np.int64)


def _numbered(
    ids: pa.LargeStringArray, expected: pa.LargeStringArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the numbers in texts that differ in nothing else: row-0001.png, row-0002.png.

    Looking up numbers takes a tenth of the time.
    """
    mine, theirs = _letters(ids), _letters(expected)
    if mine is None or theirs is None or mine.shape[1] != theirs.shape[1]:
        return None
    varying = np.flatnonzero((theirs != theirs[0]).any(axis=0))
    if not len(varying) or varying[-1] - varying[0] >= DIGITS_MOST:
        return None
    first, last = int(varying[0]), int(varying[-1]) + 1
    around = np.r_[0:first, last : mine.shape[1]]
    if (mine[:, around] != theirs[0, around]).any():
        return None
    found = _number(mine[:, first:last]), _number(theirs[:, first:last])
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _letters(texts: pa.LargeStringArray) -> NDArray[np.uint8] | None:
    """Return the bytes of texts (texts, length) if all have one length."""
    start = texts.offset
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[start : start + len(texts) + 1]
    length = int(offsets[1] - offsets[0])
    if not length or (np.diff(offsets) != length).any():
        return None
    all_bytes = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    return all_bytes.reshape(-1, length)


def _number(letters: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """Return the number that each row of digits writes; None if any byte is no digit."""
    digits = letters - np.uint8(ord("0"))
    if digits.max() > 9:  # what is below 0 wraps around
        return None
    numbers = np.zeros(len(letters), np.int64)
    for column in digits.T:
        numbers *= 10
        numbers += column
    return numbers


def _of_numbers(ids: NDArray[np.int64], expected: NDArray[np.int64]) -> Slots:
    """Each one's place among the expected, which are sorted, or _NONE."""
    first, last = int(expected[0]), int(expected[-1])
    span = last - first + 1
    if span > SPARSENESS_MOST * len(expected):
        return _by_sorting(ids, expected)
    inside = (ids >= first) & (ids <= last)
    offsets = ids - first
    if not inside.all():
        offsets[~inside] = 0
    if span > len(expected):
        table = np.full(span, _NONE, np.int64)
        table[expected - first] = np.arange(len(expected))
        offsets = table[offsets]
    if not inside.all():
        offsets[~inside] = _NONE
    return offsets


def _by_sorting(ids: NDArray[np.int64], expected: NDArray[np.int64]) -> Slots:
    order = np.argsort(ids)
    ordered = ids[order]
    found = np.empty(len(ids), np.int64)
    if np.array_equal(ordered, expected):
        found[order] = np.arange(len(ids))
        return found
    places = np.searchsorted(expected, ordered)
    places[places == len(expected)] = 0
    places[expected[places] != ordered] = _NONE
    found[order] = places
    return found


def _require_each_once(found: Slots, ids: Any, name: str, expected: Ids) -> None:
    unknown = found == _NONE
    if unknown.any():
        row = int(unknown.argmax())
        raise cell(row, name, "ids.unknown", f"{_shown(ids[row])} is no id of the test set.")
    seen = np.zeros(len(expected), bool)
    seen[found] = True
    there = int(seen.sum())
    if there < len(found):
        order = np.argsort(found, kind="stable")
        again = np.flatnonzero(np.diff(found[order]) == 0) + 1
        row = int(order[again].min())
        raise cell(row, name, "ids.repeated", f"{_shown(ids[row])} stands in a row above, too.")
    if there < len(expected):
        missing = int(seen.argmin())
        numbers = expected.numbers
        shown = _shown(as_texts(expected)[missing] if numbers is None else numbers[missing])
        detail = f"{len(expected) - there} ids of the test set are missing, {shown} is the first."
        raise refused("ids.missing", f"Column {quoted(name)}: {detail}")


def _shown(id_: Any) -> str:
    return quoted(str(id_))
