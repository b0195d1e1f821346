"""Commitment and split are what their description says; bytes come back as they were."""

import hashlib
import hmac
from dataclasses import replace

import numpy as np
import pytest

from dml.scoring.predictions import Predictions
from dml.scoring.test_set import Ids, TestSet, commitment, split

SALT = bytes(range(32))


def test_the_commitment_is_sha256_of_salt_and_file() -> None:
    assert commitment(SALT, b"id,target\n1,0\n") == (
        hashlib.sha256(SALT + b"id,target\n1,0\n").hexdigest()
    )
    assert commitment(b"", b"abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_the_split_is_by_hmac_of_each_id() -> None:
    ids = ["a", "b", "Zürich", "7", "", "x" * 100]
    public, blocks = split(SALT, Ids.of(ids))
    for row, id_ in enumerate(ids):
        digest = hmac.new(SALT, id_.encode(), hashlib.sha256).digest()
        assert public[row] == (int.from_bytes(digest[:8], "big") / 2**64 < 0.3)
        assert blocks[row] == digest[8] % 20


def test_known_answers_of_the_split() -> None:
    public, blocks = split(SALT, Ids.of(list(range(12))))
    assert "".join("p" if each else "-" for each in public) == KNOWN_PARTS
    assert blocks.tolist() == KNOWN_BLOCKS


def test_a_number_is_split_as_its_digits_are() -> None:
    numbers, texts = Ids.of([-5, 0, 12]), Ids.of(["-5", "0", "12"])
    assert list(numbers.encoded()) == list(texts.encoded())
    assert split(SALT, numbers)[1].tolist() == split(SALT, texts)[1].tolist()


def test_three_in_ten_rows_are_public_and_blocks_are_even() -> None:
    public, blocks = split(SALT, Ids.of(list(range(50_000))))
    assert public.mean() == pytest.approx(0.3, abs=0.01)
    assert np.bincount(blocks, minlength=20).min() > 2000


def make(ids: Ids) -> TestSet:
    n = len(ids)
    return TestSet(
        id_column="id",
        ids=ids,
        target=np.arange(n, dtype=np.int32) % 2,
        classes=("no", "yés"),
        public=np.arange(n) % 3 == 0,
        blocks=np.arange(n, dtype=np.uint8) % 20,
        features=np.ones((n, 2), np.float32),
        feature_names=("a", "b"),
    )


@pytest.mark.parametrize("ids", [Ids.of([1, 2, 30]), Ids.of(["a", "", "ü"])], ids=["int", "text"])
def test_a_test_set_comes_back_from_its_bytes(ids: Ids) -> None:
    before = make(ids)
    after = TestSet.from_bytes(before.to_bytes())
    assert list(after.ids.encoded()) == list(ids.encoded())
    assert after.classes == before.classes
    assert after.feature_names == before.feature_names
    assert after.target.tolist() == before.target.tolist()
    assert after.public.tolist() == before.public.tolist()
    assert after.features.shape == (3, 2)
    assert after.to_bytes() == before.to_bytes()


def test_a_test_set_without_features_comes_back_too() -> None:
    before = replace(make(Ids.of([1, 2])), features=np.ones((2, 0), np.float32), feature_names=())
    after = TestSet.from_bytes(before.to_bytes())
    assert (after.features.shape, after.feature_names) == ((2, 0), ())


@pytest.mark.parametrize(
    "values",
    [np.array([1, 0], np.int32), np.array([0.5, 2]), np.array([[0.5, 0.5], [1, 0]])],
    ids=["codes", "scores", "probabilities"],
)
def test_predictions_come_back_from_their_bytes(values: np.ndarray) -> None:
    after = Predictions.from_bytes(Predictions(values).to_bytes())
    assert after.values.dtype == values.dtype
    assert after.values.tolist() == values.tolist()
    assert after.sha256 == Predictions(values.copy(order="F")).sha256


def test_minus_zero_is_zero_and_codes_are_not_scores() -> None:
    assert Predictions(np.array([0.0])).sha256 == Predictions(np.array([-0.0])).sha256
    assert Predictions(np.array([0.0])).sha256 != Predictions(np.array([0], np.int32)).sha256


def test_the_hash_of_predictions_never_changes() -> None:
    assert Predictions(np.array([0.25, 1.0])).sha256 == KNOWN_HASH


@pytest.mark.parametrize("data", [b"", b"\0\0\0\2{}", b"x" * 100, make(Ids.of([1])).to_bytes()])
def test_other_bytes_are_no_predictions(data: bytes) -> None:
    with pytest.raises(ValueError, match="these"):
        Predictions.from_bytes(data)


KNOWN_PARTS = "p--pp--pp-pp"
KNOWN_BLOCKS = [11, 0, 18, 2, 2, 5, 5, 11, 8, 17, 9, 0]
KNOWN_HASH = "9e4faa3d3f84b6717e967f120300c74ba6fc69a3a3e164d32a648aa5f94b0b55"
