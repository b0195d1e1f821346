"""Algorithms through HTTP: each verb once well, each refusal, and who may see what."""

import hashlib
from typing import Any

import pytest

from dml.core.context import Role
from dml.core.ids import new_id
from dml.core.worker import WorkerParts
from tests.algorithms.offers import (
    GOOD,
    LABELS,
    accept_agreement,
    approve,
    check,
    make_algorithm,
    offer,
    upload,
)
from tests.world import World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")


async def test_an_algorithm_is_offered_uploaded_checked_reviewed_and_listed(
    world: World,
) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    tag = f"t-{new_id()}"
    offered = await ada.post("/v1/algorithms", offer(tags=[tag]))
    assert offered.status_code == 201, offered.text
    draft = offered.json()
    assert draft["state"] == "draft"
    assert draft["approved_version"] is None
    assert (draft["device_fee"], draft["data_kind"], draft["labels"]) == ("0.05", "photo", LABELS)
    path = offered.headers["location"]
    assert path == f"/v1/algorithms/{draft['id']}"

    await accept_agreement(ada)
    version_path = await upload(ada, path)
    uploaded = (await ada.get(version_path)).json()
    assert (uploaded["state"], uploaded["number"]) == ("uploaded", 1)
    assert (uploaded["sha256"], uploaded["size"]) == (hashlib.sha256(GOOD).hexdigest(), len(GOOD))

    checked = await check(world, ada, version_path)
    assert (checked["state"], checked["refusals"]) == ("checked", [])
    assert checked["signature"]["inputs"][0]["shape"] == [None, 64]
    submitted = await ada.post(f"{version_path}/submit")
    assert submitted.json()["state"] == "in_review"
    waiting = (await mia.get("/v1/moderation/versions?limit=100")).json()["items"]
    (mine,) = [it for it in waiting if it["id"] == uploaded["id"]]
    assert (mine["algorithm_title"], mine["developer_id"]) == ("Digits", str(ada.id))

    approved = await mia.post(f"{version_path}/approve", {"reason": "well made"})
    assert (approved.json()["state"], approved.json()["review_reason"]) == ("approved", "well made")
    listed = (await world.client.get(f"/v1/algorithms?tag={tag}")).json()
    (shown,) = listed["items"]
    assert shown["state"] == "listed"
    assert shown["approved_version"] == {"id": uploaded["id"], "number": 1}
    whole = (await world.client.get(path)).json()
    whole_alone = {"model_card": "# Digits", "labels": LABELS, "suspended_by": None}
    assert whole == {**shown, **whole_alone}


