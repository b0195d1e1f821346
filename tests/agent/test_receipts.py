"""A device keeps receipts of what left it, and verifies them without the marketplace."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dml.core.key_file import new_key, rotate
from dml.core.tokens import Keys
from dml.entrypoints.wiring import keys_file
from dml.jobs.receipts.service import TYPE
from tests.agent.market import Device, Ended, Market, end, open_job, start
from tests.jobs.factories import fold


async def receipts(device: Device, *options: str) -> Ended:
    return await end(await start("receipts", "--home", str(device.home), *options))


async def test_it_saves_its_receipts_and_verifies_them_offline_after_the_keys_have_rotated(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market, answers="noisy", title="Digits", max_items=10) as job:
        assert (await device.pair()).summary["accepted"] == 1
    first = await receipts(device, "--json")
    assert first.code == 0, first.err
    (before,) = json.loads(first.out)
    assert (before["verified"], before["job"]) == (True, "Digits")
    assert before["receipt"]["left"] == device.noted("result")[0]["body"]
    assert before["receipt"]["manifest_sha256"] == job.manifest_sha256
    assert before["receipt"]["counted"] is False

    await fold(market.world)
    (counted,) = json.loads((await receipts(device, "--json")).out)
    assert counted["receipt"]["counted"] is True
    (saved,) = (device.home / "receipts").glob("*.jws")
    text = saved.read_text()

    replace_keys(market)
    assert (await receipts(device)).code == 0  # One that is settled stays as it was signed.
    assert saved.read_text() == text
    assert len(json.loads((device.home / "receipts/keys.json").read_text())["keys"]) == 2

    await market.close()
    verified = await receipts(device, "--verify")
    assert (verified.code, verified.err) == (0, "")
    assert "Digits" in verified.out
    away = await receipts(device)
    assert away.code != 0
    assert "Traceback" not in away.err


def replace_keys(market: Market) -> None:
    """As `dml keys rotate --now`: the old key is neither shown nor believed from now on."""
    parts = market.world.parts
    rotate(keys_file(parts.settings), datetime.now(UTC), token_seconds=60, at_once=True)
    parts.keys._look_at = 0.0


async def test_what_was_changed_or_is_somebody_elses_proves_nothing(
    market: Market, device: Device, tmp_path: Path
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market):
        await device.pair()
    assert (await receipts(device)).code == 0
    (saved,) = (device.home / "receipts").glob("*.jws")
    good = saved.read_text()
    keys: Keys = market.world.parts.keys
    said = json.loads((await receipts(device, "--json", "--verify")).out)[0]["receipt"]

    def sign(by: Keys = keys, **changes: Any) -> str:
        body = json.dumps({**said, **changes}).encode()
        return by.sign_document(body, kind=TYPE, now=datetime.now(UTC))

    stranger = Keys({"keys": [new_key()]})
    bad = {
        good[:-1] + ("A" if good[-1] != "A" else "Q"): "its signature is none of the saved keys",
        sign(stranger): "its signature is none of the saved keys",
        sign(device_id=said["job_id"]): "it is of another device",
        sign(assignment_id=said["job_id"]): "it is of another assignment",
        sign(left={**said["left"], "items": 2}): "journal says that something else left it",
        sign(manifest_sha256="ab" * 32): "this device was shown another manifest",
    }
    for text, why in bad.items():
        saved.write_text(text)
        verified = await receipts(device, "--verify")
        assert verified.code == 1
        assert why in verified.err
        assert "NO" in verified.out


async def test_who_lives_nowhere_is_told_so(device: Device) -> None:
    ended = await receipts(device)
    assert ended.code != 0
    assert "No device lives in" in ended.err
