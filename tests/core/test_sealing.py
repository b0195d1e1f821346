"""Sealed files: the API can seal and not open, and what was changed is not opened."""

from pathlib import Path

import pytest

from dml.core.sealing import NotSealedForUs, Opener, Seal


def test_what_one_half_sealed_the_other_opens(tmp_path: Path) -> None:
    seal, opener = Seal.load(tmp_path / "key"), Opener.load(tmp_path / "key")

    sealed = seal.seal(b"labels", "test-set:1")

    assert b"labels" not in sealed
    assert opener.open(sealed, "test-set:1") == b"labels"
    assert opener.open(opener.seal(b"more", "x"), "x") == b"more"


def test_the_public_half_is_enough_to_seal(tmp_path: Path) -> None:
    opener = Opener.load(tmp_path / "key")
    (tmp_path / "key").rename(tmp_path / "elsewhere")

    assert opener.open(Seal.load(tmp_path / "key").seal(b"labels", "x"), "x") == b"labels"
    assert not (tmp_path / "key").exists()


def test_the_private_half_is_its_owners_alone(tmp_path: Path) -> None:
    Opener.load(tmp_path / "key")

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", ["purpose", "cut", "bit", "empty"])
def test_what_was_changed_is_not_opened(tmp_path: Path, change: str) -> None:
    opener = Opener.load(tmp_path / "key")
    sealed = opener.seal(b"labels", "test-set:1")
    wrong = {
        "purpose": sealed,
        "cut": sealed[:-1],
        "bit": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "empty": b"",
    }[change]

    with pytest.raises(NotSealedForUs):
        opener.open(wrong, "test-set:2" if change == "purpose" else "test-set:1")


def test_another_key_does_not_open(tmp_path: Path) -> None:
    sealed = Seal.load(tmp_path / "one").seal(b"labels", "x")

    with pytest.raises(NotSealedForUs):
        Opener.load(tmp_path / "another").open(sealed, "x")
