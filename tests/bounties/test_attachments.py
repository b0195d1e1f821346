"""Files that belong to a bounty: what is taken, how it is shown, and when it can go again."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from dml.bounties.models import BountyState
from dml.core.ids import new_id
from tests.bounties.factories import MadeBounty, make_bounty
from tests.world import Person, World, problem

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
GIF = b"GIF89a" + bytes(50)


async def attach(
    bounty: MadeBounty,
    content: bytes = b"a,b\n1,2\n",
    *,
    kind: str = "data",
    name: str = "train.csv",
    person: Person | None = None,
    **query: str,
) -> httpx2.Response:
    asked = {"kind": kind, "name": name, **query}
    who = person or bounty.owner
    return await who.ask("POST", f"{bounty.path}/attachments", content=content, params=asked)


@pytest.fixture
async def bounty(world: World) -> MadeBounty:
    return await make_bounty(world, state=BountyState.FUNDED)


async def test_data_is_to_be_kept_and_not_shown(world: World, bounty: MadeBounty) -> None:
    made = await attach(bounty, name="the data, ünd more.csv")
    assert made.status_code == 201, made.text
    assert made.headers["location"] == made.json()["url"]
    assert (made.json()["size"], made.json()["media_type"]) == (8, "application/octet-stream")
    file = await world.client.get(made.json()["url"])
    assert file.content == b"a,b\n1,2\n"
    assert file.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''the%20data%2C%20%C3%BCnd%20more.csv"
    )
    assert file.headers["etag"] == f'"{made.json()["sha256"]}"'
    assert file.headers.get_list("x-content-type-options") == ["nosniff"]
    assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
    listed = (await world.client.get(f"{bounty.path}/attachments")).json()["items"]
    assert listed == [made.json()]


async def test_images_are_shown_as_what_they_are(world: World, bounty: MadeBounty) -> None:
    thumbnail = (await attach(bounty, PNG, kind="thumbnail", name="small.png")).json()
    cover = (await attach(bounty, GIF, kind="cover", name="large.html")).json()
    shown = (await world.client.get(bounty.path)).json()
    assert (shown["thumbnail_url"], shown["cover_url"]) == (thumbnail["url"], cover["url"])
    file = await world.client.get(cover["url"])
    assert file.headers["content-type"] == "image/gif"
    assert file.headers["content-disposition"].startswith("inline;")


async def test_a_new_cover_takes_the_place_of_the_old_one(world: World, bounty: MadeBounty) -> None:
    first = (await attach(bounty, PNG, kind="cover", name="one.png")).json()
    second = (await attach(bounty, GIF, kind="cover", name="two.gif")).json()
    assert (await world.client.get(bounty.path)).json()["cover_url"] == second["url"]
    problem(await world.client.get(first["url"]), 404, "bounties.attachment_not_found")


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>", b"<html>", b"x", PNG[:7]])
async def test_what_is_no_image_is_no_image(bounty: MadeBounty, content: bytes) -> None:
    for kind in ("image", "thumbnail", "cover"):
        problem(
            await attach(bounty, content, kind=kind, name="x.png"), 422, "bounties.not_an_image"
        )


async def test_an_image_that_comes_byte_by_byte_is_known(bounty: MadeBounty) -> None:
    async def dribble() -> AsyncIterator[bytes]:
        for it in PNG:
            yield bytes([it])

    made = await bounty.owner.ask(
        "POST",
        f"{bounty.path}/attachments",
        content=dribble(),
        params={"kind": "image", "name": "slow.png"},
    )
    assert (made.status_code, made.json()["size"]) == (201, len(PNG))


@pytest.mark.parametrize("name", ["../etc/passwd", "a/b", "a\\b", ".hidden", "a\nb", "a\u202eb"])
async def test_a_name_is_no_path(bounty: MadeBounty, name: str) -> None:
    problem(await attach(bounty, name=name), 422, "bounties.bad_file_name")


async def test_other_bad_input_is_refused(world: World, bounty: MadeBounty) -> None:
    problem(await attach(bounty, b""), 422, "edge.file_empty")
    for wrong in ({"kind": "virus"}, {"name": ""}, {"name": "x" * 201}, {"name": "nul\0"}):
        asked = {"kind": "data", "name": "x.csv"} | wrong
        path = f"{bounty.path}/attachments"
        refused = await bounty.owner.ask("POST", path, content=b"x", params=asked)
        problem(refused, 422, "http.422")
    limit = world.parts.settings.attachment_limit_bytes
    headers = {"content-length": str(limit + 1)}
    refused = await bounty.owner.ask(
        "POST",
        f"{bounty.path}/attachments",
        content=b"x",
        params={"kind": "data", "name": "big"},
        headers=headers,
    )
    problem(refused, 413, "edge.file_too_large")
    problem(await attach(bounty, person=await world.person()), 403, "bounties.not_owner")
    unsigned = await world.client.post(
        f"{bounty.path}/attachments", content=b"x", params={"kind": "data", "name": "x"}
    )
    problem(unsigned, 401, "core.not_signed_in")
    nobody = f"{bounty.path}/attachments/{new_id()}"
    problem(await world.client.get(nobody), 404, "bounties.attachment_not_found")


async def test_the_same_file_again_is_the_same_and_another_takes_its_place(
    world: World, bounty: MadeBounty
) -> None:
    first, same = [(await attach(bounty)).json() for _ in range(2)]
    assert same == first
    other = (await attach(bounty, b"other")).json()
    listed = (await world.client.get(f"{bounty.path}/attachments")).json()["items"]
    assert [it["id"] for it in listed] == [other["id"]]


async def test_once_it_is_open_files_are_only_added_and_with_a_reason(
    world: World, bounty: MadeBounty
) -> None:
    there = (await attach(bounty)).json()
    await bounty.post("open")
    problem(await attach(bounty, b"more", name="more.csv"), 422, "bounties.reason_missing")
    refused = await attach(bounty, b"other", reason="Mended.")
    problem(refused, 409, "bounties.attachment_exists")
    added = await attach(bounty, b"more", name="more.csv", reason="You asked for more.")
    assert added.status_code == 201
    gone = await bounty.owner.ask("DELETE", there["url"])
    problem(gone, 409, "bounties.wrong_state")
    changes = (await world.client.get(f"{bounty.path}/changes")).json()["items"]
    assert changes[-1]["reason"] == "You asked for more."
    assert changes[-1]["changes"] == {"attachments.data": {"before": [], "after": ["more.csv"]}}
    await bounty.post("cancel", {"reason": "Enough."})
    problem(await attach(bounty, name="late", reason="Late."), 409, "bounties.wrong_state")


async def test_before_it_opens_a_file_can_go_again(world: World, bounty: MadeBounty) -> None:
    made = (await attach(bounty)).json()
    other = await world.person("other")
    problem(await other.ask("DELETE", made["url"]), 403, "bounties.not_owner")
    assert (await bounty.owner.ask("DELETE", made["url"])).status_code == 204
    problem(await world.client.get(made["url"]), 404, "bounties.attachment_not_found")
    problem(await bounty.owner.ask("DELETE", made["url"]), 404, "bounties.attachment_not_found")


async def test_a_file_of_another_bounty_or_of_a_draft_is_not_there(
    world: World, bounty: MadeBounty
) -> None:
    draft = await make_bounty(world, state=BountyState.DRAFT)
    made = (await attach(draft)).json()
    problem(await world.client.get(made["url"]), 404, "bounties.not_found")
    crossed = f"{bounty.path}/attachments/{made['id']}"
    problem(await draft.owner.get(crossed), 404, "bounties.attachment_not_found")


async def test_there_are_at_most_fifty(bounty: MadeBounty) -> None:
    for number in range(50):
        assert (await attach(bounty, name=f"{number}.csv")).status_code == 201
    problem(await attach(bounty, name="50.csv"), 409, "bounties.too_many_attachments")
