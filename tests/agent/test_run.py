"""What an agent does from end to end: a real server, a real model, real photos."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dml.agent import journal
from dml.inference import spec as specs
from tests.agent.market import Device, Market, end, make_owner, open_job, start
from tests.devices.factories import pairing_code
from tests.inference import zoo
from tests.jobs.factories import fold

JANUARY, MARCH = date(2025, 1, 31), date(2025, 3, 1)


async def test_it_pairs_runs_and_hands_in_exact_counts(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3, JANUARY)
    device.photo("2.JPEG", 3, JANUARY)
    device.photo("summer/3.jpg", 7, MARCH)
    device.photo("summer/beach/4.png", 7)
    device.photo("summer/beach/5.webp", 0, MARCH)
    async with open_job(market):
        ended = await device.pair()
    expected = {
        "items": 5,
        "labels": {"digit-0": 1, "digit-3": 2, "digit-7": 2},
        "uncertain": 0,
        "months": {"2025-01": {"digit-3": 2}, "2025-03": {"digit-0": 1, "digit-7": 1}},
        "undated": 1,
    }
    assert (ended.code, ended.err) == (0, "")
    assert await device.results() == [expected]
    summary = {"event": "summary", "device_id": str(device.id), "accepted": 1, "items": 5}
    assert ended.summary == summary | {**{"failed": 0, "earned": "0", "unpaid": 1, "error": None}}
    (noted,) = device.noted("result")
    assert noted["body"] == expected


async def test_it_prepares_and_reads_what_came_with_version_2_of_the_spec(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 0, JANUARY)
    device.photo("2.jpg", 9, JANUARY)
    device.photo("3.jpg", 8)
    sample = zoo.in_one_column()
    async with open_job(market, sample.model, specs.to_dict(sample.spec), ["cat", "dog"]):
        ended = await device.pair()
    assert (ended.code, ended.err) == (0, "")
    (result,) = await device.results()
    assert (result["labels"], result["uncertain"]) == ({"cat": 1, "dog": 2}, 0)


async def test_what_the_server_has_is_byte_for_byte_in_the_journal(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3, JANUARY)
    async with open_job(market):
        await device.pair()
    sent = journal.encode(device.noted("result")[0]["body"])
    assert [journal.encode(it) for it in await device.results()] == [sent]
    names = {it.name for it in device.data.rglob("*")}
    assert not any(name in (device.home / "journal.jsonl").read_text() for name in names)


async def test_what_is_uncertain_is_counted_as_that(market: Market, device: Device) -> None:
    device.photo("sure.jpg", 9)
    device.photo("unsure.png", 4.5)
    async with open_job(market, min_confidence=0.9):
        await device.pair()
    (result,) = await device.results()
    assert (result["items"], result["uncertain"], result["labels"]) == (2, 1, {"digit-9": 1})


async def test_a_period_leaves_out_undated_photos_and_those_outside(
    market: Market, device: Device
) -> None:
    device.photo("in.jpg", 1, JANUARY)
    device.photo("end.jpg", 2, MARCH)
    device.photo("undated.jpg", 3)
    async with open_job(market, date_from="2025-01-01", date_to="2025-03-01"):
        await device.pair()
    (result,) = await device.results()
    assert (result["items"], result["months"]) == (1, {"2025-01": {"digit-1": 1}})
    (counted,) = device.noted("counted")
    assert (counted["photos"], counted["outside"], counted["undated"]) == (3, 1, 1)


async def test_what_is_no_photo_is_skipped_and_what_is_hidden_or_linked_is_not_looked_at(
    market: Market, device: Device, tmp_path: Path
) -> None:
    device.photo("good.jpg", 4)
    whole = device.photo("cut.jpg", 4, side=64).read_bytes()
    (device.data / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (device.data / "text.png").write_text("no photo")
    (device.data / "notes.txt").write_text("nothing to look at")
    device.photo(".thumbnails/good.jpg", 4)
    outside = replace(device, data=tmp_path / "outside")
    (device.data / "link.jpg").symlink_to(outside.photo("secret.jpg", 4))
    (device.data / "folder").symlink_to(outside.data)
    async with open_job(market):
        await device.pair()
    (result,) = await device.results()
    assert result["items"] == 1
    (counted,) = device.noted("counted")
    assert (counted["photos"], counted["skipped"]) == (3, 2)


async def test_it_does_all_jobs_there_are_and_downloads_a_model_once(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market), open_job(market):
        ended = await device.pair()
    assert ended.summary["accepted"] == 2
    assert len(device.noted("downloaded")) == 1
    assert len(list((device.home / "models").iterdir())) == 1


async def test_without_work_it_ends_at_once_and_says_what_its_owner_can_mend(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    ended = await device.pair()
    assert (ended.code, ended.summary["accepted"]) == (0, 0)
    await device.owner.patch("/v1/users/me", {"permitted_kinds": []})
    assert "permits no kind of data" in (await device.run()).out


async def test_an_empty_folder_asks_for_no_work(market: Market, device: Device) -> None:
    async with open_job(market):
        ended = await device.pair()
    assert ended.code == 1
    assert "There is no photo in" in ended.summary["error"]
    assert await device.states() == []


async def test_a_folder_of_which_nothing_can_be_read_asks_for_no_work(
    market: Market, device: Device
) -> None:
    device.photo("a.jpg", 3).write_bytes(b"broken")
    device.photo("b/c.png", 3).write_bytes(b"broken, too")
    async with open_job(market):
        ended = await device.pair()
        assert (ended.code, ended.summary["failed"]) == (1, 0)
        told = f"No photo in {device.data} can be read; the first, a.jpg is no image"
        assert told in ended.summary["error"]
        assert "\n" not in ended.summary["error"]
        assert await device.states() == []
        assert device.noted("claimed") == device.noted("released") == []
        device.photo("d.jpg", 3)
        assert (await device.run()).summary["accepted"] == 1


async def test_a_registration_whose_answer_was_lost_is_asked_again(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    code = await pairing_code(device.owner)
    await device.run("--pair", code)
    first = device.id
    (device.home / "device.json").unlink()
    assert (await device.run("--pair", code)).code == 0
    assert device.id == first


async def test_a_key_whose_registration_was_lost_for_good_makes_room_for_a_new_one(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    first = device.id
    (device.home / "device.json").unlink()
    assert (await device.pair()).code == 0
    assert device.id != first


async def test_key_and_journal_are_for_their_owner_alone(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    modes = {it.name: it.stat().st_mode & 0o777 for it in device.home.iterdir()}
    assert modes == {
        "device.json": 0o600,
        "journal.jsonl": 0o600,
        "key.pem": 0o600,
        "lock": 0o600,
        "models": 0o700,
    }


async def test_what_it_says_of_itself_anew_reaches_the_server(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    whole = (await device.owner.get(f"/v1/devices/{device.id}")).json()
    assert whole["memory_mib"] > 200
    assert whole["speed"] > 100
    await device.run("--country", "ES")
    await device.run("--memory", "200", "--cpus", "2")
    told = (await device.owner.get(f"/v1/devices/{device.id}")).json()
    assert (told["country"], told["kinds"], told["platform"]) == ("ES", ["photo"], "linux")
    assert told["memory_mib"] == 100, "for each of the models that run at once"


@pytest.mark.parametrize("option", ["--json", ""])
async def test_status_shows_work_earnings_and_all_that_left(
    market: Market, device: Device, option: str
) -> None:
    device.photo("1.jpg", 3, JANUARY)
    async with open_job(market):
        await device.pair()
        await fold(market.world)
    ended = await device.status(*option.split())
    assert ended.code == 0, ended.err
    if option:
        status = json.loads(ended.out)
        assert status["server"]["earnings"]["earned"] == "0.1"
        assert [it["state"] for it in status["server"]["work"]] == ["accepted"]
        assert [it["what"] for it in status["left"]] == ["registered", "result"]
        assert status["left"][1]["became"] == "accepted"
        assert status["left"][1]["body"] == (await device.results())[0]
        assert (status["journal"]["photos"], status["journal"]["skipped"]) == (1, 0)
    else:
        body = journal.encode((await device.results())[0]).decode()
        assert body in "".join(ended.out.split())
        assert "0.1 for 1 results" in ended.out


async def test_status_without_its_server_shows_the_journal(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market):
        await device.pair()
    await market.close()
    ended = await device.status()
    assert ended.code == 0
    assert "can't be reached: Connection refused. What follows is this device's own" in ended.out
    assert '"digit-3":1' in ended.out


async def test_lines_for_people_say_what_happens(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    code = await pairing_code(device.owner)
    async with open_job(market):
        ended = await end(await device.start("--once", "--pair", code))
    assert "Accepted: the counts of 1 photos." in ended.out
    assert ended.out.splitlines()[-1].startswith("Done: 1 accepted (1 photos)")


async def test_help_costs_no_server_and_no_home(tmp_path: Path) -> None:
    assert (await end(await start("run", "--help"))).code == 0
    ended = await end(await start("status", "--home", str(tmp_path / "nobody")))
    assert ended.code == 1
    assert "No device lives in" in ended.err


async def test_two_devices_of_two_owners_take_a_place_each(
    market: Market, device: Device, tmp_path: Path
) -> None:
    owner = await make_owner(market.world)
    other = replace(device, owner=owner, data=tmp_path / "theirs", home=tmp_path / "their-home")
    async with open_job(market):
        for each in (device, other):
            each.photo("1.jpg", 5)
            assert (await each.pair()).summary["accepted"] == 1
