"""`dml device status`: what a device did and earned, and exactly what left it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from rich.console import Console as Terminal
from rich.table import Table

from dml.agent import journal
from dml.agent.console import left_out_of
from dml.agent.home import Home, Identity
from dml.agent.pictures import size_of
from dml.agent.refusals import Away, CannotRun, Refusal
from dml.agent.server import Server, Session

SECONDS: Final = 5.0
LEFT: Final = frozenset({"registered", "described", journal.RESULT})


def show(folder: Path, *, as_json: bool) -> int:
    """Print the status of the agent in this home. Return the exit code."""
    try:
        home = Home(folder.expanduser())
        status = _gather(home)
    except CannotRun as why:
        Terminal(stderr=True, soft_wrap=True).print(f"dml device: {why}", markup=False)
        return 1
    if as_json:
        print(json.dumps(status))  # noqa: T201 - its answer
    else:
        _print(status)
    return 0


def _gather(home: Home) -> dict[str, Any]:
    identity = home.identity()
    if identity is None:
        raise CannotRun(
            f"No device lives in {home.folder}. Pair one with "
            "`dml device run --data DIR --server URL --pair CODE`, or name its --home."
        )
    seen, reasons, left = Counter[str](), Counter[str](), list[dict[str, Any]]()
    last: dict[str, Any] = {}
    for record in journal.read(home.journal):
        seen[record["event"]] += 1
        if record["event"] == "counted":
            seen["photos"] += record["photos"]
            seen["skipped"] += record["skipped"]
            reasons.update(record.get("reasons", {}))
            last = record
        _follow(left, record)
    return {
        "device_id": identity.device_id,
        "name": identity.name,
        "home": str(home.folder),
        "server_url": identity.server,
        "server": _ask(home, identity),
        "journal": {
            "claimed": seen["claimed"],
            "accepted": seen["accepted"],
            "refused": seen["refused"],
            "lost": seen["lost"],
            "released": seen["released"],
            "photos": seen["photos"],
            "skipped": seen["skipped"],
            "reasons": dict(reasons.most_common()),
            # Of the last folder that was counted, and never told to anybody else.
            "left_out": left_out_of(last) if last else "",
            "not_read": last.get("not_read", {}),
            "named": last.get("named", {}),
        },
        "pictures": dict(zip(("kept", "bytes"), size_of(home.pictures), strict=True)),
        "left": left,
    }


def _ask(home: Home, identity: Identity) -> dict[str, Any]:
    """What the server has to tell; or why it tells nothing."""
    server = Server(identity.server)
    session = Session(server, identity.device_id, home.key())
    try:
        return {
            "device": session.ask("GET", "/v1/devices/self", seconds=SECONDS),
            "earnings": session.ask("GET", "/v1/devices/self/earnings", seconds=SECONDS),
            "work": session.ask("GET", "/v1/devices/self/work?limit=100", seconds=SECONDS)["items"],
            "error": None,
        }
    except (Away, Refusal, CannotRun) as error:
        return {"device": None, "earnings": None, "work": [], "error": str(error)}
    finally:
        server.close()


def _follow(left: list[dict[str, Any]], record: journal.Record) -> None:
    """Add what left the device, or what became of the result that left it last."""
    if record["event"] in LEFT:
        sent = {"at": record["at"], "what": record["event"], "body": record["body"]}
        if record["event"] == journal.RESULT:
            sent |= {"assignment_id": record["assignment_id"], "became": "pending"}
        left.append(sent)
    elif record["event"] in journal.VERDICTS:
        for sent in reversed(left):
            if sent.get("assignment_id") == record["assignment_id"]:
                sent["became"] = record["event"]
                break


def _print(status: dict[str, Any]) -> None:
    terminal = Terminal(highlight=False, markup=False)
    server, noted = status["server"], status["journal"]
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_row("device", f"{status['name']} ({status['device_id']})")
    facts.add_row("home", status["home"])
    facts.add_row("server", status["server_url"])
    if server["error"] is not None:
        facts.add_row("", f"{server['error']} What follows is this device's own journal.")
    else:
        paid, earned = server["earnings"]["results_paid"], server["earnings"]["earned"]
        facts.add_row("earned", f"{earned} for {paid} results")
    facts.add_row(
        "photos", f"{noted['photos']} looked at, {noted['skipped']} of them unreadable, in all runs"
    )
    for why, number in noted["reasons"].items():
        facts.add_row("", f"{number} unreadable: {why}")
    if noted["left_out"]:
        facts.add_row("", f"the last time it left out {noted['left_out']}")
    for name, why in noted["named"].items():
        facts.add_row("", f"{name} {why}")
    kept = status["pictures"]
    facts.add_row("pictures", f"{kept['kept']} reduced ones kept, {kept['bytes'] >> 20} MiB")
    facts.add_row(
        "results",
        f"{noted['accepted']} accepted, {noted['refused']} refused, {noted['lost']} too late, "
        f"{noted['released']} places given back",
    )
    terminal.print(facts)
    if server["work"]:
        work = Table("since", "job", "state", "earned", title="Work", title_justify="left")
        for it in server["work"]:
            earned = it["earned"] if it["paid"] else "not yet" if it["state"] == "accepted" else ""
            work.add_row(_moment(it["created_at"]), it["job_title"], it["state"], earned)
        terminal.print(work)
    left = Table("when", "what", "became", "the very body", show_lines=True)
    left.title, left.title_justify = "All that left this device", "left"
    for it in status["left"]:
        body = journal.encode(it["body"]).decode()
        left.add_row(_moment(it["at"]), it["what"], it.get("became", ""), body)
    terminal.print(left)


def _moment(text: str) -> str:
    """To the second, in UTC as it was sent."""
    return text[:19].replace("T", " ")
