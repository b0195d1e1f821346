"""What strangers send as CBOR, looked at before a library makes objects of it.

CTAP 2 writes plain maps, lists, numbers and strings, each with its length. General CBOR has tags as
well, by which a few hundred bytes name each other until they would be written out to more than
there is memory; and lengths that are told at the end. A reader follows both: so they are refused
here (CTAP 2.2, 8: the canonical form has neither).
"""

from typing import Final

DEPTH_MAX: Final = 4  # As CTAP says.
_BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = 2, 3, 4, 5, 6, 7
_LENGTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


def end_of(raw: bytes, at: int, depth: int = DEPTH_MAX) -> int:
    """Return where the item ends that begins there. ValueError where it is not plain, or cut."""
    if at >= len(raw):
        raise ValueError("it is cut")
    kind, short = raw[at] >> 5, raw[at] & 31
    at += 1
    number = short
    if short >= 24:
        if short not in _LENGTHS:
            raise ValueError("it has no length")
        size = _LENGTHS[short]
        number = int.from_bytes(raw[at : at + size], "big")
        at += size
    if kind == _TAG:
        raise ValueError("it has a tag")
    if kind in (_BYTES, _TEXT):
        at += number
    elif kind in (_LIST, _MAP):
        if depth == 0:
            raise ValueError("it is too deep")
        for _ in range(number * (kind - _LIST + 1)):  # One that is cut ends this at once.
            at = end_of(raw, at, depth - 1)
    if at > len(raw):
        raise ValueError("it is cut")
    return at
