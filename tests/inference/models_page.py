"""The page of what was tried: each model of the zoo, checked in the sandbox, and what is said.

python -m tests.inference.models_page docs/models.md
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dml.inference.kinds import INSTEAD
from dml.inference.runner import Refused, Sandbox
from dml.inference.spec import to_dict
from tests.inference import zoo
from tests.inference.models import IMAGE_SPEC
from tests.inference.zoo import Sample

HEAD: Final = """\
# Models that were tried

Each row is a small graph in the form in which exporters write such models, run through the guard
and its trial by `python -m tests.inference.models_page docs/models.md`, which writes this page. To
try your own file: `dml model check`.

A version of 2 is for devices whose agent knows
[version 2 of the input spec](decisions/0062-a-spec-has-a-version.md). It is set by itself.

## What runs

| model | input spec, where it matters | version |
| --- | --- | --- |
"""
REFUSED: Final = """
## What does not run, and what is said

A model of another kind is told what it is. What can be offered are models that give each photo a
probability for each of a list of labels.

| model | code | what is said |
| --- | --- | --- |
"""
PLAIN: Final = ("output", "version", "scale", "mean", "std")


def page(sandbox: Sandbox) -> str:
    """The page as it should be. AssertionError where a model is not treated as the zoo says."""
    return HEAD + "".join(_accepted(sandbox)) + REFUSED + "".join(_refused(sandbox))


def _accepted(sandbox: Sandbox) -> Iterator[str]:
    for name, sample in zoo.ACCEPTED.items():
        signature = sandbox.check(sample.model, sample.spec, sample.labels)
        version = max(signature.spec_version, sample.spec.version)
        assert version == sample.version, name
        yield f"| {name} | {_told(sample)} | {version} |\n"


def _refused(sandbox: Sandbox) -> Iterator[str]:
    for name, sample in zoo.REFUSED.items():
        try:
            sandbox.check(sample.model, sample.spec, sample.labels)
        except Refused as refused:
            code, detail = refused.reasons[0]
            assert code == sample.code, name
            told = detail.removesuffix(f" {INSTEAD}.").replace("|", "/")
            yield f"| {name} | `{code}` | {told} |\n"
        else:
            raise AssertionError(f"{name} was not refused")


def _told(sample: Sample) -> str:
    """The keys of the spec that differ from those of a plain one."""
    spec: Mapping[str, object] = to_dict(sample.spec)
    keys = [f"{key}: {spec[key]}" for key in spec if key not in PLAIN]
    told = [it for it in keys if it not in [f"{key}: {IMAGE_SPEC.get(key)}" for key in spec]]
    activation = sample.spec.output.activation
    return f"`{', '.join([*told, f'activation: {activation}'])}`"


def main() -> None:
    with Sandbox() as sandbox:
        Path(sys.argv[1]).write_text(page(sandbox))


if __name__ == "__main__":
    main()
