"""The bounty: a hospital asks, eleven people answer, of whom one guesses and one copies."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from demo import command
from demo.cast import Cast
from demo.children import Failed
from demo.contest_outcome import CHANCE, GUESSER, Contest
from demo.people import Customer
from demo.place import Place
from demo.purse import Purse
from demo.screen import Screen
from demo.together import together

POOL: Final = Decimal(100)
FEE: Final = Decimal(1)
WAIT_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.1
UNDER_WAY: Final = ("validating", "queued", "evaluating")


async def hold(
    cast: Cast, purse: Purse, url: str, place: Place, seed: int, screen: Screen
) -> Contest:
    """The whole contest, from a test set that nobody sees to prizes in wallets."""
    from demo import cells  # noqa: PLC0415 - scikit-learn, as in `made.py`: it takes a second

    began = time.monotonic()
    folder = place.folder / "bounty"
    preparing = asyncio.create_task(asyncio.to_thread(cells.prepare, folder, seed))
    owner = await Customer.join(cast.admin.client, "hospital")
    await purse.deposit(owner, POOL)
    entries = await preparing
    path = f"/v1/bounties/{await _create(owner, url, folder, place)}"
    screen.say("A hospital puts 100 tokens into escrow for a bounty; its test set is sealed")

    people = dict(await together(_enter(cast, purse, path, it.name) for it in entries))
    await owner.ask("POST", f"{path}/start")
    honest, copied = entries[:-1], entries[-1]
    for sending in (honest, [copied]):  # Who copies comes late.
        await together(_send(people[it.name], path, it.files, it.media_type) for it in sending)
    public = await _board(owner, path)
    guesser = next(row for row in public if row["name"] == GUESSER)
    screen.say(f"{len(people)} people sent {sum(len(it.files) for it in entries)} entries")

    await owner.ask("POST", f"{path}/close")
    flagged = await _moderate(cast, owner, path)
    bounty = await _await_state(owner, path, "finished")
    screen.say("The private part has ranked them; the prizes have left escrow")
    verified, checks = await _verify(url, path.rpartition("/")[2], place)
    return Contest(
        seconds=round(time.monotonic() - began, 2),
        board=await _board(owner, path),
        state=bounty["state"],
        pool=POOL,
        fee=FEE,
        earned=dict(await together(_earned(*it) for it in people.items())),
        owner_spent=POOL - await owner.balance(),
        escrow_left=Decimal((await cast.admin.books())["escrows"]),
        verified=verified,
        checks=checks,
        random_gain=guesser["score"] - CHANCE,
        copies_flagged=flagged,
        url=f"{url}/bounties/{path.rpartition('/')[2]}",
    )


async def _create(owner: Customer, url: str, folder: Path, place: Place) -> str:
    """Let the owner's command line do it. Answers the bounty's id."""
    shown = await _run(
        ["bounty", "create", str(folder / "bounty.yaml"), "--open"],
        place.logs / "bounty-create.log",
        url,
        owner,
    )
    return shown.splitlines()[-1]


async def _verify(url: str, bounty_id: str, place: Place) -> tuple[bool, int]:
    """Let a stranger check all of it, who has no account."""
    log = place.logs / "bounty-verify.log"
    shown = await _run(["bounty", "verify", bounty_id, "--json"], log, url)
    verdict = json.loads(shown.splitlines()[-1])
    return verdict["verified"], len(verdict["checks"])


async def _run(
    arguments: Sequence[str], log: Path, url: str, person: Customer | None = None
) -> str:
    """Run a command to its end, as somebody or as nobody. Answers what it showed."""
    return await command.run(
        arguments,
        log,
        DML_SERVER=url,
        DML_EMAIL=person.email if person else "",
        DML_PASSWORD=person.password if person else "",
    )


async def _enter(cast: Cast, purse: Purse, path: str, name: str) -> tuple[str, Customer]:
    person = await Customer.join(cast.admin.client, f"entrant-{name}")
    await purse.deposit(person, FEE)
    await person.ask("POST", f"{path}/enrollments", {"accept_rules": True, "name": name})
    return name, person


async def _send(person: Customer, path: str, files: Sequence[bytes], media_type: str) -> None:
    """Send one file after the other, and wait for each one's score."""
    for number, content in enumerate(files, 1):
        made = await person.ask(
            "POST",
            f"{path}/submissions?name=entry-{number}",
            content=content,
            media_type=media_type,
        )
        where = f"{path}/submissions/{made['id']}"
        give_up_at = time.monotonic() + WAIT_SECONDS
        while (made := await person.ask("GET", where))["state"] in UNDER_WAY:
            if time.monotonic() > give_up_at:
                raise Failed(f"an entry was not scored after {WAIT_SECONDS} s: {made}")
            await asyncio.sleep(LOOK_SECONDS)
        if made["state"] != "scored":
            raise Failed(f"an entry was not scored: {made}")


async def _moderate(cast: Cast, owner: Customer, path: str) -> int:
    """Wait for the ranking; disqualify the later one of each two that agree too well."""
    await _await_state(owner, path, "disputing")
    at = {row["enrollment_id"]: row["at"] for row in await _board(owner, path)}
    bounty_id = path.rpartition("/")[2]
    pairs = await cast.moderator.ask("GET", f"/v1/moderation/agreements?bounty_id={bounty_id}")
    for pair in pairs["items"]:
        later = max(pair["first_id"], pair["second_id"], key=lambda it: at[it])
        reason = f"Its predictions agree with another's on {pair['agreement']:.1%} of the rows."
        where = f"{path}/enrollments/{later}/disqualify"
        await cast.moderator.ask("POST", where, {"reason": reason})
    return len(pairs["items"])


async def _await_state(owner: Customer, path: str, *states: str) -> Mapping[str, Any]:
    give_up_at = time.monotonic() + WAIT_SECONDS
    while (bounty := await owner.ask("GET", path))["state"] not in states:
        if time.monotonic() > give_up_at:
            raise Failed(f"the bounty is still {bounty['state']} after {WAIT_SECONDS} s")
        await asyncio.sleep(LOOK_SECONDS)
    found: Mapping[str, Any] = bounty
    return found


async def _board(person: Customer, path: str) -> list[Mapping[str, Any]]:
    board: list[Mapping[str, Any]] = (await person.ask("GET", f"{path}/leaderboard?limit=100"))[
        "items"
    ]
    return board


async def _earned(name: str, person: Customer) -> tuple[str, Decimal]:
    return name, await person.balance()
