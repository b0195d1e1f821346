"""`python -m demo`: twenty people's photos, one answer, and nobody saw a photo.

The story is `play`. Around it: what was asked for, Ctrl-C, and what is shown in the end.
"""

import argparse
import asyncio
import io
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from demo import children, market, people, report
from demo.cast import Cast, join_cast
from demo.chain_outcome import faults as chain_faults
from demo.children import Failed
from demo.clock import Clock, cpu_seconds
from demo.contest import FEE, POOL, hold
from demo.contest_outcome import Contest, faults as contest_faults
from demo.devices import let_work
from demo.made import Album, Classifier
from demo.market import Market, open_market
from demo.outcome import Outcome, faults
from demo.place import PICTURE, Place, take_place
from demo.purse import Purse
from demo.screen import Screen
from demo.stock import DEVICE_FEE, REWARD, deposit, take_stock
from demo.story import Story

DEVICES_MIN, DEVICES_MAX = 5, 200  # The customer would see no counts of fewer than five.
INTERRUPTED: Final = 128 + signal.SIGINT
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ABOUT: Final = """\
Play the whole story of the marketplace, with a real server and real devices: a developer trains and
uploads a classifier of handwritten digits, a customer pays for one answer with tokens from a local
chain, and twenty people's devices each count what is on their own photos. They take what they
earned to wallets of their own. It takes about a minute, and needs no network.
"""
EXAMPLES: Final = """\
examples:
  make demo                         play it
  make demo ARGS="--devices 40"     with more people
  make demo ARGS=--stop             end the marketplace that the last one left to look at
  make demo ARGS=--no-keep          leave nothing behind
  make demo ARGS=--json             the last line is one JSON object; the exit code is 0 if
                                    every count and every token is where it must be
"""


@dataclass(frozen=True)
class Wish:
    """What was asked for at the command line."""

    devices: int
    seed: int
    keep: bool
    stop: bool
    json: bool


async def play(wish: Wish, place: Place, screen: Screen, clock: Clock) -> tuple[Story, str]:
    """The whole story, from a model that nobody knows to books that balance.

    Answers what came out, and how to look at the marketplace where that is kept.
    """
    screen.say("A marketplace starts; meanwhile somebody trains a model of handwritten digits …")
    making = asyncio.create_task(asyncio.to_thread(make, wish, place, clock))
    async with (
        open_market(place, clock, keep=wish.keep) as here,
        people.web(here.url) as client,
        people.web(here.url) as wire,
    ):
        screen.say(f"The marketplace is up: {here.url}")
        filling = asyncio.create_task(Purse.fill(here, wire, place, tokens_needed(wish)))
        with clock.part("cast"):
            cast = await join_cast(client, here)
        classifier, album = await making
        screen.say(
            f"A developer has a classifier, {classifier.accuracy:.1%} right on unseen digits"
        )
        screen.say(f"{wish.devices} people have {album.truth.photos} photos, each in their folder")

        with clock.part("offer"):
            version_id = await offer(cast, classifier)
        screen.say("The model passed its check in the sandbox; a moderator approved it")
        with clock.part("deposit"):
            purse = await filling
            await purse.approve(cast.customer, tokens_needed(wish))
            await purse.deposit(cast.customer, deposit(wish.devices), screen)
        job = await cast.customer.order(version_id, wish.devices, REWARD)
        screen.say(f"A customer asks {wish.devices} devices: {job['cost']} tokens are in escrow")

        with clock.part("devices"):
            answer, owners = await let_work(
                here.url, cast.customer, job["id"], album, place, screen
            )
        screen.say(f"The job is {answer.state}, and no photo has left its folder")
        outcome = await take_stock(cast, owners, album, job, answer)
        drawing = asyncio.create_task(asyncio.to_thread(draw, outcome, clock))
        paying_out = asyncio.create_task(purse.withdraw(owners))
        with clock.part("bounty"):
            contest = await hold(cast, purse, here.url, place, wish.seed, screen)
        with clock.part("withdraw"):
            taken = await paying_out
            on_chain = await purse.settle(cast.admin, owners, taken)
        screen.say(f"{len(owners)} people have {on_chain.withdrawn} tokens in their own wallets")
        if wish.keep:
            await drawing  # Up to here, Ctrl-C stops the marketplace.
    await drawing
    return Story(outcome, contest, on_chain), how_to_look(here, cast, job["id"], contest)


def tokens_needed(wish: Wish) -> Decimal:
    """What the customer, the hospital and everybody who enters its bounty pay in."""
    return deposit(wish.devices) + POOL + 20 * FEE


