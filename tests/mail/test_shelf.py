"""Mail that is kept on this machine: shown to it alone, and nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dml.core.ids import MailId, new_id
from dml.core.settings import Settings
from dml.mail.sending import ShelfCarrier
from dml.mail.shelf import KEPT_MAX, Shelf
from tests.mail.test_delivering import LETTER, LINK, go, mailing, nothing_waits, send, somebody
from tests.world import World


@pytest.fixture
def alone(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"home": tmp_path, "allowed_hosts": [], "smtp_host": None})


async def ask(
    world: World, settings: Settings, url: str, peer: str = "127.0.0.1", **headers: str
) -> Any:
    """Ask an API that has these settings, from this address."""
    before, world.app.state.settings = world.parts.settings, settings
    transport = httpx2.ASGITransport(world.app, client=(peer, 1))
    try:
        async with httpx2.AsyncClient(transport=transport, headers=headers) as client:
            return await client.get(url)
    finally:
        world.app.state.settings = before


@pytest.fixture
async def kept(world: World, alone: Settings) -> AsyncIterator[str]:
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        await go(mailing(world, ShelfCarrier(alone)))
        yield recipient


async def test_a_newcomer_reads_what_would_be_sent_and_clicks(
    world: World, alone: Settings, kept: str
) -> None:
    answer = await ask(world, alone, "http://127.0.0.1:8000/dev/mails")
    assert answer.status_code == 200
    assert f"to {kept}" in answer.text
    assert f'<a href="{LINK}"' in answer.text
    assert (await ask(world, alone, "http://localhost:8000/dev/mails")).status_code == 200
    (file,) = (alone.home / "mails").glob("*.eml")
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"smtp_host": "mail.example.org", "mail_from": "a@example.org"},
        {"host": "0.0.0.0"},
        {"host": "192.0.2.1"},
        {"public_url": "https://market.example.org"},
        {"allowed_hosts": ["market.example.org"]},
    ],
)
async def test_it_is_gone_where_others_could_come(
    world: World, alone: Settings, kept: str, change: dict[str, Any]
) -> None:
    here = alone.model_copy(update=change)
    assert (await ask(world, here, "http://127.0.0.1:8000/dev/mails")).status_code == 404
    assert not Shelf.is_used(here)


@pytest.mark.parametrize(
    "asked",
    [
        {"url": "http://evil.example/dev/mails"},
        {"url": "http://127.0.0.1/dev/mails", "peer": "192.0.2.7"},
        {"url": "http://127.0.0.1/dev/mails", "x-forwarded-for": "127.0.0.1"},
        {"url": "http://127.0.0.1/dev/mails", "forwarded": "for=127.0.0.1"},
    ],
)
async def test_nobody_else_reads_it(
    world: World, alone: Settings, kept: str, asked: dict[str, str]
) -> None:
    assert (await ask(world, alone, **asked)).status_code == 404


def test_only_the_newest_stay(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "mails")
    message = b"To: a@example.org\r\nSubject: %d\r\nDate: x\r\n\r\n<b>\r\n"
    ids = [MailId(new_id()) for _ in range(KEPT_MAX + 3)]
    for number, mail_id in enumerate(ids):
        shelf.keep(mail_id, message % number)
    shelf.keep(ids[-1], message % (KEPT_MAX + 2))  # Sent again, after a kill.
    assert [it.subject for it in shelf.newest()] == [str(it) for it in range(KEPT_MAX + 2, 2, -1)]
    assert LETTER.text not in shelf.newest()[0].text
