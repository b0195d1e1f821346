"""How many files one user may send at once, and how much of a body each may be."""

from contextlib import AsyncExitStack
from typing import cast

import pytest
from fastapi import Request
from redis.exceptions import RedisError

from dml.core.context import NOBODY, Actor
from dml.core.errors import NotSignedIn
from dml.core.ids import UserId, new_id
from dml.core.settings import Settings
from dml.edge.bodies import BODY, Body
from dml.edge.http import Parts
from dml.edge.uploads import TooManyUploads, uploading
from tests.world import World


class Server:
    """The parts that uploads need, with the limit that operators have by default."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.redis = world.parts.redis
        self.settings = settings.model_copy(update={"uploads_at_once": 2})


def request() -> Request:
    return Request({"type": "http", BODY: Body(limit=10, declared=None)})


async def test_a_user_sends_two_files_at_once_and_then_waits(
    world: World, settings: Settings
) -> None:
    server, ada = cast(Parts, Server(world, settings)), Actor(UserId(new_id()))
    bob, asked = Actor(UserId(new_id())), request()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(uploading(server, ada, asked, limit=1_000))
        body: Body = asked.scope[BODY]
        assert body.is_upload
        assert body.limit >= 1_000
        await stack.enter_async_context(uploading(server, ada, request(), limit=1))
        for _ in range(3):
            refused = request()
            with pytest.raises(TooManyUploads):
                await stack.enter_async_context(uploading(server, ada, refused, limit=1_000))
            assert refused.scope[BODY].limit == 10
        await stack.enter_async_context(uploading(server, bob, request(), limit=1))
    async with uploading(server, ada, request(), limit=1):
        pass
    with pytest.raises(RedisError):
        async with uploading(server, ada, request(), limit=1):
            raise RedisError
    async with (
        uploading(server, ada, request(), limit=1),
        uploading(server, ada, request(), limit=1),
    ):
        pass


async def test_nobody_sends_a_file(world: World, settings: Settings) -> None:
    server, asked = cast(Parts, Server(world, settings)), request()
    with pytest.raises(NotSignedIn):
        async with uploading(server, NOBODY, asked, limit=1_000):
            pass
    assert asked.scope[BODY].limit == 10
