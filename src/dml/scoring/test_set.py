"""A test set that was read and split, and the owner's commitment to it."""

import hashlib
import hmac
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.scoring import arrays

PUBLIC_SHARE: Final = 0.3
BLOCKS: Final = 20

Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Ids:
    """Ids: integers, or texts as concatenated UTF-8 with the offsets of each and of the end."""

    numbers: NDArray[np.int64] | None = None
    offsets: NDArray[np.int64] | None = None
    text: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        if self.numbers is not None:
            return len(self.numbers)
        assert self.offsets is not None
        return len(self.offsets) - 1

    @property
    def first_of_a_run(self) -> int | None:
        """Return the first id if the sorted ids are consecutive integers."""
        if self.numbers is None or not len(self.numbers):
            return None
        first, last = int(self.numbers[0]), int(self.numbers[-1])
        return first if last - first + 1 == len(self.numbers) else None

    def encoded(self) -> Iterator[bytes]:
        """Yield each id as UTF-8; integers in decimal digits."""
        if self.numbers is not None:
            for number in self.numbers.tolist():
                yield b"%d" % number
            return
        assert self.offsets is not None
        assert self.text is not None
        text, ends = self.text.tobytes(), self.offsets.tolist()
        for start, end in itertools.pairwise(ends):
            yield text[start:end]

    def arrays(self) -> dict[str, NDArray[Any]]:
        if self.numbers is not None:
            return {"ids": self.numbers}
        assert self.offsets is not None
        assert self.text is not None
        return {"id_offsets": self.offsets, "id_text": self.text}

    @staticmethod
    def of(texts_or_numbers: Sequence[int] | Sequence[str]) -> "Ids":
        """Make them from a list of integers or texts."""
        if all(isinstance(each, int) for each in texts_or_numbers):
            return Ids(numbers=np.array(texts_or_numbers, np.int64))
        texts = [str(each).encode() for each in texts_or_numbers]
        offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        return Ids(offsets=offsets, text=np.frombuffer(b"".join(texts), np.uint8))

    @staticmethod
    def from_arrays(kept: dict[str, NDArray[Any]]) -> "Ids":
        return Ids(kept.get("ids"), kept.get("id_offsets"), kept.get("id_text"))


@dataclass(frozen=True, slots=True, eq=False)
class TestSet:
    """Rows in the order of their ids: numbers by size, texts by their bytes.

    `target` (n,) is int32 codes of `classes`, or float64 where there are none. Classes are sorted,
    by number where all are whole numbers. `public` says which part a row is in, `blocks` (uint8)
    which of BLOCKS. `features` is float32 (n, features), of the columns `feature_names`.
    """

    __test__ = False  # pytest: this is no test.

    id_column: str
    ids: Ids
    target: NDArray[Any]
    classes: tuple[str, ...]
    public: Bits
    blocks: NDArray[np.uint8]
    features: NDArray[np.float32]
    feature_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.target)

    def to_bytes(self) -> bytes:
        """Return bytes for `from_bytes`."""
        return arrays.to_bytes(
            self.ids.arrays()
            | {
                "target": self.target,
                "public": self.public,
                "blocks": self.blocks,
                "features": self.features,
            },
            id_column=self.id_column,
            classes=self.classes,
            feature_names=self.feature_names,
        )

    @staticmethod
    def from_bytes(data: bytes) -> "TestSet":
        """The test set that `to_bytes` gave; ValueError for anything else."""
        kept, facts = arrays.from_bytes(data)
        try:
            return TestSet(
                id_column=facts["id_column"],
                ids=Ids.from_arrays(kept),
                target=kept["target"],
                classes=tuple(facts["classes"]),
                public=kept["public"],
                blocks=kept["blocks"],
                features=kept["features"],
                feature_names=tuple(facts["feature_names"]),
            )
        except KeyError as missing:
            raise ValueError(f"a test set has {missing}") from missing


def commitment(salt: bytes, file: bytes) -> str:
    """Return SHA-256 of salt and file, in hexadecimal digits: it binds its publisher to both."""
    return hashlib.sha256(salt + file).hexdigest()


def split(salt: bytes, ids: Ids) -> tuple[Bits, NDArray[np.uint8]]:
    """Return which rows are public, and each one's block, by HMAC-SHA256 of its id under the salt.

    The first eight bytes, as a number, ÷ 2^64 < 0.3 → public. The ninth modulo 20 is the block.
    """
    digests = b"".join(hmac.digest(salt, each, "sha256") for each in ids.encoded())
    table = np.frombuffer(digests, np.uint8).reshape(-1, hashlib.sha256().digest_size)
    heads = np.ascontiguousarray(table[:, :8]).view(">u8")[:, 0].astype(np.uint64)
    return heads < np.uint64(int(PUBLIC_SHARE * 2**64)), table[:, 8] % BLOCKS
