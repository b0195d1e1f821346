"""Canonical JSON, by the examples of RFC 8785."""

import json
import struct

import pytest

from dml.inference.canonical_json import digest, encode

# RFC 8785, appendix B: bits of a double, and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_are_written_as_the_rfc_has_them(bits: str, written: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert encode(value).decode() == written


def test_names_are_sorted_and_texts_escaped_as_the_rfc_has_them() -> None:
    """RFC 8785, 3.2.2 and 3.2.3."""
    value = json.loads(
        r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false],
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"}"""
    )
    assert encode(value).decode() == (
        '{"\\r":"Carriage Return","1":"One",'
        '"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/",'
        '"\x80":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign",'
        '"😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
    )


def test_what_is_written_again_is_the_same() -> None:
    once = encode({"scale": 1 / 255, "mean": [0.485, 1.0], "delta": 1e-6, "epsilon": 1.0})
    assert once == b'{"delta":0.000001,"epsilon":1,"mean":[0.485,1],"scale":0.00392156862745098}'
    assert encode(json.loads(once)) == once
    assert digest({"a": 1}) == digest({"a": 1.0})


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), {1, 2}, b"x", "\ud800"])
def test_what_json_has_not_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"large|no number|nothing of JSON|surrogates"):
        encode(value)
