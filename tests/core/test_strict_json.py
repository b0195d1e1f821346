"""JSON that could be read in two ways is not read at all."""

import json
from typing import Any

import pytest

from dml.core import strict_json
from dml.core.strict_json import NotStrict


@pytest.mark.parametrize(
    ("text", "message", "pointer"),
    [
        (b'{"a": 1, "a": 1}', 'names "a" twice', "/a"),
        (b'{"a": 1, "\\u0061": 2}', 'names "a" twice', "/a"),
        (b'{"a": [{}, {"b": {"c/d": 1, "c/d": 2}}]}', 'names "c/d" twice', "/a/1/b/c~1d"),
        (b'{"a": {"b": 1, "b": 1}, "a": {}}', 'names "a" twice', "/a"),
        (b'[{"x": 1}, {"x": 1, "x": 1}, {"x": 1}]', 'names "x" twice', "/1/x"),
        (b'{"": 1, "": 1}', 'names "" twice', "/"),
        (b"NaN", "has NaN, which is no number of JSON", ""),
        (b'{"a": [-Infinity]}', "has -Infinity, which is no number of JSON", ""),
        (b'{"a": 1e999}', "has 1e999, which is larger than a number may be", ""),
        (b"9" * 1_000_000, "has a number of more than 100 digits", ""),
        (b"[" * 100_000, "is nested too deeply", ""),
        (b'{"a":' * 100_000, "is nested too deeply", ""),
        (b'"\\ud800"', "has half of a character (a lone surrogate)", ""),
        (b'{"\\uDFFF": 1}', "has half of a character (a lone surrogate)", ""),
        (b'{"a": [1, "x\\ud800"]}', "has half of a character (a lone surrogate)", "/a/1"),
        (b'{"a": {"\\udfff": 1}}', "has half of a character (a lone surrogate)", "/a"),
        (b'"\xed\xa0\x80"', "is no UTF-8", ""),
        (b'{"a": "\xff"}', "is no UTF-8", ""),
        ('{"a": 1}'.encode("latin-1") + b"\xe4", "is no UTF-8", ""),
        ('{"a": 1}'.encode("utf-16"), "is no UTF-8", ""),
    ],
)
def test_what_has_two_readings_is_refused(text: bytes, message: str, pointer: str) -> None:
    with pytest.raises(NotStrict) as refused:
        strict_json.read(text)
    assert (refused.value.msg, refused.value.pointer) == (message, pointer)


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"{", b"{} {}", b"\xef\xbb\xbf{}", b"{'a': 1}", b"[1,]", b"01", b"+1", b"1.", b"x"],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotStrict, match="is no JSON"):
        strict_json.read(text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"a": {"a": {"a": [1, 1]}}},
        [{"x": 1}, {"x": 1}],
        "smile \U0001f600 \\ud800",
        {"\U0001f600": -0.5, "big": 2**63, "e": 1e300},
        10**99,
    ],
)
def test_what_has_one_reading_is_read(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert strict_json.read(text) == value
