"""`bounty.yaml`: a bounty as its owner writes it, and the same bounty as the API takes it.

Its keys are the API's own. Besides, prizes are a list of amounts, the first place first; dates may
be said from now on (`+3d`); and `test_set` and `attachments` name files beside the description.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from dml.refused import Refused

BYTES_MAX: Final = 1 << 20
DATES: Final = ("enrolls_at", "submits_at", "closes_at", "judged_by")
WHOLE_NUMBERS: Final = ("team_size_max",)
LIMITS: Final = ("per_day", "concurrent", "total")
TEXTS: Final = (
    "name",
    "organisation",
    "subtitle",
    "description",
    "data",
    "evaluation",
    "rules",
    "judging",
    "metric",
    "ties",
    "enrollment_fee",
)
KEYS: Final = (
    *TEXTS,
    "tags",
    "prizes",
    *WHOLE_NUMBERS,
    "limits",
    *DATES,
    "dispute_window",
    "test_set",
    "attachments",
)
MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".onnx": "application/onnx",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
OTHER: Final = "application/octet-stream"
_FROM_NOW: Final = re.compile(r"\+(\d{1,6})([smhd])", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d(?!\d)", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_WHOLE: Final = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class TestSetFile:
    __test__ = False  # pytest: this is no test.

    file: Path
    id_column: str
    target_column: str


@dataclass(frozen=True, slots=True)
class AttachedFile:
    file: Path
    kind: str


@dataclass(frozen=True, slots=True)
class Description:
    """What one file says: the body for the API, and what is uploaded beside it."""

    body: dict[str, Any]
    test_set: TestSetFile | None
    attachments: list[AttachedFile]


class _Loader(yaml.BaseLoader):
    """Makes texts, lists and mappings alone: others make a float of 12.10, a bool of NO."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(made) < len(node.value):
            raise yaml.MarkedYAMLError(problem="a key is there twice", problem_mark=node.start_mark)
        return made


def media_type(file: Path) -> str:
    """Tell a file's type by its name."""
    return MEDIA_TYPES.get(file.suffix.lower(), OTHER)


def read(path: Path, now: datetime) -> Description:
    """Read a description; Refused where it is none, with the line or the key that is wrong."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise Refused(f"{path} has more than {BYTES_MAX} bytes")
        said = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise Refused(f"cannot read {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"{path} is no YAML: {error}") from error
    if not isinstance(said, dict):
        raise Refused(f"{path} must hold keys and values, such as `name: …`")
    _require_known(path, said, KEYS)
    try:
        return _understand(path, said, now)
    except _Wrong as wrong:
        raise Refused(f"{path}: {wrong}") from wrong


def write(bounty: Mapping[str, Any], test_set: Mapping[str, Any] | None) -> str:
    """Write a bounty of the API as a description that `read` understands."""
    said: dict[str, Any] = {key: bounty[key] for key in TEXTS if bounty.get(key) is not None}
    said["tags"] = list(bounty["tags"])
    said["prizes"] = [it["amount"] for it in sorted(bounty["prizes"], key=lambda it: it["place"])]
    said |= {key: bounty[key] for key in (*WHOLE_NUMBERS, "limits", *DATES)}
    said["dispute_window"] = f"{bounty['dispute_seconds']}s"
    if test_set is not None:
        suffix = "csv" if test_set["format"] == "csv" else "parquet"
        columns = {key: test_set[key] for key in ("id_column", "target_column")}
        said["test_set"] = {"file": f"test-set.{suffix}", **columns}
    if attached := bounty.get("attachments"):
        said["attachments"] = [{"file": it["name"], "kind": it["kind"]} for it in attached]
    text: str = yaml.dump(said, sort_keys=False, allow_unicode=True, Dumper=_Dumper, width=90)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as a block, for people."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


class _Wrong(Exception):
    """A key whose value cannot be."""


def _understand(path: Path, said: Mapping[str, Any], now: datetime) -> Description:
    body: dict[str, Any] = {key: _text(key, said[key]) for key in TEXTS if key in said}
    if "tags" in said:
        body["tags"] = [_text("tags", it) for it in _list("tags", said["tags"])]
    if "prizes" in said:
        amounts = [_text("prizes", it) for it in _list("prizes", said["prizes"])]
        body["prizes"] = [
            {"place": place, "amount": amount} for place, amount in enumerate(amounts, start=1)
        ]
    for key in WHOLE_NUMBERS:
        if key in said:
            body[key] = _whole(key, said[key])
    if "limits" in said:
        limits = _mapping(path, "limits", said["limits"], LIMITS)
        body["limits"] = {key: _whole(f"limits.{key}", it) for key, it in limits.items()}
    body |= {key: _moment(key, said[key], now) for key in DATES if key in said}
    if "dispute_window" in said:
        body["dispute_seconds"] = _seconds("dispute_window", "+" + str(said["dispute_window"]))
    attached = _list("attachments", said.get("attachments", []))
    return Description(
        body,
        _test_set(path, said["test_set"]) if "test_set" in said else None,
        [_attached(path, it) for it in attached],
    )


def _test_set(path: Path, said: Any) -> TestSetFile:
    it = _mapping(path, "test_set", said, ("file", "id_column", "target_column"))
    return TestSetFile(
        path.parent / _text("test_set.file", it.get("file")),
        _text("test_set.id_column", it.get("id_column", "id")),
        _text("test_set.target_column", it.get("target_column", "target")),
    )


def _attached(path: Path, said: Any) -> AttachedFile:
    it = _mapping(path, "attachments", said, ("file", "kind"))
    file = path.parent / _text("attachments.file", it.get("file"))
    return AttachedFile(file, _text("attachments.kind", it.get("kind", "data")))


def _require_known(path: Path, said: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in said:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            hint = f"do you mean `{near[0]}`?" if near else f"there are {', '.join(keys)}"
            raise Refused(f"{path}: `{key}` is no key of a bounty: {hint}")


def _mapping(path: Path, key: str, said: Any, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise _Wrong(f"`{key}` must have the keys {', '.join(keys)}")
    _require_known(path, said, keys)
    return said


def _text(key: str, said: Any) -> str:
    if not isinstance(said, str) or not said.strip():
        raise _Wrong(f"`{key}` must be a text")
    return said.strip()


def _list(key: str, said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise _Wrong(f"`{key}` must be a list")
    return said


def _whole(key: str, said: Any) -> int:
    if not isinstance(said, str) or not _WHOLE.fullmatch(said):
        raise _Wrong(f"`{key}` must be a whole number, such as 3")
    return int(said)


def _seconds(key: str, said: str) -> int:
    found = _FROM_NOW.fullmatch(said)
    if found is None:
        raise _Wrong(f"`{key}` must be a span of time, such as 90s, 30m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _moment(key: str, said: Any, now: datetime) -> str:
    text = _text(key, said)
    if text.startswith("+"):
        return (now + timedelta(seconds=_seconds(key, text))).isoformat()
    found = _MOMENT.fullmatch(text)
    try:
        moment = datetime.fromisoformat(text) if found else None
    except ValueError:
        moment = None
    if moment is None:
        day = text[:10] if _DAY.match(text) else "2027-01-31"
        raise _Wrong(
            f"`{key}` must be a date with a time and its zone, such as {day}T12:00:00Z or "
            f"{day}T12:00:00+01:00, or a span from now on, such as +3d"
        )
    return moment.isoformat()