def make(wish: Wish, place: Place, clock: Clock) -> tuple[Classifier, Album]:
    """What there is before anybody comes to the marketplace: a model, and photos."""
    from demo import digits, photos  # noqa: PLC0415 - `made.py` says why

    halves = digits.halve(wish.seed)
    with clock.part("train"):
        classifier = digits.train(halves, wish.seed)
    with clock.part("photos"):
        album = photos.take(halves.unseen, place.photos, wish.devices, wish.seed)
    return classifier, album


async def offer(cast: Cast, classifier: Classifier) -> str:
    """Bring a model to where a job can use it. Answers the id of its version."""
    where = await cast.developer.offer(classifier, DEVICE_FEE)
    return await cast.moderator.approve(where)


def draw(outcome: Outcome, clock: Clock) -> None:
    """Draw the answer while the servers stop."""
    from demo import picture  # noqa: PLC0415 - matplotlib takes half a second, too

    with clock.part("picture"):
        picture.draw(outcome, PICTURE)


def how_to_look(here: Market, cast: Cast, job_id: str, contest: Contest) -> str:
    """Where a marketplace is that was kept, who may sign in, and how to stop it."""
    return f"""
The marketplace goes on, with all that was played:

  Look      {here.url}
  Console   {here.url}/console
  Bounty    {contest.url}
  Docs      {here.url}/docs
  Logs      {here.home / "logs"}
  Stop      make demo ARGS=--stop

Be the customer, and look at the answer (the admin is {cast.admin.email}, {cast.admin.password}):

  export DML_SERVER={here.url} DML_EMAIL={cast.customer.email} DML_PASSWORD={cast.customer.password}
  .venv/bin/dml job results {job_id}
"""


async def run(wish: Wish, screen: Screen, clock: Clock) -> tuple[Story, list[str]]:
    """Play it, show what came out, and find what is not as it must be.

    Ctrl-C ends it, and all that it started.
    """
    end_on_signals(screen)
    with take_place(stays=wish.keep) as place:
        try:
            story, invitation = await play(wish, place, screen, clock)
        except Exception:
            for log in market.logs(place):
                text = f"\n{log} closes with:\n{children.tail(log)}"
                screen.console.print(text, markup=False)
            raise
        finally:
            # Nobody can interrupt a thread. It must not write to a folder that is gone.
            await asyncio.get_running_loop().shutdown_default_executor()
        found = [*faults(story.outcome), *contest_faults(story.contest)]
        found += chain_faults(story.on_chain)
        place.stays |= bool(found)
    report.show(screen, story, clock, found)
    if wish.keep:
        place.keep()
        screen.console.print(invitation, markup=False)
    return story, found


def end_on_signals(screen: Screen) -> None:
    """Let the first signal cancel the story, which ends all it started; others change nothing."""
    story, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert story is not None

    def end() -> None:
        screen.say("Stopping …")
        if not story.cancelling():
            story.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, end)


def main(arguments: Sequence[str]) -> int:
    """Run from a command line. The exit code is 0 where everything is as it must be."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Not every terminal knows all characters.
    wish, clock = read(arguments), Clock()
    screen = Screen(clock, to_stderr=wish.json)
    document: dict[str, Any] = {"ok": False}
    market.stop_kept(screen.say)
    if wish.stop:
        return 0
    try:
        story, found = asyncio.run(run(wish, screen, clock))
        document = report.as_json(story, clock, cpu_seconds(), found)
        code = 1 if found else 0
    except asyncio.CancelledError:
        code = INTERRUPTED
    except Failed as failure:
        screen.console.print(f"\nThe demo failed: {failure}", markup=False)
        code = 1
    if wish.json:
        print(json.dumps(document), flush=True)
    return code


def read(arguments: Sequence[str]) -> Wish:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--devices", type=int, default=20, metavar="N", help="how many people take part (20)")
    add("--seed", type=int, default=0, metavar="N", help="another model and other photos (0)")
    add(
        "--keep",
        action=argparse.BooleanOptionalAction,
        help="leave the marketplace running to look at: the default without --json",
    )
    add("--stop", action="store_true", help="only end what an earlier demo left running")
    add("--json", action="store_true", help="end with one JSON object; the rest goes to stderr")
    wish = Wish(**vars(parser.parse_args(arguments)))
    if wish.keep is None:
        wish = replace(wish, keep=not wish.json)
    if not DEVICES_MIN <= wish.devices <= DEVICES_MAX:
        parser.error(f"--devices must be from {DEVICES_MIN} to {DEVICES_MAX}")
    if not 0 <= wish.seed < 2**32:
        parser.error("--seed must be from 0 to 4294967295")
    return wish


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
