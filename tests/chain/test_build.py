"""What is committed under contracts/build is made of the sources beside it."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.chain.builds import BUILD, CONTRACTS, ROOT, build, mutants

LIBRARY = ROOT / ".venv" / "contracts" / "node_modules"
SOURCES = sorted(CONTRACTS.rglob("*.sol"))
DEPLOYABLE_BYTES_MAX = 24_576


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_contract_is_built_from_its_source(source: Path) -> None:
    name = str(source.relative_to(CONTRACTS).with_suffix(""))
    content = build(name).content
    assert f"{name}.sol" in content["sources"]
    for path, written in content["sources"].items():
        if not path.startswith("@"):
            assert sha256(CONTRACTS / path) == written, "run `make contracts`"
        elif LIBRARY.exists():
            assert sha256(LIBRARY / path) == written, "run `make contracts`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_contract_is_built_by_the_compiler_of_the_lock_file(source: Path) -> None:
    content = build(str(source.relative_to(CONTRACTS).with_suffix(""))).content
    for path, written in content["made_by"].items():
        assert sha256(ROOT / path) == written, "run `make contracts`"
    lock = json.loads((ROOT / "requirements/contracts/package-lock.json").read_text())
    version = lock["packages"]["node_modules/solc"]["version"]
    assert content["compiler"].startswith(f"{version}+")
    assert f"pragma solidity {version};" in source.read_text()
    assert content["deployed_bytes"] <= DEPLOYABLE_BYTES_MAX


def test_nothing_is_built_that_has_no_source() -> None:
    built = {path.relative_to(BUILD).with_suffix("") for path in BUILD.rglob("*.json")}
    sources = {path.relative_to(CONTRACTS).with_suffix("") for path in SOURCES}
    assert built == sources | {Path("testing/mutants")}


def test_mutants_are_built_from_the_vault_of_today() -> None:
    vault = (CONTRACTS / "Vault.sol").read_text()
    listed = json.loads((CONTRACTS / "testing/mutants.json").read_text())
    built = json.loads((BUILD / "testing/mutants.json").read_text())
    assert [mutant["name"] for mutant in listed] == list(built) == list(mutants())
    for mutant in listed:
        assert vault.count(mutant["find"]) == 1
        source = vault.replace(mutant["find"], mutant["put"])
        written = built[mutant["name"]]["source"]
        assert hashlib.sha256(source.encode()).hexdigest() == written, "run `make contracts`"
    assert len({*mutants().values(), build("Vault").bytecode}) == len(listed) + 1


@pytest.mark.parametrize("folder", ["browser", "chain", "contracts"])
def test_a_lock_file_names_hashes_and_no_address(folder: str) -> None:
    path = ROOT / "requirements" / folder
    lock = json.loads((path / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)
    assert "omit-lockfile-registry-resolved=true" in (path / ".npmrc").read_text()
