"""Publishing a model: an algorithm, a version of it, its check, and its way to a moderator."""

import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from dml.client.http import one_line
from dml.client.marketplace import Marketplace
from dml.refused import Refused
from dml.tool import about, common, uploading
from dml.tool.about import About

LOOK_SECONDS: Final = 0.5
EDITABLE: Final = ("title", "summary", "model_card", "device_fee", "tags")
FOR_GOOD: Final = ("labels", "data_kind")
NEEDED: Final = ("title", "summary", "device_fee")


def publish(
    market: Marketplace,
    file: Path,
    described: Path | None,
    *,
    into: str | None,
    wait_seconds: float,
) -> dict[str, Any]:
    """Upload a model, wait for its check, submit it: the version. Refused where it fails."""
    told = about.read(file, described)
    said = common.console(to_stderr=True)
    path = _algorithm(market, told, into)
    said.print(f"Uploading {one_line(file.name)} ({len(told.model) / 1e3:,.0f} kB) …")
    version = uploading.upload(market, path, told, file)
    at = f"{path}/versions/{version['id']}"
    version = _checked(market, at, wait_seconds)
    if version["state"] == "refused":
        reasons = "; ".join(f"{it['code']}: {it['detail']}" for it in version["refusals"])
        raise Refused(f"version {version['number']} was refused: {one_line(reasons)}")
    if version["state"] == "checked":
        version = market.ask("POST", f"{at}/submit")
    said.print(
        f"Version {version['number']} of {one_line(str(told.fields.get('title', into)))} is "
        f"{version['state'].replace('_', ' ')}. `dml model status` tells how far it is."
    )
    found: dict[str, Any] = version
    return found


def _algorithm(market: Marketplace, told: About, into: str | None) -> str:
    """The path of the algorithm that gets the version: named, of the same title, or new."""
    mine = list(market.all_of("/v1/algorithms", mine="true"))
    title = str(told.fields.get("title", ""))
    if into is not None:
        found = common.find_id(mine, into, title="title", what="algorithm")
        return _known(market, told, found)
    same = [it for it in mine if it["title"] == title and it["state"] != "archived"]
    if same:
        return _known(market, told, str(same[0]["id"]))
    if missing := [name for name in NEEDED if not told.fields.get(name)]:
        raise Refused(
            f"say in {about.FILE} beside the model what it is: {', '.join(missing)} "
            "(see `dml model check --help`)"
        )
    body = {
        "model_card": f"# {title}",
        "data_kind": "photo",
        **told.fields,
        "device_fee": str(told.fields["device_fee"]),
        "kind": "image",
        "labels": told.labels,
    }
    return common.path_of("algorithms", str(market.ask("POST", "/v1/algorithms", json=body)["id"]))


def _known(market: Marketplace, told: About, algorithm_id: str) -> str:
    """The path of an algorithm that is there. Says what is told of it otherwise than before."""
    path = common.path_of("algorithms", algorithm_id)
    found = market.ask("GET", path)
    differs = [
        name
        for name in (*EDITABLE, *FOR_GOOD)
        if name in told.fields and _differ(name, told.fields[name], found[name])
    ]
    said = common.console(to_stderr=True)
    if edited := [name for name in differs if name in EDITABLE]:
        said.print(
            f"The description differs from the marketplace in: {', '.join(edited)}. Publishing a "
            "version changes none of that: use `dml model edit`."
        )
    if kept := [name for name in differs if name in FOR_GOOD]:
        said.print(
            f"The description differs from the marketplace in: {', '.join(kept)}. That never "
            "changes: publish under a new title."
        )
    return path


def _differ(name: str, here: Any, there: Any) -> bool:
    """Compare a field. The fee `0.10` is `0.1`, and spaces around a text do not count."""
    if isinstance(here, list):
        return bool([str(it).strip() for it in here] != there)
    text = str(here).strip()
    if name != "device_fee":
        return bool(text != there)
    try:
        return bool(Decimal(text) != Decimal(there))
    except InvalidOperation:
        return True


def _checked(market: Marketplace, path: str, wait_seconds: float) -> dict[str, Any]:
    give_up_at = time.monotonic() + wait_seconds
    while True:
        version: dict[str, Any] = market.ask("GET", path)
        if version["state"] != "uploaded":
            return version
        if time.monotonic() > give_up_at:
            raise Refused("its check takes long: see `dml model status` later")
        time.sleep(LOOK_SECONDS)
