"""`bounty.yaml`: what a person writes is what the API gets, and what is wrong is named."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dml.entrypoints.bounty import description
from dml.refused import Refused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = """
name: Is it malignant?
organisation: NO
description: |
  First line.
  Second line.
tags: [medicine, 1.10]
judging: metric
metric: roc_auc.v1
prizes: ["60", 12.10, 10]
limits: {per_day: 5}
enrolls_at: +1h
submits_at: +7d
closes_at: 2027-03-01T12:00:00Z
judged_by: 2027-03-02T00:00:00Z
dispute_window: 90s
test_set: {file: test.csv, target_column: malignant}
attachments: [{file: train.csv}, {file: cover.png, kind: cover}]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "bounty.yaml"
    path.write_text(text)
    return path


def test_what_is_written_is_what_the_api_gets(tmp_path: Path) -> None:
    said = description.read(write(tmp_path, WHOLE), NOW)

    assert said.body == {
        "name": "Is it malignant?",
        "organisation": "NO",
        "description": "First line.\nSecond line.",
        "tags": ["medicine", "1.10"],
        "judging": "metric",
        "metric": "roc_auc.v1",
        "prizes": [
            {"place": 1, "amount": "60"},
            {"place": 2, "amount": "12.10"},
            {"place": 3, "amount": "10"},
        ],
        "limits": {"per_day": 5},
        "enrolls_at": "2026-01-01T01:00:00+00:00",
        "submits_at": "2026-01-08T00:00:00+00:00",
        "closes_at": "2027-03-01T12:00:00+00:00",
        "judged_by": "2027-03-02T00:00:00+00:00",
        "dispute_seconds": 90,
    }
    assert said.test_set is not None
    assert said.test_set.file == tmp_path / "test.csv"
    assert (said.test_set.id_column, said.test_set.target_column) == ("id", "malignant")
    assert [(it.file.name, it.kind) for it in said.attachments] == [
        ("train.csv", "data"),
        ("cover.png", "cover"),
    ]


def test_what_was_exported_can_be_read_again(tmp_path: Path) -> None:
    bounty: dict[str, Any] = {
        **description.read(write(tmp_path, WHOLE), NOW).body,
        "team_size_max": 1,
        "limits": {"per_day": 5, "concurrent": 3, "total": 100},
        "attachments": [{"name": "train.csv", "kind": "data"}],
    }
    facts = {"format": "csv", "id_column": "id", "target_column": "malignant"}

    text = description.write(bounty, facts)
    again = description.read(write(tmp_path, text), NOW)

    assert again.body == {key: it for key, it in bounty.items() if key != "attachments"}
    assert again.test_set is not None
    assert again.test_set.target_column == "malignant"
    assert "description: |" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nam: x", "do you mean `name`?"),
        ("zzz: x", "is no key of a bounty"),
        ("- name", "must hold keys and values"),
        ("name: [a", "is no YAML"),
        ("name: [a]", "`name` must be a text"),
        ("prizes: 5", "`prizes` must be a list"),
        ("prizes: [[5]]", "`prizes` must be a text"),
        ("limits: {per_day: 5.5}", "`limits.per_day` must be a whole number"),
        ("limits: {day: 5}", "do you mean `per_day`?"),
        ("team_size_max: x", "`team_size_max` must be a whole number"),
        ("enrolls_at: tomorrow", "`enrolls_at` must be a date"),
        ("enrolls_at: 2027-03-01", "such as 2027-03-01T12:00:00Z"),
        ("enrolls_at: 2027-03-01T18:00", "a date with a time and its zone"),
        ("enrolls_at: 2027-03-01 18:00:00", "a date with a time and its zone"),
        ("enrolls_at: 1800000000", "a date with a time and its zone"),
        ("enrolls_at: 20270301T180000Z", "a date with a time and its zone"),
        ("enrolls_at: 2027-13-01T18:00:00Z", "a date with a time and its zone"),
        ("enrolls_at: [2027-03-01T18:00:00Z]", "must be a text"),
        ("enrolls_at: +٣d", "must be a span of time"),
        ("team_size_max: 2.0", "must be a whole number"),
        ("team_size_max: true", "must be a whole number"),
        ("team_size_max: 010", "must be a whole number"),
        ("name: a\nname: b", "a key is there twice"),
        ("limits: {per_day: 1, per_day: 2}", "a key is there twice"),
        ("enrolls_at: +3y", "must be a span of time"),
        ("dispute_window: long", "must be a span of time"),
        ("test_set: test.csv", "`test_set` must have the keys"),
        ("test_set: {fil: test.csv}", "do you mean `file`?"),
        ("test_set: {id_column: id}", "`test_set.file` must be a text"),
        ("attachments: [train.csv]", "`attachments` must have the keys"),
        ("x: &a [*a]", "is no YAML"),
        ("name: !!python/object/apply:os.system [ls]", "`name` must be a text"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Refused, match=r"bounty\.yaml") as refused:
        description.read(write(tmp_path, text), NOW)
    assert told in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot read"):
        description.read(tmp_path / "nothing.yaml", NOW)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(Refused, match="is no YAML"):
        description.read(tmp_path / "latin.yaml", NOW)
    (tmp_path / "large.yaml").write_bytes(b"#" * (description.BYTES_MAX + 1))
    with pytest.raises(Refused, match="more than"):
        description.read(tmp_path / "large.yaml", NOW)
