"""`dml account export` and `erase`: your own data, in one file, or gone."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, Yes, confirm, console, show_json, signed_in
from dml.tool.passwords import ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

_PATH: Final = "/v1/users/me/exports"
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)  # Seconds; the last one again and again.
SIZE_MAX: Final = 4 * 2**30


def export(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("my-data.zip"),
    wait: Annotated[int, typer.Option(min=1, help="Seconds to wait for it at most.")] = 600,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Download all that is kept of you, as a ZIP of JSON files.

    It is made when you ask, which may take a while. One that was made within the week is downloaded
    as it is, where you have asked too often today.
    """
    if file.exists():
        raise Refused(f"{file} is there already: name another file")
    with signed_in(server) as market:
        made = _made(market, wait)
        content = market.bytes_of(f"{_PATH}/{made['id']}/file", limit=SIZE_MAX)
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(content)
    if as_json:
        show_json({**made, "file": str(file)})
        return
    console(to_stderr=True).print(f"Wrote {file}: {len(content):,} bytes, for your eyes alone.")


def erase(server: Server = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Erase your account, and all that names you. It cannot be undone.

    Asks for your password, or reads `DML_PASSWORD`. Where tokens, jobs or bounties are in the
    way, it says which, and does nothing.
    """
    from dml.client.marketplace import ApiRefused

    with signed_in(server) as market:
        confirm("Erase your account for good?", yes=yes)
        proof = ask_proof(market)
        try:
            market.ask("POST", "/v1/users/me/erase", json={"proof": proof})
        except ApiRefused as refusal:
            if refusal.code != "accounts.erasure_blocked":
                raise
            raise Refused(_in_the_way(refusal.facts)) from None
    if as_json:
        show_json({"erased": True})
        return
    console(to_stderr=True).print("Your account is erased.")


def _made(market: "Marketplace", wait_seconds: int) -> dict[str, Any]:
    """Ask for an export, or take the one that there is; and wait until it is ready."""
    from dml.client.marketplace import ApiRefused

    try:
        made = market.ask("POST", _PATH)
    except ApiRefused as refusal:
        if refusal.code not in ("accounts.export_under_way", "accounts.too_many_exports"):
            raise
        made = next(it for it in market.ask("GET", _PATH)["items"] if it["state"] != "failed")
    pauses, until = list(_PAUSES), time.monotonic() + wait_seconds
    while made["state"] == "preparing":
        if time.monotonic() > until:
            raise Refused("it is not ready yet: a mail will tell when it is; type this again then")
        time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])
        made = market.ask("GET", f"{_PATH}/{made['id']}")
    if made["state"] == "failed":
        raise Refused("the marketplace could not make it: try again later")
    found: dict[str, Any] = made
    return found


def _in_the_way(facts: dict[str, Any]) -> str:
    lines = [f"- {it['reason']} {it['remedy']}" for it in facts["blockers"]]
    return "\n".join(["your account cannot be erased yet:", *lines])