async def test_who_sees_a_draft_and_its_versions(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version_path = await upload(ada, path)
    for who in (ada, mia):
        for known in (path, f"{path}/timeline", f"{path}/versions", version_path):
            assert (await who.get(known)).status_code == 200, known
        for known in (f"{version_path}/timeline", f"{version_path}/file"):
            assert (await who.get(known)).status_code == 200, known
    for hidden in (path, f"{path}/timeline", f"{path}/versions", version_path):
        problem(await eve.get(hidden), 404, "algorithms.not_found")
    for hidden in (f"{version_path}/timeline", f"{version_path}/file"):
        problem(await eve.get(hidden), 404, "algorithms.not_found")
    for hidden in (path, f"{path}/versions", version_path):
        problem(await world.client.get(hidden), 404, "algorithms.not_found")
    for closed in (f"{path}/timeline", f"{version_path}/timeline", f"{version_path}/file"):
        problem(await world.client.get(closed), 401, "core.not_signed_in")


async def test_others_see_of_a_listed_algorithm_what_is_approved(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    path = await make_algorithm(ada)
    first = await upload(ada, path)
    await approve(world, ada, first)
    second = await upload(ada, path, width=4, height=16)
    for client in (eve.client, eve):
        shown = (await client.get(f"{path}/versions")).json()["items"]
        assert [it["number"] for it in shown] == [1]
        assert (await client.get(first)).status_code == 200
        problem(await client.get(second), 404, "algorithms.version_not_found")
    problem(await eve.get(f"{first}/file"), 404, "algorithms.version_not_found")
    problem(await eve.get(f"{first}/timeline"), 404, "algorithms.version_not_found")
    problem(await eve.get(f"{path}/timeline"), 404, "algorithms.not_found")
    assert [it["number"] for it in (await ada.get(f"{path}/versions")).json()["items"]] == [2, 1]

    page = (await ada.get(f"{path}/versions?limit=1")).json()
    rest = (await ada.get(f"{path}/versions?limit=1&cursor={page['next_cursor']}")).json()
    assert [it["number"] for it in page["items"] + rest["items"]] == [2, 1]
    assert rest["next_cursor"] is None


async def test_a_version_is_found_under_its_own_algorithm_alone(world: World) -> None:
    ada = await world.person("ada")
    path, other = await make_algorithm(ada), await make_algorithm(ada)
    version = (await upload(ada, path)).rsplit("/", 1)[1]
    elsewhere = f"{other}/versions/{version}"
    for wrong in (elsewhere, f"{path}/versions/{new_id()}"):
        problem(await ada.get(wrong), 404, "algorithms.version_not_found")
        problem(await ada.get(f"{wrong}/file"), 404, "algorithms.version_not_found")
        problem(await ada.post(f"{wrong}/submit"), 404, "algorithms.version_not_found")
    nowhere = f"/v1/algorithms/{new_id()}"
    for wrong in (nowhere, f"{nowhere}/versions", f"{nowhere}/timeline"):
        problem(await ada.get(wrong), 404, "algorithms.not_found")
    assert (await ada.get("/v1/algorithms/none")).status_code == 422


async def test_a_list_is_filtered_and_cut_into_pages(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    tag = f"t-{new_id()}"
    paths = [await make_algorithm(ada, tags=["other", tag]) for _ in range(3)]
    ids = [path.rsplit("/", 1)[1] for path in paths]

    async def listed(who: Any, query: str) -> list[str]:
        answer = await who.get(f"/v1/algorithms?{query}")
        assert answer.status_code == 200, answer.text
        return [it["id"] for it in answer.json()["items"]]

    assert await listed(eve, f"tag={tag}") == []
    assert await listed(ada, "mine=true") == ids[::-1]
    assert await listed(ada, "mine=true&state=listed") == []
    assert await listed(ada, "mine=true&kind=image&state=draft") == ids[::-1]
    assert await listed(eve, "mine=true") == []
    assert await listed(mia, f"state=draft&tag={tag}") == ids[::-1]
    problem(await eve.get("/v1/algorithms?state=draft"), 403, "accounts.moderators_only")
    problem(await world.client.get("/v1/algorithms?mine=true"), 401, "core.not_signed_in")

    page = (await ada.get("/v1/algorithms?mine=true&limit=2")).json()
    assert [it["id"] for it in page["items"]] == [ids[2], ids[1]]
    cursor = page["next_cursor"]
    assert await listed(ada, f"mine=true&limit=2&cursor={cursor}") == [ids[0]]

    await approve(world, ada, await upload(ada, paths[1]))
    assert await listed(world.client, f"tag={tag}&state=listed") == [ids[1]]
    for wrong in ("kind=smell", "state=gone", "limit=0", "limit=101", "cursor=x", "more=1", "tag="):
        assert (await ada.get(f"/v1/algorithms?{wrong}")).status_code == 422, wrong


async def test_moderators_suspend_and_resume_with_a_reason(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path, reason = await make_algorithm(ada), {"reason": "a complaint"}
    for verb in ("suspend", "resume"):
        refused = problem(await mia.post(f"{path}/{verb}", reason), 409, "algorithms.wrong_state")
        allowed = ["announced", "archived", "listed"]
        assert (refused["state"], refused["allowed"]) == ("draft", allowed)
        assert (await mia.post(f"{path}/{verb}", {})).status_code == 422
    await approve(world, ada, await upload(ada, path))

    suspended = await mia.post(f"{path}/suspend", reason)
    assert suspended.json()["state"] == "suspended"
    problem(await world.client.get(path), 404, "algorithms.not_found")
    assert (await ada.get(path)).json()["state"] == "suspended"
    again = problem(await mia.post(f"{path}/suspend", reason), 409, "algorithms.wrong_state")
    assert again["allowed"] == ["announced", "archived", "listed"]
    assert (await mia.post(f"{path}/resume", reason)).json()["state"] == "listed"
    assert (await world.client.get(path)).status_code == 200


async def test_nobody_lists_their_own_again_that_was_suspended(world: World) -> None:
    ada, mia = [await world.person(it, Role.MODERATOR) for it in ("ada", "mia")]
    path, reason = await make_algorithm(ada), {"reason": "a complaint"}
    await approve(world, ada, await upload(ada, path))
    await mia.post(f"{path}/suspend", reason)
    refused = await ada.post(f"{path}/resume", reason)
    problem(refused, 403, "algorithms.own_version")
    assert (await mia.post(f"{path}/resume", reason)).json()["state"] == "listed"
    assert (await ada.post(f"{path}/suspend", reason)).json()["state"] == "suspended"


@pytest.mark.parametrize("body", [None, {}, {"reason": "it is old"}])
async def test_its_developer_archives_an_algorithm_for_good(world: World, body: Any) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    path = await make_algorithm(ada)
    await approve(world, ada, await upload(ada, path))
    problem(await eve.post(f"{path}/archive", body), 403, "algorithms.not_developer")
    assert (await ada.post(f"{path}/archive", body)).json()["state"] == "archived"
    problem(await ada.post(f"{path}/archive", body), 409, "algorithms.wrong_state")
    problem(await eve.get(path), 404, "algorithms.not_found")


async def test_a_moderator_archives_what_is_not_theirs(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    answer = await mia.post(f"{path}/archive", {"reason": "stolen"})
    assert answer.json()["state"] == "archived"


async def test_a_review_is_refused_where_it_is_not_due(world: World) -> None:
    ada, eve = await world.person("ada", Role.MODERATOR), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version = await upload(ada, path)
    early = problem(await ada.post(f"{version}/submit"), 409, "algorithms.wrong_state")
    assert (early["state"], early["allowed"]) == ("uploaded", ["checked", "refused"])
    await check(world, ada, version)
    problem(await mia.post(f"{version}/submit"), 403, "algorithms.not_developer")
    problem(await eve.post(f"{version}/submit"), 404, "algorithms.not_found")
    assert (await ada.post(f"{version}/submit")).json()["state"] == "in_review"
    twice = problem(await ada.post(f"{version}/submit"), 409, "algorithms.wrong_state")
    assert (twice["state"], twice["allowed"]) == (
        "in_review",
        ["approved", "checked", "rejected"],
    )

    reason = {"reason": "no"}
    for verb in ("approve", "reject"):
        problem(await ada.post(f"{version}/{verb}", reason), 403, "algorithms.own_version")
        problem(await eve.post(f"{version}/{verb}", reason), 403, "accounts.moderators_only")
    for nothing in (None, {}, {"reason": ""}, {"reason": "nul \0"}, {"reason": "x" * 2_001}):
        assert (await mia.post(f"{version}/reject", nothing)).status_code == 422
    rejected = (await mia.post(f"{version}/reject", reason)).json()
    assert (rejected["state"], rejected["review_reason"]) == ("rejected", "no")
    past_appeal = problem(await mia.post(f"{version}/approve"), 409, "algorithms.wrong_state")
    assert past_appeal["allowed"] == ["deleted"]
    assert (await ada.get(path)).json()["state"] == "draft"


async def test_moderators_see_versions_by_state_and_others_do_not(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    problem(await ada.get("/v1/moderation/versions"), 403, "accounts.moderators_only")
    problem(await world.client.get("/v1/moderation/versions"), 401, "core.not_signed_in")
    path = await make_algorithm(ada)
    made = []
    specs: list[dict[str, Any]] = [{}, {"width": 4, "height": 16}]
    for spec in specs:
        made.append(version := await upload(ada, path, **spec))
        await check(world, ada, version)
        await ada.post(f"{version}/submit")
    seen, cursor = [], ""
    while cursor is not None:
        page = (await mia.get(f"/v1/moderation/versions?limit=1{cursor}")).json()
        seen += [it["id"] for it in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    mine = [version.rsplit("/", 1)[1] for version in made]
    assert [it for it in seen if it in mine] == mine  # The longest waiting first.
    for state in ("uploaded", "approved"):
        answer = await mia.get(f"/v1/moderation/versions?state={state}")
        assert {it["state"] for it in answer.json()["items"]} <= {state}


async def test_a_file_comes_back_as_it_was_sent(world: World) -> None:
    ada = await world.person("ada")
    version = await upload(ada, await make_algorithm(ada))
    answer = await ada.get(f"{version}/file")
    assert answer.content == GOOD
    assert answer.headers["content-length"] == str(len(GOOD))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["etag"] == f'"{hashlib.sha256(GOOD).hexdigest()}"'
    name = f"{version.rsplit('/', 1)[1]}.onnx"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


async def test_a_timeline_tells_what_happened_and_what_is_next(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version = await upload(ada, path)

    async def told(who: Any) -> Any:
        return (await who.get(f"{version}/timeline")).json()

    uploaded = await told(ada)
    assert [it["action"] for it in uploaded["next"]] == ["check", "give_up"]
    assert uploaded["next"][0]["at"] < uploaded["next"][1]["at"]
    await check(world, ada, version)
    assert (await told(ada))["next"] == [{"action": "submit", "at": None}]
    await ada.post(f"{version}/submit")
    assert (await told(ada))["next"] == [{"action": "review", "at": None}]
    await mia.post(f"{version}/reject", {"reason": "no licence"})

    mine, theirs = await told(ada), await told(mia)
    assert mine["next"] == []
    assert [(it["action"], it["actor"]) for it in mine["entries"]] == [
        ("uploaded", "you"),
        ("checked", "system"),
        ("submitted", "you"),
        ("rejected", "moderator"),
    ]
    assert [it["actor"] for it in theirs["entries"]] == ["owner", "system", "owner", "you"]
    last = mine["entries"][-1]
    assert (last["from_state"], last["to_state"]) == ("in_review", "rejected")
    assert last["reason"] == "no licence"
    (created,) = (await ada.get(f"{path}/timeline")).json()["entries"]
    assert (created["action"], created["to_state"]) == ("created", "draft")


async def test_a_lost_file_is_our_failure(world: World, worker_parts: WorkerParts) -> None:
    ada = await world.person("ada")
    version = await upload(ada, await make_algorithm(ada, labels=["only"]), GOOD + b"\x5a\0")
    sha256 = (await ada.get(version)).json()["sha256"]
    folder = worker_parts.settings.home / "blobs" / "sha256"
    (folder / sha256[:2] / sha256).unlink()
    assert (await ada.get(f"{version}/file")).status_code >= 500


async def test_a_version_that_nobody_depends_on_is_deleted_by_its_developer_alone(
    world: World,
) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version_path = await upload(ada, path)
    uploaded = problem(await ada.ask("DELETE", version_path), 409, "algorithms.wrong_state")
    assert uploaded["state"] == "uploaded"  # Its check needs the file.
    await check(world, ada, version_path)
    problem(await eve.ask("DELETE", version_path), 404, "algorithms.not_found")
    problem(await mia.ask("DELETE", version_path), 403, "algorithms.not_developer")
    nobody = await world.client.delete(version_path)
    problem(nobody, 401, "core.not_signed_in")

    assert (await ada.ask("DELETE", version_path)).status_code == 204
    shown = (await ada.get(version_path)).json()
    assert (shown["state"], shown["signature"] is None) == ("deleted", False)
    problem(await ada.get(f"{version_path}/file"), 404, "algorithms.file_forgotten")
    problem(await ada.post(f"{version_path}/submit"), 409, "algorithms.wrong_state")
    problem(await ada.ask("DELETE", version_path), 409, "algorithms.wrong_state")
    told = (await ada.get(f"{version_path}/timeline")).json()
    assert told["entries"][-1]["action"] == "deleted", told
    again = await upload(ada, path)  # The same file is a new version, and not the deleted one.
    assert again != version_path
    await approve(world, ada, again)
    problem(await ada.ask("DELETE", again), 409, "algorithms.wrong_state")


@pytest.mark.parametrize("state", ["rejected", "refused"])
async def test_what_was_turned_down_can_be_deleted(world: World, state: str) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    model = GOOD if state == "rejected" else b"no model"
    version_path = await upload(ada, path, model)
    await check(world, ada, version_path)
    if state == "rejected":
        await ada.post(f"{version_path}/submit")
        problem(await ada.ask("DELETE", version_path), 409, "algorithms.wrong_state")
        await mia.post(f"{version_path}/reject", {"reason": "no"})
    assert (await ada.get(version_path)).json()["state"] == state
    assert (await ada.ask("DELETE", version_path)).status_code == 204
    assert (await ada.get(version_path)).json()["state"] == "deleted"
