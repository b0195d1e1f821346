"""What a link's page shows and does, by the kind of the link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from dml.accounts.recovery import choosing, service
from dml.accounts.recovery.models import Link, LinkKind
from dml.accounts.rules import WeakPassword
from dml.core.context import BeginFunction
from dml.edge.http import Parts

TITLES: Final[Mapping[LinkKind, tuple[str, str]]] = {
    LinkKind.SIGN_UP: ("Open your account", "Your account is open. You can sign in now."),
    LinkKind.VERIFY_EMAIL: ("Confirm your address", "Your address is confirmed."),
    LinkKind.CHANGE_EMAIL: ("Confirm your new address", "Your account has this address now."),
    LinkKind.RESET_PASSWORD: (
        "Choose another password",
        "Your password is changed, and all sessions are ended. You can sign in with it now.",
    ),
}
WITH_PASSWORD: Final = (LinkKind.SIGN_UP, LinkKind.RESET_PASSWORD)
NOT_THE_SAME: Final = "The two passwords are not the same."
Typed: TypeAlias = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page's template is filled with, and how it is answered."""

    facts: Mapping[str, Any]
    status_code: int = 200


async def show(begin: BeginFunction, token: str) -> Shown:
    """Show what a link is for. That it is shown uses nothing up."""
    async with begin() as ctx:
        return _form(await service.find_open(ctx, token), token)


async def use(server: Parts, begin: BeginFunction, token: str, typed: Typed, network: str) -> Shown:
    """Do by a link what it is for, as its page's button asks; and show that it is done.

    Where another password has to be typed, the page says why, and the link stays as it was.
    """
    async with begin() as ctx:
        link = await service.find_open(ctx, token)
    password, again = typed
    if link.kind not in WITH_PASSWORD:
        async with begin() as ctx:
            await service.confirm_email(ctx, choosing.post_of(server), token)
    elif password is None or password != again:
        return _form(link, token, wrong=NOT_THE_SAME)
    else:
        choose = choosing.sign_up if link.kind is LinkKind.SIGN_UP else choosing.reset_password
        try:
            await choose(server, begin, token, password, network)
        except WeakPassword as weak:
            suggestions = cast(Sequence[str], weak.facts["suggestions"])
            return _form(link, token, wrong=" ".join([weak.reason, *suggestions]))
    title, done = TITLES[link.kind]
    return Shown({"title": title, "done": done})


def _form(link: Link, token: str, wrong: str | None = None) -> Shown:
    facts = {
        "title": TITLES[link.kind][0],
        "email": link.email,
        "token": token,
        "asks": link.kind in WITH_PASSWORD,
        "wrong": wrong,
        "done": None,
    }
    return Shown(facts, 422 if wrong else 200)
