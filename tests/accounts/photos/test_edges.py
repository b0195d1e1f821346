"""Photos through HTTP: set, seen by everybody, replaced, removed, exported and erased."""

import io
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from dml.core import kept_files, worker
from dml.core.context import Role
from dml.core.settings import Settings
from tests.accounts.photos import files
from tests.accounts.privacy.test_erasing import erase
from tests.accounts.privacy.test_exporting import PATH as EXPORTS, ask as ask_export, make
from tests.algorithms.test_freed_files import forget_all, stored
from tests.entrypoints.test_collector import collect, grow_old
from tests.worker_parts import make_parts
from tests.world import Person, World, problem

PHOTO = "/v1/users/me/photo"


@pytest.fixture(autouse=True)
def worker_parts(world: World, settings: Settings) -> None:
    worker.provide(make_parts(settings, world.parts))


async def send(person: Person, content: bytes, kind: str = "image/png") -> httpx2.Response:
    return await person.ask("PUT", PHOTO, content=content, headers={"content-type": kind})


async def show(world: World, person: Person, color: str = "red") -> dict[str, Any]:
    """Have somebody show a photo of this color; the answer is where it is."""
    answer = await send(person, files.plain(color))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def digest(url: str) -> str:
    return url.rpartition("/")[2]


async def test_everybody_sees_a_photo_that_was_made_anew(world: World) -> None:
    ada = await world.person("ada")
    assert (await ada.get("/v1/users/me")).json()["photo"] is None
    answer = await send(ada, files.telling_photo(), "application/octet-stream")
    assert answer.status_code == 200, answer.text
    photo = answer.json()
    for profile in (await ada.get("/v1/users/me"), await world.client.get(f"/v1/users/{ada.id}")):
        assert profile.json()["photo"] == photo
    for url, size in ((photo["url"], (384, 512)), (photo["thumbnail_url"], (96, 96))):
        file = await world.client.get(url)
        assert file.headers["content-type"] == "image/webp"
        assert file.headers["cache-control"] == "public, max-age=86400, immutable"
        assert file.headers.get_list("x-content-type-options") == ["nosniff"]
        assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert files.SECRET.encode() not in file.content
        assert Image.open(io.BytesIO(file.content)).size == size
        again = await world.client.get(url, headers={"If-None-Match": file.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    told = [it["type"] for it in await ada.events(types="user.photo_changed")]
    assert told == ["user.photo_changed"]


async def test_the_graph_shows_it_beside_the_name(world: World) -> None:
    ada = await world.person("ada")
    photo = await show(world, ada)
    asked = {"query": f'{{user(id: "{ada.id}") {{photo {{url thumbnailUrl}}}}}}'}
    answer = (await world.client.post("/graphql", json=asked)).json()
    assert answer["data"]["user"]["photo"] == {
        "url": photo["url"],
        "thumbnailUrl": photo["thumbnail_url"],
    }


async def test_what_it_is_its_bytes_say_and_not_its_name(world: World) -> None:
    ada = await world.person("ada")
    assert (await send(ada, files.plain(kind="JPEG"), "image/png")).status_code == 200
    refused = {
        "svg": (files.SVG, "image/png"),
        "gif": (files.gif(10_000), "image/webp"),
        "text": (b"not a photo", "image/jpeg"),
        "cut-off": (files.plain()[:60], "image/png"),
        "animated": (files.animated("WEBP", 3), "image/webp"),
    }
    shown = (await ada.get("/v1/users/me")).json()["photo"]
    for name, (content, kind) in refused.items():
        ada = await world.person("ada")
        document = problem(await send(ada, content, kind), 422, "accounts.not_a_photo")
        assert document["why"].endswith("."), name
        assert (await ada.get("/v1/users/me")).json()["photo"] is None
    assert (await world.client.get(shown["url"])).status_code == 200


async def test_what_is_too_large_is_refused_and_leaves_nothing(
    world: World, settings: Settings
) -> None:
    ada, before = await world.person("ada"), stored(settings)
    bomb = await send(ada, files.claiming_png(20_000, 20_000))
    assert problem(bomb, 422, "accounts.photo_too_many_pixels")["most_pixels"] == 4096 * 4096
    large = await send(ada, files.plain() + bytes(5 * 1024 * 1024))
    assert problem(large, 413, "edge.file_too_large")["limit_bytes"] == 5 * 1024 * 1024
    problem(await send(ada, b""), 422, "edge.file_empty")
    assert stored(settings) == before


async def test_nobody_sets_a_photo_all_the_time(world: World, settings: Settings) -> None:
    ada = await world.person("ada")
    for _ in range(settings.photos_a_minute):
        await send(ada, b"not a photo")
    problem(await send(ada, files.plain()), 429, "edge.too_many_tries")
    problem(await world.client.put(PHOTO, content=files.plain()), 401, "core.not_signed_in")


def path_of(settings: Settings, url: str) -> Path:
    sha256 = digest(url)
    return settings.home / "blobs" / "sha256" / sha256[:2] / sha256


async def test_another_photo_deletes_the_one_before(world: World, settings: Settings) -> None:
    ada = await world.person("ada")
    first = await show(world, ada, "blue")
    second = await show(world, ada, "green")
    assert (await show(world, ada, "green")) == second
    problem(await world.client.get(first["url"]), 404, "accounts.photo_not_found")
    await forget_all(world)
    for url in first.values():
        assert not path_of(settings, url).exists()
    for url in second.values():
        assert (await world.client.get(url)).status_code == 200


async def test_a_removed_photo_is_deleted_unless_another_shows_the_same(
    world: World, settings: Settings
) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    mine, theirs = await show(world, ada, "gold"), await show(world, bob, "gold")
    assert digest(mine["url"]) == digest(theirs["url"])
    assert (await ada.ask("DELETE", PHOTO)).status_code == 204
    assert (await ada.ask("DELETE", PHOTO)).status_code == 204
    problem(await world.client.get(mine["url"]), 404, "accounts.photo_not_found")
    await forget_all(world)
    assert (await world.client.get(theirs["url"])).status_code == 200
    assert (await ada.get("/v1/users/me")).json()["photo"] is None
    assert len(await ada.events(types="user.photo_removed")) == 1
    await bob.ask("DELETE", PHOTO)
    await forget_all(world)
    assert not path_of(settings, mine["url"]).exists()


async def test_an_admin_takes_a_photo_off_and_says_why(world: World) -> None:
    ada, admin = await world.person("ada"), await world.person("admin", Role.ADMIN)
    photo, path = await show(world, ada, "teal"), f"/v1/admin/users/{ada.id}/photo"
    why = {"reason": "It shows somebody else."}
    problem(await ada.ask("DELETE", path, params=why), 403, "accounts.admins_only")
    assert (await admin.ask("DELETE", path)).status_code == 422
    assert (await admin.ask("DELETE", path, params=why)).status_code == 204
    problem(await admin.ask("DELETE", path, params=why), 404, "accounts.photo_not_found")
    problem(await world.client.get(photo["url"]), 404, "accounts.photo_not_found")
    (told,) = await ada.events(types="user.photo_removed")
    assert told["reason"] == why["reason"]


async def test_an_export_has_the_photo_and_erasure_deletes_it(
    world: World, settings: Settings
) -> None:
    ada = await world.person("ada")
    photo = await show(world, ada, "purple")
    made = await ask_export(ada)
    await make(world, ada, made["id"])
    archive = (await ada.get(f"{EXPORTS}/{made['id']}/file")).content
    assert b"photo.webp" in archive
    await erase(world, ada)
    problem(await world.client.get(photo["url"]), 404, "accounts.photo_not_found")
    await forget_all(world)
    for url in photo.values():
        assert not path_of(settings, url).exists()


async def test_who_is_killed_before_the_row_leaves_nothing_public_and_nothing_for_ever(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blobs are there, and the transaction that names them never ends well."""
    ada, before = await world.person("ada"), stored(settings)
    keep = kept_files.keep

    async def keep_and_break(*arguments: Any) -> None:
        await keep(*arguments)
        raise RuntimeError("killed")

    with monkeypatch.context() as breaking:
        breaking.setattr(kept_files, "keep", keep_and_break)
        assert (await send(ada, files.plain("orange"))).status_code == 500
    (left,) = stored(settings) - before
    url = f"/v1/users/{ada.id}/photos/{left.name}"
    problem(await world.client.get(url), 404, "accounts.photo_not_found")
    shown = await show(world, ada, "lime")
    grow_old(settings, left.name, *map(digest, shown.values()))
    await collect(world)
    assert not left.exists()
    assert path_of(settings, shown["url"]).exists()
    assert path_of(settings, shown["thumbnail_url"]).exists()
