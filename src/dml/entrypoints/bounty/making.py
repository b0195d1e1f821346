"""What an owner does: a bounty from its description, and back."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from dml.client.http import one_line
from dml.client.marketplace import Marketplace, bounty_path, readable
from dml.entrypoints.bounty import description
from dml.entrypoints.bounty.description import Description
from dml.refused import Refused

CHECK_SECONDS: Final = 600
LOOK_SECONDS: Final = 0.2
ATTACHMENT_BYTES_MAX: Final = 1 << 30
DESCRIPTION: Final = "bounty.yaml"


def create(
    market: Marketplace, file: Path, *, into: str | None, fund: bool, opens: bool, console: Console
) -> str:
    """Make a draft of a description, or bring one up to date; fund and open it where asked.

    Return its id. Where a later step is refused the draft stays, to be gone on with by `into`.
    """
    said = description.read(file, datetime.now(UTC))
    _require_files(said)
    if into is None:
        bounty = market.ask("POST", "/v1/bounties", json=said.body)
        console.print(f"Draft {bounty['id']}")
    else:
        bounty = market.ask("PATCH", bounty_path(into), json=said.body)
    bounty_id = str(bounty["id"])
    try:
        _upload(market, bounty_id, said, console)
        if fund or opens:
            funded = market.ask("POST", f"{bounty_path(bounty_id)}/fund")
            console.print(f"Funded: {funded['prize_pool']} tokens are in escrow")
        if opens:
            opened = market.ask("POST", f"{bounty_path(bounty_id)}/open")
            console.print(f"Open for enrollment until {opened['submits_at']}")
    except Refused as refusal:
        options = " --open" if opens else " --fund" if fund else ""
        hint = f"go on with: dml bounty create {readable(file)} --into {bounty_id}{options}"
        raise Refused(f"{refusal}\n     The draft stays; mend that, and {hint}") from refusal
    return bounty_id


def _require_files(said: Description) -> None:
    """Refuse, before anything is made, a description whose files cannot be read."""
    named = [it.file for it in said.attachments]
    for file in [said.test_set.file, *named] if said.test_set else named:
        try:
            file.open("rb").close()
        except OSError as error:
            raise Refused(f"cannot read {readable(file)} ({error.strerror})") from error


def export(market: Marketplace, bounty_id: str, folder: Path | None) -> str:
    """Return the description of a bounty; into a folder, with the files that are attached."""
    path = bounty_path(bounty_id)
    bounty = dict(market.ask("GET", path))
    bounty["attachments"] = market.ask("GET", f"{path}/attachments")["items"]
    test_set = _test_set(market, bounty)
    text = description.write(bounty, test_set)
    if folder is not None:
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / DESCRIPTION).write_text(text, encoding="utf-8")
        _download(market, bounty["attachments"], folder)
    return text


def download(market: Marketplace, bounty_id: str, folder: Path) -> list[Path]:
    """Write the files that are attached to a bounty into a folder."""
    attached = market.ask("GET", f"{bounty_path(bounty_id)}/attachments")["items"]
    return _download(market, attached, folder)


def _download(
    market: Marketplace, attached: Sequence[Mapping[str, Any]], folder: Path
) -> list[Path]:
    files = {it["url"]: folder / _file_name(it["name"]) for it in attached}
    for url, file in files.items():
        content = market.bytes_of(url, limit=ATTACHMENT_BYTES_MAX)
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return list(files.values())


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = readable(error.filename or folder)
        raise Refused(f"cannot write {where} ({error.strerror})") from error


def _file_name(attached: str) -> str:
    """The name of an attached file, beside the description; Refused where it leads elsewhere."""
    name = Path(attached).name
    if not name or name == DESCRIPTION or not name.isprintable():
        raise Refused(f"a file is attached that can't be written: {one_line(attached)!r}")
    return name


def _test_set(market: Marketplace, bounty: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the owner may know of the test set; nobody gets its file back."""
    if bounty["judging"] != "metric":
        return None
    try:
        found: Mapping[str, Any] = market.ask("GET", f"{bounty_path(bounty['id'])}/test-set")
    except Refused:  # There is none yet, or it is somebody else's bounty.
        return None
    return found


def _upload(market: Marketplace, bounty_id: str, said: Description, console: Console) -> None:
    path = bounty_path(bounty_id)
    attached = market.ask("GET", f"{path}/attachments")["items"]
    there = {(it["kind"], it["name"]) for it in attached}
    for it in said.attachments:
        if (it.kind, readable(it.file.name)) not in there:
            query = {"kind": it.kind, "name": readable(it.file.name)}
            media_type = description.media_type(it.file)
            market.upload("POST", f"{path}/attachments", it.file, media_type, params=query)
            console.print(f"Attached {readable(it.file.name)}")
    if said.test_set is not None:
        media_type = description.media_type(said.test_set.file)
        columns = {
            "id_column": said.test_set.id_column,
            "target_column": said.test_set.target_column,
        }
        market.upload("PUT", f"{path}/test-set", said.test_set.file, media_type, params=columns)
        _await_check(market, f"{path}/test-set", console)


def _await_check(market: Marketplace, path: str, console: Console) -> None:
    give_up_at = time.monotonic() + CHECK_SECONDS
    with console.status("The test set is being checked …"):
        while (test_set := market.ask("GET", path))["state"] == "uploaded":
            if time.monotonic() > give_up_at:
                raise Refused(
                    f"the test set was not checked after {CHECK_SECONDS} s: is a worker up?"
                )
            time.sleep(LOOK_SECONDS)
    if test_set["state"] != "checked":
        problems = "\n     ".join(one_line(str(it["detail"])) for it in test_set["refusals"])
        raise Refused(f"the test set was refused:\n     {problems}")
    console.print(
        f"The test set is checked: {test_set['rows']} rows, {test_set['public_rows']} public"
    )
