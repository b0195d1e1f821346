"""What is written about algorithms: how long it may be, and that it shows and steers nothing."""

from typing import Any

import pytest

from dml.core.context import Role
from dml.core.ids import new_id
from tests.algorithms.offers import offer
from tests.world import World, problem


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"summary": ""}, "must not be empty"),
        ({"summary": "x" * 501}, "String should have at most 500 characters"),
        ({"tags": ["x" * 41]}, "String should have at most 40 characters"),
        ({"labels": ["x" * 101]}, "String should have at most 100 characters"),
        ({"model_card": "é" * 10_001}, "must have at most 20000 bytes in UTF-8"),
    ],
    ids=["empty", "long summary", "long tag", "long label", "long card"],
)
async def test_a_text_is_refused_with_its_own_limit(
    world: World, fields: dict[str, Any], detail: str
) -> None:
    ada = await world.person("ada")
    refused = problem(await ada.post("/v1/algorithms", offer(**fields)), 422, "http.422")
    assert [it["detail"] for it in refused["errors"]] == [detail]


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\x1b[2Jb", "\u2800"], ids=["turned", "control", "blank"]
)
async def test_what_others_read_is_refused_where_it_deceives(world: World, text: str) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    shown = {"title": text, "summary": text, "model_card": text, "labels": [text], "tags": [text]}
    refused = problem(await ada.post("/v1/algorithms", offer(**shown)), 422, "http.422")
    wrong = {it["pointer"].split("/")[1] for it in refused["errors"]}
    assert wrong == set(shown)
    some, reason = f"/v1/algorithms/{new_id()}", {"reason": text}
    for path in (
        *(f"{some}/{verb}" for verb in ("suspend", "resume", "archive")),
        *(f"{some}/versions/{new_id()}/{verb}" for verb in ("approve", "reject", "recall")),
        *(f"/v1/moderation/appeals/{new_id()}/{verb}" for verb in ("uphold", "overturn")),
    ):
        refused = problem(await mia.post(path, reason), 422, "http.422")
        assert [it["pointer"] for it in refused["errors"]] == ["/reason"], path


async def test_a_model_card_may_have_all_the_bytes_that_are_promised(world: World) -> None:
    ada = await world.person("ada")
    offered = await ada.post("/v1/algorithms", offer(model_card="x" * 20_000))
    assert len(offered.json()["model_card"]) == 20_000
    path, longest = offered.headers["location"], "x" * 2_001
    refused = await ada.put(f"{path}/rating", {"stars": 4, "text": longest})
    (error,) = problem(refused, 422, "http.422")["errors"]
    assert error["detail"] == "String should have at most 2000 characters"
