"""Whatever a package has that must be known elsewhere is named in its manifest."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dml.core.domain import Domain
from dml.entrypoints import domains

SRC = Path(__file__).parent.parent / "src" / "dml"
# They bring nothing to others.
AT_EDGES = {"tool", "agent", "client", "inference", "scoring", "sim"}
PACKAGES = {it.name for it in SRC.iterdir() if (it / "__init__.py").exists()} - AT_EDGES
KINDS = sorted(Domain.__dataclass_fields__.keys() - {"package"})
CLEANERS = {"forget_expired", "forget_old", "end_restored"}
SQL = {"NAMED_BLOBS": "named_files", "KEPT_FILES": "kept_files"}


def test_every_package_is_known() -> None:
    """Where this fails: write a `manifest.py`, and name it among `entrypoints.domains.DOMAINS`."""
    assert {it.package for it in domains.DOMAINS} == {f"dml.{it}" for it in PACKAGES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("domain", domains.DOMAINS, ids=lambda it: it.package)
def test_a_manifest_names_all_that_its_package_has(domain: Domain, kind: str) -> None:
    """Where this fails: the package has what its `manifest.py` does not name, or no more has."""
    named = getattr(domain, kind)
    assert set(named) == {name for its, name in _found(domain) if its == kind}
    assert all(domain.load(named))


def _found(domain: Domain) -> Iterator[tuple[str, str]]:
    folder = SRC / domain.package.removeprefix("dml.")
    for file in sorted(folder.rglob("*.py")):
        module = ".".join(file.relative_to(folder).with_suffix("").parts)
        for node in ast.parse(file.read_text()).body:
            if kind := _kind(module, node):
                yield kind, module
            elif named := _named(module, node):
                yield named[0], f"{module}:{named[1]}"


def _kind(module: str, node: ast.stmt) -> str | None:
    """Say what importing this module brings, by one of its statements."""
    if isinstance(node, ast.ClassDef) and [ast.unparse(it) for it in node.bases] == ["Base"]:
        return "tables"
    if isinstance(node, ast.ClassDef) and any(it.arg == "kind" for it in node.keywords):
        return "events"
    decorators = node.decorator_list if isinstance(node, ast.AsyncFunctionDef) else []
    if any(ast.unparse(it).startswith(("process(", "on(")) for it in decorators):
        return "processes"
    if any(ast.unparse(it).startswith("checked_by(") for it in decorators):
        return "proofs"
    return None


def _named(module: str, node: ast.stmt) -> tuple[str, str] | None:
    """Say what this statement defines, and under which name."""
    if isinstance(node, ast.AsyncFunctionDef) and node.name in CLEANERS:
        return "cleaners", node.name
    if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("APIRouter("):
        return "routers", ast.unparse(node.targets[0])
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        if node.target.id in SQL:
            return SQL[node.target.id], node.target.id
        if (module, node.target.id) == ("doctor", "CHECKS"):
            return "checks", "CHECKS"
        if node.target.id == "NOTICES":
            return "notices", "NOTICES"
        if node.target.id == "GRAPH":
            return "graphs", "GRAPH"
        if node.target.id == "PERSONAL":
            return "personal", "PERSONAL"
    return None
