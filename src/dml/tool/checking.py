"""Checking a model as the marketplace will: the same guard, the same sandbox, on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from dml.client.http import one_line
from dml.inference import photo_files, spec
from dml.inference.images import Unreadable, prepare
from dml.inference.runner import Refused as ModelRefused, Sandbox, SandboxFailed, Unsafe
from dml.inference.signature import MODEL_BYTES_MAX
from dml.inference.spec import InputSpec
from dml.refused import Refused
from dml.tool import about, passports
from dml.tool.about import About

Label = tuple[str, str, float]  # A photo's name, its best label, and that label's probability.
__all__ = ["MODEL_BYTES_MAX", "Findings", "check", "labelled", "run"]
SECONDS: Final = 30.0  # That a check takes at most on the marketplace.


@dataclass(frozen=True, slots=True)
class Findings:
    """What the check found. `photos`: each with its best label and that label's probability."""

    told: About
    reasons: list[tuple[str, str]]
    signature: dict[str, Any] = field(default_factory=dict)
    photos: list[Label] = field(default_factory=list)
    passport: dict[str, Any] | None = None

    @property
    def passes(self) -> bool:
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        return {
            "passes": self.passes,
            "refusals": [{"code": code, "detail": detail} for code, detail in self.reasons],
            "signature": self.signature,
            "passport": self.passport,
            "input_spec": spec.to_dict(self.told.spec),
            "proposed": list(self.told.proposed),
            "labels": self.told.labels,
            "photos": labelled(self.photos),
        }

    def as_text(self) -> str:
        lines = ["Its file would pass the check." if self.passes else "It would be refused:"]
        lines += [f"  {code}: {detail}" for code, detail in self.reasons]
        if self.told.proposed:
            lines += ["", f"Proposed from the graph: {', '.join(self.told.proposed)}."]
        lines += ["The input spec:", ""]
        shown = yaml.safe_dump(spec.to_dict(self.told.spec), sort_keys=False)
        lines += [f"  {line}" for line in shown.splitlines()]
        if self.passport is not None:
            lines += ["", "What running it takes here:", ""]
            lines += [f"  {name}: {value}" for name, value in passports.lines(self.passport)]
        if self.photos:
            lines += ["", "On your photos:"]
            width = max(len(file) for file, _, _ in self.photos)
            lines += [
                f"  {file:{width}}  {label}  {share:.1%}" for file, label, share in self.photos
            ]
        return "\n".join(lines)


def labelled(photos: list[Label]) -> list[dict[str, Any]]:
    """Photos with their best labels, as JSON."""
    return [
        {"file": file, "label": label, "probability": round(share, 6)}
        for file, label, share in photos
    ]


def check(file: Path, described: Path | None, photos: list[Path]) -> Findings:
    """Check a model, and run it on photos. Refused where this machine can't."""
    told = about.read(file, described)
    try:
        with Sandbox() as sandbox:
            try:
                found, passport = sandbox.examine(
                    told.model, told.spec, len(told.labels), seconds=SECONDS
                )
            except ModelRefused as refused:
                return Findings(told, [(it.code, it.detail) for it in refused.reasons])
            # What an agent must know is known from here on, as it is on the marketplace.
            version = max(told.spec.version, found.spec_version)
            told = replace(told, spec=replace(told.spec, version=version))
            shown = _run(sandbox, told.model, told.spec, told.labels, photos) if photos else []
    except (Unsafe, SandboxFailed) as error:
        raise Refused(f"models can't be run here: {error}") from None
    measured = None if passport is None else passport.to_dict()
    return Findings(told, [], found.to_dict(), shown, measured)


def run(model: bytes, version: Mapping[str, Any], photos: list[Path]) -> list[Label]:
    """Run somebody's version on photos: each with its best label and that label's probability."""
    labels = [str(it) for it in version["labels"]]
    try:
        with Sandbox() as sandbox:
            return _run(sandbox, model, spec.read(version["input_spec"]), labels, photos)
    except ModelRefused as refused:
        raise Refused(f"the model failed: {refused}") from None
    except (Unsafe, SandboxFailed) as error:
        raise Refused(f"models can't be run here: {error}") from None


def _run(
    sandbox: Sandbox, model: bytes, how: InputSpec, labels: list[str], photos: list[Path]
) -> list[Label]:
    items = [prepare(_read(photo, how), how) for photo in photos]
    places, shares = sandbox.predict(model, how, np.stack(items), len(labels))
    return [
        (one_line(photo.name), one_line(labels[place]), float(share))
        for photo, place, share in zip(photos, places, shares, strict=True)
    ]


def _read(photo: Path, how: InputSpec) -> Any:
    try:
        return photo_files.read_photo(photo, datetime.now().astimezone().date(), how).image
    except (Unreadable, OSError) as error:
        raise Refused(f"{one_line(photo.name)} can't be read: {error}") from None
