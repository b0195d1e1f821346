"""What asks providers, as an API has it before anybody signs in by one: loaded when needed."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from dml.accounts.openid import rules
from dml.accounts.openid.providers import Provider
from dml.core.settings import Settings

if TYPE_CHECKING:
    from dml.accounts.openid.exchange import Exchange


class Openid:
    """The providers, and what asks them: it is loaded when somebody first signs in by one."""

    def __init__(self, providers: Sequence[Provider], settings: Settings) -> None:
        self.providers = providers
        self.return_to = frozenset(settings.openid_return_to)
        self._to_loopback = settings.openid_to_loopback
        self._made: Exchange | None = None

    def find(self, provider_id: str) -> Provider:
        """Return the provider of this id, or refuse."""
        found = next((it for it in self.providers if it.id == provider_id), None)
        if found is None:
            raise rules.ProviderNotFound
        return found

    async def exchange(self) -> "Exchange":
        """Return what asks providers. To import it takes half a second, by a thread, once."""
        name = "dml.accounts.openid.exchange"
        module = await asyncio.to_thread(importlib.import_module, name)
        if self._made is None:
            self._made = module.Exchange(to_loopback=self._to_loopback)
        return self._made


async def _openid(request: Request) -> Openid:
    openid: Openid = request.app.state.openid
    return openid


TheOpenid = Annotated[Openid, Depends(_openid)]
