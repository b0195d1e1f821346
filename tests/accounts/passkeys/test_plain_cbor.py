"""CBOR of strangers: plain maps and strings pass, and what grows when it is read does not."""

from contextlib import suppress

import cbor2
import pytest
from hypothesis import given, strategies as st

from dml.accounts.passkeys.plain_cbor import end_of

LEAVES = (
    st.integers(-(2**63), 2**63) | st.binary(max_size=40) | st.text(max_size=40) | st.booleans()
)
PLAIN = st.recursive(
    LEAVES,
    lambda it: st.lists(it, max_size=4) | st.dictionaries(st.text(max_size=5), it, max_size=4),
    max_leaves=6,
)


def depth(it: object) -> int:
    below = it if isinstance(it, list) else list(it.values()) if isinstance(it, dict) else None
    return 0 if below is None else 1 + max((depth(each) for each in below), default=0)


@given(PLAIN, st.binary(max_size=20))
def test_the_end_of_an_item_is_where_a_library_writes_it(item: object, behind: bytes) -> None:
    raw = cbor2.dumps(item)
    if depth(item) <= 4:
        assert end_of(raw + behind, 0) == len(raw)
    else:
        with pytest.raises(ValueError, match="deep"):
            end_of(raw, 0)


@given(st.binary(max_size=60))
def test_whatever_bytes_come_it_ends(raw: bytes) -> None:
    with suppress(ValueError):
        assert 0 < end_of(raw, 0) <= len(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "cut"),
        (b"\xa1\x01", "cut"),
        (b"\x58\xff\x00", "cut"),
        (b"\x9b" + b"\xff" * 8, "cut"),  # A list of more items than there are.
        (b"\xbb" + b"\xff" * 8, "cut"),
        (b"\x5b" + b"\xff" * 8, "cut"),
        (b"\x9f\x01\xff", "no length"),
        (b"\xd8\x1c\x80", "tag"),  # One that others name: a list of itself twice, and so on.
        (b"\xc2\x41\x01", "tag"),
        (b"\x81" * 6 + b"\x01", "deep"),
        (b"\x1c", "no length"),
    ],
    ids=lambda it: it if isinstance(it, str) else it[:4].hex(),
)
def test_what_is_not_plain_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        end_of(raw, 0)
