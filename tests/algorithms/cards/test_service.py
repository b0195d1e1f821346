"""The HTML of a card is kept when it is written, and made anew where what is kept is not of it."""

from typing import Any

from sqlalchemy import text

from dml.core.context import Role
from tests.accounts.privacy.test_erasing import erase
from tests.algorithms.offers import offer
from tests.algorithms.test_search import lists
from tests.world import World, problem


async def kept(world: World, algorithm_id: str) -> Any:
    async with world.parts.sessions.begin() as tx:
        query = text("SELECT renderer, html FROM rendered_cards WHERE algorithm_id = :id")
        return (await tx.execute(query, {"id": algorithm_id})).one_or_none()


async def change(world: World, sql: str, algorithm_id: str) -> None:
    async with world.parts.sessions.begin() as tx:
        await tx.execute(text(sql), {"id": algorithm_id})


async def shown(world: World, slug: str) -> str:
    answer = await world.client.get(f"/algorithms/{slug}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_card_is_rendered_when_it_is_written_and_edited(world: World) -> None:
    ada = await world.person("ada")
    made = await lists(world, ada, model_card="# One")
    assert (await kept(world, made)).html == "<h3>One</h3>\n"
    await ada.patch(f"/v1/algorithms/{made}", {"model_card": "# Two"})
    assert (await kept(world, made)).html == "<h3>Two</h3>\n"
    await ada.patch(f"/v1/algorithms/{made}", {"title": "Another"})
    assert (await kept(world, made)).html == "<h3>Two</h3>\n"


async def test_what_the_release_before_wrote_is_rendered_by_whoever_reads_it_first(
    world: World,
) -> None:
    ada = await world.person("ada")
    made = await lists(world, ada, model_card="# One")
    slug = (await world.client.get(f"/v1/algorithms/{made}")).json()["slug"]
    for sql in (
        "UPDATE algorithms SET model_card = '# Two' WHERE id = :id",
        "DELETE FROM rendered_cards WHERE algorithm_id = :id",
        "UPDATE rendered_cards SET renderer = 0, html = 'old' WHERE algorithm_id = :id",
    ):
        await change(world, sql, made)
        assert "<h3>Two</h3>" in await shown(world, slug)
        now = await kept(world, made)
        assert (now.renderer, now.html) == (1, "<h3>Two</h3>\n")


async def test_it_goes_with_its_draft_and_with_its_developer(world: World) -> None:
    ada = await world.person("ada")
    draft = (await ada.post("/v1/algorithms", offer())).json()["id"]
    listed = await lists(world, ada)
    assert (await ada.ask("DELETE", f"/v1/algorithms/{draft}")).status_code == 204
    assert await kept(world, draft) is None
    await erase(world, ada)
    assert await kept(world, listed) is None


async def test_a_card_has_at_most_so_many_bytes(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    for card in ("é" * 10_000, "x" * 20_000):  # Both of 20,000 bytes.
        assert (await ada.post("/v1/algorithms", offer(model_card=card))).status_code == 201
    path = f"/v1/algorithms/{await lists(world, ada)}"
    for card in ("日" * 7_000, "x" * 20_001, "", " ", "a\0b"):
        for answer in (
            await ada.post("/v1/algorithms", offer(model_card=card)),
            await ada.patch(path, {"model_card": card}),
        ):
            errors = problem(answer, 422, "http.422")["errors"]
            assert [it["pointer"] for it in errors] == ["/model_card"]
    long = "UPDATE algorithms SET model_card = repeat('日', 9000) WHERE id = :id"
    await change(world, long, path.rpartition("/")[2])
    read = await mia.get(path)
    assert len(read.json()["model_card"]) == 9_000, "what is longer already stays readable"
    assert "日日" in await shown(world, read.json()["slug"])
