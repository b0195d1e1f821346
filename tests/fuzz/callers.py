"""Who asks: nobody, a user of each kind, and a device, of a marketplace of their own."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from cachetools import TTLCache, cached

from dml.core.context import Role
from tests.devices.factories import pair
from tests.fuzz.fuzzing import Fuzzer
from tests.kill.marketplace import kept
from tests.world import World

TOKEN_SECONDS: Final = 15  # A device's is good for twice as long.
GRAPH: Final = Path(__file__).parents[2] / "docs" / "api" / "schema.graphql"


async def make_callers(world: World) -> dict[str, Callable[[], Mapping[str, str]]]:
    """Return what tells the headers of each kind of caller, from another thread."""
    member = await world.person("member")
    developer = await world.rich("developer", "1000")
    moderator = await world.person("moderator", Role.MODERATOR)
    admin = await world.person("admin", Role.ADMIN)
    device, loop = await pair(world, member), asyncio.get_running_loop()

    @cached(TTLCache(1, TOKEN_SECONDS))
    def device_token() -> str:
        return asyncio.run_coroutine_threadsafe(device.token(), loop).result()

    people = {"member": member, "developer": developer, "moderator": moderator, "admin": admin}
    return {
        "nobody": dict,
        "device": lambda: _bearer(device_token()),
        **{name: partial(_bearer, person.token) for name, person in people.items()},
    }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def fuzz(seed: int, *, seconds: float, examples: int) -> Fuzzer:
    """Start a marketplace, ask it for so long, and return what was found."""
    async with kept(workers=1) as marketplace:
        fuzzer = Fuzzer(
            url=str(marketplace.world.client.base_url),
            callers=await make_callers(marketplace.world),
            number=seed,
            openapi=marketplace.world.app.openapi(),
            graph=GRAPH.read_text(),
        )
        await asyncio.to_thread(fuzzer.run, seconds=seconds, examples=examples)
        return fuzzer
