"""What a developer offers, as it is listed beside the public profile."""

import pytest

from tests.algorithms.offers import approve, make_algorithm, upload
from tests.world import World

pytestmark = pytest.mark.usefixtures("worker_parts")


async def test_what_a_developer_offers_is_listed_in_short_page_by_page(world: World) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    offered = []
    for title in ("First", "Second"):
        made = await make_algorithm(ada, title=title)
        await approve(world, ada, await upload(ada, made))
        offered.append(made.rpartition("/")[2])
    await make_algorithm(ada, title="A draft")
    path = f"/v1/users/{ada.id}/algorithms"
    first = (await world.client.get(path, params={"limit": 1})).json()
    assert [it["title"] for it in first["items"]] == ["Second"]
    assert "model_card" not in first["items"][0]
    query = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await world.client.get(path, params=query)).json()
    assert ([it["id"] for it in second["items"]], second["next_cursor"]) == ([offered[0]], None)
    assert (await bob.get(f"/v1/users/{bob.id}/algorithms")).json()["items"] == []
