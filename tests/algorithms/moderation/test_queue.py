"""What moderators see of a version that waits, what they say, and what its developer hears."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update

from dml.algorithms.models import Version
from dml.algorithms.moderation import queries
from dml.algorithms.moderation.likeness import AGREEMENT_LEAST
from dml.core.context import Role
from dml.core.ids import VersionId, new_id
from tests.accounts.notices.told import notices, verified
from tests.accounts.organisations.societies import acting, found, join
from tests.algorithms.offers import (
    LABELS,
    accept_agreement,
    approve,
    check,
    make_algorithm,
    offer,
    upload,
)
from tests.inference.linear import linear_model, tuned, weights
from tests.world import Person, World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")
QUEUE = "/v1/moderation/versions"


async def submitted(world: World, person: Person, model: bytes, **changes: Any) -> str:
    """Bring a version into review; the answer is its path."""
    path = await upload(person, await make_algorithm(person, **changes), model)
    await check(world, person, path)
    answer = await person.post(f"{path}/submit")
    assert answer.status_code == 200, answer.text
    return path


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


async def reviewed(moderator: Person, path: str) -> Any:
    answer = await moderator.get(f"{QUEUE}/{id_of(path)}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_longest_waiting_comes_first_with_what_is_known(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    paths = [await submitted(world, ada, linear_model(weights(it))) for it in (1, 2, 3)]
    # The first is sent anew, and so waits for the shortest time.
    await ada.post(f"{paths[0]}/withdraw")
    await ada.post(f"{paths[0]}/submit")
    query = f"{QUEUE}?developer_id={ada.id}"
    waiting = (await mia.get(query)).json()["items"]
    assert [it["id"] for it in waiting] == [id_of(paths[it]) for it in (1, 2, 0)]
    for it in waiting:
        assert it["may_judge"]
        assert it["passport"]["runs_agree"]
        assert 0 <= it["waiting_seconds"] < 600
        assert it["earlier_refusals"] == 0
        assert it["twins"] == []
    page = (await mia.get(f"{query}&limit=2")).json()
    rest = (await mia.get(f"{query}&limit=2&cursor={page['next_cursor']}")).json()
    assert [it["id"] for it in page["items"] + rest["items"]] == [it["id"] for it in waiting]
    assert rest["next_cursor"] is None
    other = (await mia.get("/v1/algorithms?limit=1&sort=runs")).json()["next_cursor"]
    if other:
        assert (await mia.get(f"{query}&cursor={other}")).status_code == 422

    reason = {"reason_code": "data_not_named"}
    rejected = (await mia.post(f"{paths[1]}/reject", reason)).json()
    assert rejected["review_code"] == "data_not_named"
    assert "trained on" in rejected["review_reason"]
    assert (await reviewed(mia, paths[2]))["earlier_refusals"] == 1
    assert (await reviewed(mia, paths[1]))["earlier_refusals"] == 0  # None but itself.
    problem(await ada.get(QUEUE), 403, "accounts.moderators_only")
    problem(await ada.get(f"{QUEUE}/{id_of(paths[2])}"), 403, "accounts.moderators_only")
    problem(await mia.get(f"{QUEUE}/{new_id()}"), 404, "algorithms.version_not_found")


async def test_a_moderator_sees_how_it_answers_fixed_pictures(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await submitted(world, ada, linear_model(weights(4)))
    samples = (await reviewed(mia, path))["samples"]
    assert [it["name"] for it in samples] == ["color_bars", "figure", "landscape", "face"]
    for it in samples:
        kind, _, data = it["picture"].partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
        assert len(it["picture"]) < 16_500
        shares = [label["confidence"] for label in it["labels"]]
        assert shares == sorted(shares, reverse=True)
        assert {label["label"] for label in it["labels"]} <= set(LABELS)


async def test_copies_of_others_are_shown_to_moderators_and_to_nobody_else(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    own, seed = weights(5), 5
    original = await submitted(world, ada, linear_model(own), title="Original")
    await approve_again(world, original)
    again = await submitted(world, ada, linear_model(own, producer="ada"))

    async def twins(path: str) -> list[dict[str, Any]]:
        shown = (await reviewed(mia, path))["twins"]
        return [it for it in shown if it["developer_id"] == str(ada.id)]

    same_file = await submitted(world, eve, linear_model(own))
    (first, *_) = (await reviewed(mia, same_file))["twins"]
    assert (first["is_same_file"], first["algorithm_title"]) == (True, "Original")
    assert (first["agreement"], first["probes"], first["state"]) == (1.0, 256, "approved")

    exported_anew = await submitted(world, eve, linear_model(own, producer="eve"))
    assert {it["version_id"] for it in await twins(exported_anew)} == {
        id_of(original),
        id_of(again),
    }
    assert [it["agreement"] for it in await twins(exported_anew)] == [1.0, 1.0]
    assert [it["is_same_file"] for it in await twins(exported_anew)] == [False, False]

    turned = list(reversed(range(10)))
    labels = [LABELS[it] for it in turned]
    reordered = linear_model(own, columns=turned, producer="eve")
    by_name = await submitted(world, eve, reordered, labels=labels)
    assert [it["agreement"] for it in await twins(by_name)] == [1.0, 1.0]

    trained_on = linear_model(tuned(own, 0.01), producer="eve")
    (close, *_) = await twins(await submitted(world, eve, trained_on))
    assert AGREEMENT_LEAST <= close["agreement"] <= 1
    assert close["confidence_difference"] > 0

    unrelated = linear_model(weights(seed + 1_000), producer="eve")
    assert await twins(await submitted(world, eve, unrelated)) == []
    # Nobody but moderators is told, and one's own are no twins.
    assert await twins(again) == []
    assert "twins" not in (await eve.get(exported_anew)).json()
    exported = (await eve.get(f"{exported_anew}/timeline")).text
    assert str(ada.id) not in exported


async def approve_again(world: World, path: str) -> None:
    moderator = await world.person("moderator", Role.MODERATOR)
    assert (await moderator.post(f"{path}/approve")).status_code == 200


async def test_twins_are_found_with_an_index_of_vectors_and_without(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    async with world.parts.sessions() as tx:
        assert await tx.scalar(queries._HAS_VECTORS)  # The embedded server has pgvector.
    original = await submitted(world, ada, linear_model(weights(6)))
    found = []
    for has_vectors in ("true", "false"):
        monkeypatch.setattr(queries, "_HAS_VECTORS", text(f"SELECT {has_vectors}"))
        copy = await submitted(world, eve, linear_model(weights(6), producer=has_vectors))
        shown = (await reviewed(mia, copy))["twins"]
        found.append({it["version_id"] for it in shown if it["developer_id"] == str(ada.id)})
    assert found == [{id_of(original)}, {id_of(original)}]


async def test_who_acts_for_an_organisation_may_not_judge_what_is_its_own(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    other = await world.person("other", Role.MODERATOR)
    society = await found(ada)
    await join(world, ada, society, mia)
    await accept_agreement(ada)
    us = acting(ada, society)
    path = await upload(us, (await us.post("/v1/algorithms", offer())).headers["location"])
    await check(world, us, path)
    await us.post(f"{path}/submit")
    assert (await reviewed(mia, path))["may_judge"] is False
    assert (await reviewed(other, path))["may_judge"] is True
    problem(await mia.post(f"{path}/approve"), 403, "algorithms.own_version")


async def test_a_ready_reason_is_for_some_decisions_and_told_to_anybody(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    ready = (await world.client.get("/v1/moderation/reasons")).json()["items"]
    assert len(ready) >= 10
    assert all(it["text"] and it["decisions"] for it in ready)
    path = await submitted(world, ada, linear_model(weights(7)))
    wrong = await mia.post(f"{path}/reject", {"reason_code": "as_described"})
    told = problem(wrong, 422, "algorithms.reason_not_for_this")
    assert "copy" in told["allowed"]
    assert (await mia.post(f"{path}/reject", {})).status_code == 422
    assert (await mia.post(f"{path}/reject", {"reason_code": "nonsense"})).status_code == 422
    approved = (await mia.post(f"{path}/approve", {"reason_code": "as_described"})).json()
    assert (approved["state"], approved["review_code"]) == ("approved", "as_described")
    both = {"reason_code": "unlawful_data", "reason": "Photos of patients."}
    recalled = (await mia.post(f"{path}/recall", both)).json()
    assert (recalled["recall_code"], recalled["recall_reason"]) == (
        "unlawful_data",
        "Photos of patients.",
    )


async def test_an_appeal_goes_from_its_developer_to_another_moderator(world: World) -> None:
    ada = await verified(world)
    eve, mia = await world.person("eve"), await world.person("mia", Role.MODERATOR)
    lin = await world.person("lin", Role.MODERATOR)
    path = await submitted(world, ada, linear_model(weights(8)))
    algorithm = path.rpartition("/versions/")[0]
    body = {"text": "It names its data."}
    problem(await ada.post(f"{path}/appeal", body), 409, "algorithms.nothing_to_appeal")
    await mia.post(f"{path}/reject", {"reason_code": "data_not_named"})
    problem(await eve.post(f"{path}/appeal", body), 404, "algorithms.not_found")
    assert (await ada.post(f"{path}/appeal", {"text": ""})).status_code == 422
    assert (await ada.post(f"{path}/appeal", {"text": "x" * 5_001})).status_code == 422
    made = (await ada.post(f"{path}/appeal", body)).json()
    assert (made["state"], made["decision"], made["decided_code"]) == (
        "open",
        "rejection",
        "data_not_named",
    )
    problem(await ada.post(f"{path}/appeal", body), 409, "algorithms.appealed_already")
    problem(await eve.get(f"{algorithm}/appeals"), 404, "algorithms.not_found")
    problem(await ada.get("/v1/moderation/appeals"), 403, "accounts.moderators_only")

    appeal = f"/v1/moderation/appeals/{made['id']}"
    because = {"reason": "It does, below."}
    problem(await ada.post(f"{appeal}/overturn", because), 403, "accounts.moderators_only")
    problem(await mia.post(f"{appeal}/overturn", because), 403, "algorithms.own_decision")
    nowhere = f"/v1/moderation/appeals/{new_id()}/uphold"
    problem(await lin.post(nowhere, because), 404, "algorithms.appeal_not_found")
    resolved = (await lin.post(f"{appeal}/overturn", because)).json()
    assert (resolved["state"], resolved["resolution"]) == ("overturned", "It does, below.")
    problem(await lin.post(f"{appeal}/uphold", because), 409, "algorithms.appeal_resolved")
    assert (await world.client.get(path)).json()["state"] == "approved"
    shown = (await ada.get(f"{algorithm}/appeals")).json()["items"]
    assert [it["resolution"] for it in shown] == ["It does, below."]

    told = await notices(world, ada)
    assert [it.kind for it in told] == ["version_rejected", "version_approved"]
    assert "(data_not_named)" in told[0].text
    assert "dml model appeal" in told[0].text
    assert "If that was not you" not in told[0].text
    assert "It does, below." in told[1].text


async def test_a_suspension_is_told_unless_it_is_ones_own(world: World) -> None:
    ada, mia = await verified(world), await world.person("mia", Role.MODERATOR)
    path = await upload(ada, await make_algorithm(ada), linear_model(weights(9)))
    await approve(world, ada, path)
    algorithm = path.rpartition("/versions/")[0]
    why = {"reason": "a pause"}
    assert (await ada.post(f"{algorithm}/suspend", why)).status_code == 200
    assert (
        await mia.post(f"{algorithm}/suspend", {"reason_code": "misleading"})
    ).status_code == 200
    told = await notices(world, ada)
    assert [it.kind for it in told] == ["version_approved", "algorithm_suspended"]
    assert "(misleading)" in told[1].text


async def test_what_waits_is_counted(world: World) -> None:
    ada = await world.person("ada")
    path = await submitted(world, ada, linear_model(weights(10)))
    async with world.parts.sessions.begin() as tx:
        now = datetime.now(UTC)
        old = update(Version).where(Version.id == VersionId(UUID(id_of(path))))
        await tx.execute(old.values(submitted_at=now - timedelta(days=400)))
        waiting = await queries.count_waiting(tx, now)
        await tx.rollback()
    assert waiting.versions >= 1
    assert waiting.oldest_version_seconds == pytest.approx(400 * 86_400, abs=5)
