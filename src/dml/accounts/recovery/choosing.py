"""Passwords that people choose: judged and hashed with no transaction open."""

from dml.accounts import passwords, queries
from dml.accounts.models import User
from dml.accounts.passwords import Asker
from dml.accounts.recovery import rules, service
from dml.accounts.recovery.models import LinkKind
from dml.accounts.recovery.service import Post
from dml.accounts.strength import words_of
from dml.core.context import BeginFunction
from dml.edge.http import Parts


def post_of(server: Parts) -> Post:
    return Post(server.seal, server.settings)


async def change_password(server: Parts, begin: BeginFunction, password: str) -> None:
    """Give the signed-in user another password. It was proven who asks."""
    async with begin() as ctx:
        user = await queries.get_user(ctx.tx, ctx.actor.id)
        rules.require_address(user.email)  # With a password alone nobody could sign in.
    asker = Asker(f"{user.id}:change", is_known=True)
    made = await passwords.hash_chosen(password, asker, server.settings, _words(user))
    async with begin() as ctx:
        await service.change_password(ctx, post_of(server), made)


async def reset_password(
    server: Parts, begin: BeginFunction, token: str, password: str, network: str
) -> None:
    """Give the account of a link another password. A link that is not good costs no hash."""
    async with begin() as ctx:
        link = await service.find_open(ctx, token, LinkKind.RESET_PASSWORD)
        assert link.user_id is not None, "only who signs up has no account"
        user = await queries.get_user(ctx.tx, link.user_id)
    made = await passwords.hash_chosen(password, Asker(network), server.settings, _words(user))
    async with begin() as ctx:
        await service.reset_password(ctx, post_of(server), token, made)


async def sign_up(
    server: Parts, begin: BeginFunction, token: str, password: str, network: str
) -> User:
    """Open the account of a link. A link that is not good costs no hash."""
    async with begin() as ctx:
        link = await service.find_open(ctx, token, LinkKind.SIGN_UP)
    words = words_of(link.email)
    made = await passwords.hash_chosen(password, Asker(network), server.settings, words)
    async with begin() as ctx:
        return await service.sign_up(ctx, token, made)


def _words(user: User) -> list[str]:
    return words_of(user.email, user.first_name, user.last_name)
