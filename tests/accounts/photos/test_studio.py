"""Photos are read in a locked child: whatever it does, the process that asked goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from dml.accounts.photos import rules, studio
from dml.accounts.photos.studio import Studio
from dml.inference.outcome import Limits
from tests.accounts.photos import files


def of(content: bytes) -> Callable[[], Awaitable[bytes]]:
    async def read() -> bytes:
        return content

    return read


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Studio]:
    made = Studio()
    yield made
    await made.close()


async def test_it_makes_what_it_is_there_for_of_each_kind(shared: Studio) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        photo, thumbnail = await shared.develop(of(files.plain(kind=kind)))
        assert rules.is_picture(photo)
        assert rules.is_picture(thumbnail)


async def test_bombs_are_refused_by_their_head(shared: Studio) -> None:
    with pytest.raises(rules.TooManyPixels) as refused:
        await shared.develop(of(files.claiming_png(20_000, 20_000)))
    assert refused.value.facts == {"most_pixels": 16_777_216}
    with pytest.raises((rules.TooManyPixels, rules.NotAPhoto)):
        await shared.develop(of(files.claiming_webp(16_000, 16_000)))
    await shared.develop(of(files.plain()))


async def test_what_takes_too_much_is_refused_and_the_next_one_is_read(
    shared: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = files.plain(size=(4096, 4096))
    little = Limits(cpu_seconds=5, wall_seconds=20, memory_bytes=8 << 20)
    with monkeypatch.context() as limited:
        limited.setattr(studio, "LIMITS", little)
        with pytest.raises(rules.NotAPhoto) as refused:
            await shared.develop(of(large))
    assert "too much memory" in str(refused.value.facts["why"])
    await shared.develop(of(large))


async def test_it_ends_when_idle_and_starts_again() -> None:
    brief = Studio(idle_seconds=0)
    try:
        await brief.develop(of(files.plain()))
        for _ in range(3):  # The timer is due at once: these are turns of the loop.
            await asyncio.sleep(0)
        assert brief.is_idle
        await brief.develop(of(files.plain()))
    finally:
        await brief.close()


async def test_who_comes_when_many_wait_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "WAITING_MOST", 0)
    with pytest.raises(rules.PhotosBusy):
        await Studio().develop(of(files.plain()))


async def test_where_no_child_can_be_locked_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(studio, "ZYGOTE", "tests.accounts.photos.nothing_there")
    broken = Studio()
    with pytest.raises(rules.PhotosOff):
        await broken.develop(of(files.plain()))
    await broken.close()
