"""Bounties through HTTP: bad input, what others see, and the list with its filters and pages."""

import json
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from dml.bounties.models import BountyState, Judging
from dml.core.ids import new_id
from dml.core.keyset import Seen
from tests.bounties.factories import MadeBounty, enroll, make_bounty, moderator, plan
from tests.bounties.test_attachments import PNG, attach
from tests.world import Person, World, problem, soon

PRIZE = {"place": 1, "amount": "1"}


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"prizes": []}, "http.422", "/prizes"),
        ({"prizes": [{"place": 1, "amount": "0"}]}, "http.422", "/prizes/0/amount"),
        ({"prizes": [{"place": 1, "amount": "-1"}]}, "http.422", "/prizes/0/amount"),
        ({"prizes": [{"place": 1, "amount": 1}]}, "http.422", "/prizes/0/amount"),
        ({"prizes": [{"place": 1, "amount": "0.0000001"}]}, "http.422", "/prizes/0/amount"),
        ({"prizes": [{"place": 0, "amount": "1"}]}, "http.422", "/prizes/0/place"),
        ({"prizes": [{"place": 2, "amount": "1"}]}, "http.422", "/prizes"),
        ({"prizes": [PRIZE, PRIZE]}, "http.422", "/prizes"),
        ({"prizes": [PRIZE, {"place": 3, "amount": "1"}]}, "http.422", "/prizes"),
        (
            {"prizes": [{"place": it, "amount": "1"} for it in range(1, 1_001)]},
            "http.422",
            "/prizes",
        ),
        (
            {"prizes": [{"place": it, "amount": "9000000000000"} for it in (1, 2)]},
            "http.422",
            "/prizes",
        ),
        ({"prizes": [PRIZE], "prize_total": "1.000001"}, "bounties.prizes_do_not_sum", None),
        ({"prizes": "100"}, "http.422", "/prizes"),
        ({"enrollment_fee": "-1"}, "http.422", "/enrollment_fee"),
        ({"enrollment_fee": "1000001"}, "http.422", "/enrollment_fee"),
        ({"enrolls_at": "2020-01-01T00:00:00Z"}, "bounties.dates_out_of_order", "/enrolls_at"),
        ({"enrolls_at": soon(days=3)}, "bounties.dates_out_of_order", "/submits_at"),
        ({"submits_at": soon(days=11)}, "bounties.dates_out_of_order", "/closes_at"),
        ({"judged_by": soon(days=5)}, "bounties.dates_out_of_order", "/judged_by"),
        ({"closes_at": "2190-01-01T00:00:00Z"}, "bounties.dates_out_of_order", "/closes_at"),
        ({"closes_at": "9999-12-31T23:59:59Z"}, "http.422", "/closes_at"),
        ({"closes_at": "0001-01-01T00:00:00+01:00"}, "http.422", "/closes_at"),
        ({"closes_at": "2027-01-01T00:00:00"}, "http.422", "/closes_at"),
        ({"closes_at": None}, "http.422", "/closes_at"),
        ({"dispute_seconds": -1}, "http.422", "/dispute_seconds"),
        ({"dispute_seconds": 61 * 86_400}, "http.422", "/dispute_seconds"),
        ({"judging": "dice"}, "http.422", "/judging"),
        ({"judging": "metric"}, "bounties.metric_missing", None),
        ({"metric": "accuracy.v1"}, "bounties.metric_missing", None),
        ({"judging": "metric", "metric": "accuracy"}, "http.422", "/metric"),
        ({"judging": "metric", "metric": "accuracy.v2"}, "http.422", "/metric"),
        ({"team_size_max": 6}, "http.422", "/team_size_max"),
        ({"team_size_max": 0}, "http.422", "/team_size_max"),
        ({"limits": {"per_day": 0}}, "http.422", "/limits/per_day"),
        ({"limits": {"total": 10_001}}, "http.422", "/limits/total"),
        ({"limits": {"a_week": 1}}, "http.422", "/limits/a_week"),
        ({"limits": {"concurrent": 2**64}}, "http.422", "/limits/concurrent"),
        ({"tags": ["a"] * 2}, "http.422", "/tags"),
        ({"tags": [f"tag {it}" for it in range(21)]}, "http.422", "/tags"),
        ({"name": "nul \0"}, "http.422", "/name"),
        ({"name": "half \ud800"}, "http.422", "/name"),
        ({"name": "two\nlines"}, "http.422", "/name"),
        ({"name": ""}, "http.422", "/name"),
        ({"name": "x" * 201}, "http.422", "/name"),
        ({"description": "x" * 10_001}, "http.422", "/description"),
        ({"rules": None}, "http.422", "/rules"),
        ({"ties": "coin"}, "http.422", "/ties"),
        ({"surprise": 1}, "http.422", "/surprise"),
    ],
)
async def test_a_bounty_that_cannot_be_is_refused(
    world: World, wrong: dict[str, Any], code: str, pointer: str | None
) -> None:
    owner = await world.person("owner")
    headers = {"content-type": "application/json"}
    content = json.dumps(plan() | wrong)
    refused = await owner.ask("POST", "/v1/bounties", content=content, headers=headers)
    told = problem(refused, 422, code)
    if pointer is not None:
        assert pointer in [it["pointer"] for it in told["errors"]]
    assert (await owner.get("/v1/bounties?mine=true")).json()["items"] == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": None}, "http.422"),
        ({"prizes": None}, "http.422"),
        ({"closes_at": None}, "http.422"),
        ({"prizes": [PRIZE], "prize_total": "2"}, "bounties.prizes_do_not_sum"),
        ({"enrolls_at": "2020-01-01T00:00:00Z"}, "bounties.dates_out_of_order"),
        ({"submits_at": soon(days=11)}, "bounties.dates_out_of_order"),
        ({"judging": "metric"}, "bounties.metric_missing"),
        ({"metric": "mae.v1"}, "bounties.metric_missing"),
        ({"state": "finished"}, "http.422"),
        ({"owner_id": str(new_id())}, "http.422"),
        ({"prize_pool": "1"}, "http.422"),
    ],
)
async def test_an_edit_that_cannot_be_is_refused(
    world: World, wrong: dict[str, Any], code: str
) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    before = await bounty.get()
    problem(await bounty.owner.patch(bounty.path, wrong), 422, code)
    assert await bounty.get() == before
    refused = await bounty.owner.patch(
        bounty.path, {"name": "x"}, headers={"If-Match": '"nonsense"'}
    )
    problem(refused, 422, "edge.bad_if_match")


async def test_a_draft_can_become_quite_another_bounty(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    prizes = [{"place": 2, "amount": "1"}, {"place": 1, "amount": "2.5"}]
    changed = await bounty.owner.patch(
        bounty.path,
        {"prizes": prizes, "prize_total": "3.5", "judging": "metric", "metric": "r2.v1"},
    )
    after = changed.json()
    assert (after["prize_pool"], after["metric"]) == ("3.5", "r2.v1")
    assert [it["amount"] for it in after["prizes"]] == ["2.5", "1"]
    back = await bounty.owner.patch(bounty.path, {"judging": "manual", "metric": None})
    assert (back.json()["judging"], back.json()["metric"]) == ("manual", None)


async def test_what_is_left_out_has_a_default(world: World) -> None:
    owner = await world.person("owner")
    made = (await owner.post("/v1/bounties", plan())).json()
    assert made["limits"] == {"per_day": 5, "concurrent": 3, "total": 100}
    assert (made["dispute_seconds"], made["team_size_max"], made["ties"]) == (604_800, 1, "share")
    closes, judged = (datetime.fromisoformat(made[it]) for it in ("closes_at", "judged_by"))
    assert (judged - closes).days == 14
    body = plan(judging=Judging.METRIC)
    made = (await owner.post("/v1/bounties", body)).json()
    closes, judged = (datetime.fromisoformat(made[it]) for it in ("closes_at", "judged_by"))
    assert (judged - closes).days == 2
    assert made["counts"] == {"entrants": 0, "submissions": 0}
    assert (made["test_set"], made["thumbnail_url"], made["cover_url"]) == (None, None, None)


async def test_the_same_bounty_under_one_key_is_one_bounty(world: World) -> None:
    owner, headers = await world.rich("owner", "1000"), {"Idempotency-Key": "one"}
    body = plan()
    first = await owner.post("/v1/bounties", body, headers=headers)
    again = await owner.post("/v1/bounties", body, headers=headers)
    assert (first.status_code, again.text) == (201, first.text)
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["etag"].startswith('"1-')
    path, headers = f"/v1/bounties/{first.json()['id']}/fund", {"Idempotency-Key": "two"}
    first, again = [await owner.post(path, headers=headers) for _ in range(2)]
    assert (first.status_code, again.text) == (200, first.text)


async def test_a_bounty_with_a_metric_is_funded_with_a_checked_test_set_only(world: World) -> None:
    owner = await world.rich("owner", "1000")
    made = (await owner.post("/v1/bounties", plan(judging=Judging.METRIC))).json()
    refused = await owner.post(f"/v1/bounties/{made['id']}/fund")
    problem(refused, 409, "bounties.test_set_not_checked")
    assert (await owner.get("/v1/payments/balance")).json()["available"] == "1000"


async def test_a_bounty_whose_submissions_would_have_begun_is_not_funded(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text(
                "UPDATE bounties SET enrolls_at = now() - interval '2 days',"
                " submits_at = now() - interval '1 day' WHERE id = :id"
            ),
            {"id": bounty.id},
        )
    problem(await bounty.owner.post(f"{bounty.path}/fund"), 409, "bounties.too_late_to_fund")
    assert (await bounty.get())["state"] == "draft"
    async with world.parts.sessions.begin() as tx:
        await tx.execute(text("DELETE FROM bounties WHERE id = :id"), {"id": bounty.id})


async def test_the_commitment_is_told_once_people_can_enter(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, state=BountyState.FUNDED)
    assert (await world.client.get(bounty.path)).json()["test_set"] is None
    assert (await bounty.get())["test_set"]["rows"] == 100
    await bounty.post("open")
    assert (await world.client.get(bounty.path)).json()["test_set"] == {
        "rows": 100,
        "public_rows": 30,
        "classes": ["no", "yes"],
        "features": ["age", "calls"],
        "commitment": "2" * 64,
        "salt": None,
    }


async def test_a_draft_is_not_there_for_others(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    stranger = await world.person("stranger")
    for path in ("", "/changes", "/timeline", "/enrollments", "/enrollments/mine", "/attachments"):
        problem(await stranger.get(f"{bounty.path}{path}"), 404, "bounties.not_found")
    for verb in ("fund", "open", "start", "close", "resume"):
        problem(await stranger.post(f"{bounty.path}/{verb}"), 404, "bounties.not_found")
    for verb in ("pause", "cancel"):
        refused = await stranger.post(f"{bounty.path}/{verb}", {"reason": "?"})
        problem(refused, 404, "bounties.not_found")
    problem(await stranger.patch(bounty.path, {"name": "x"}), 404, "bounties.not_found")
    judge = await moderator(world)
    assert (await judge.get(bounty.path)).status_code == 200
    for nobody in (f"/v1/bounties/{new_id()}", "/v1/bounties/nonsense"):
        assert (await stranger.get(nobody)).status_code in (404, 422)


@pytest.mark.parametrize("reason", [None, "", "x" * 2_001, "nul \0", 1])
async def test_a_reason_is_some_text(world: World, reason: Any) -> None:
    bounty = await make_bounty(world)
    for verb in ("pause", "cancel"):
        refused = await bounty.owner.post(f"{bounty.path}/{verb}", {"reason": reason})
        problem(refused, 422, "http.422")


class Market:
    """Four bounties of one tag, so that a list shows no other test's."""

    def __init__(self, owner: Person, tag: str, made: list[MadeBounty]) -> None:
        self.owner, self.tag, self.made = owner, tag, made

    async def names(self, person: Any, query: str = "") -> list[str]:
        answer = await person.get(f"/v1/bounties?tag={self.tag}&{query}")
        assert answer.status_code == 200, answer.text
        return [it["name"] for it in answer.json()["items"]]


@pytest.fixture(scope="module")
async def market(world: World) -> Market:
    owner, tag = await world.rich("owner", "1000"), f"t{new_id()}"[:40]
    made = []
    for name, prize, days, state, description in (
        ("Whales", "10", 30, BountyState.FUNDED, "Count whales in aerial photographs."),
        ("Trains", "30", 20, BountyState.ENROLLING, "Predict which trains will be late."),
        ("Bridges", "20", 40, BountyState.SUBMITTING, "Find cracks in photographs of bridges."),
        ("Secret", "1", 10, BountyState.DRAFT, "Nobody knows of photographs here."),
    ):
        made.append(
            await make_bounty(
                world,
                owner=owner,
                state=state,
                name=name,
                tags=[tag],
                description=description,
                prizes=[{"place": 1, "amount": prize}],
                closes_at=soon(days=days),
            )
        )
    return Market(owner, tag, made)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Bridges", "Trains", "Whales"]),
        ("sort=-created_at", ["Bridges", "Trains", "Whales"]),
        ("sort=created_at", ["Whales", "Trains", "Bridges"]),
        ("sort=closes_at", ["Trains", "Whales", "Bridges"]),
        ("sort=-closes_at", ["Bridges", "Whales", "Trains"]),
        ("sort=prize_pool", ["Whales", "Bridges", "Trains"]),
        ("sort=-prize_pool", ["Trains", "Bridges", "Whales"]),
        ("state=enrolling", ["Trains"]),
        ("state=draft", []),
        ("prize_min=20", ["Bridges", "Trains"]),
        ("prize_min=20.000001", ["Trains"]),
        ("closes_before=SOON", ["Trains"]),
        ("closes_after=SOON", ["Bridges", "Whales"]),
        ("q=photograph", ["Bridges", "Whales"]),
        ("q=photographs -whales", ["Bridges"]),
        ("q=%22late trains%22", []),
        ("q=train", ["Trains"]),
        ("q=nothing here", []),
        ("q=the", []),
        ("q=%27%28%21%26%7C%3A%2A", []),
        ("q=photograph&prize_min=15&sort=closes_at", ["Bridges"]),
    ],
)
async def test_filters_and_sorts_combine(
    world: World, market: Market, query: str, names: list[str]
) -> None:
    # Filled in here: in each process that tests, a case must have the same name.
    query = query.replace("SOON", soon(days=25).replace("+", "%2B"))
    assert await market.names(world.client, query) == names


async def test_ones_own_and_those_entered_are_found(world: World, market: Market) -> None:
    assert await market.names(market.owner, "mine=true&sort=created_at") == [
        "Whales",
        "Trains",
        "Bridges",
        "Secret",
    ]
    entrant = await enroll(world, market.made[1])
    assert await market.names(entrant, "entered=true") == ["Trains"]
    assert await market.names(market.owner, "entered=true") == []
    for which in ("mine", "entered"):
        refused = await world.client.get(f"/v1/bounties?{which}=true")
        problem(refused, 401, "core.not_signed_in")


async def test_a_list_shows_what_one_bounty_shows_but_for_what_is_long(
    world: World, market: Market
) -> None:
    pictured, entered, _, _ = market.made
    image = (await attach(pictured, PNG, kind="thumbnail", name="small.png")).json()
    await enroll(world, entered)
    listed = (await world.client.get(f"/v1/bounties?tag={market.tag}")).json()["items"]
    for it in listed:
        whole = (await world.client.get(f"/v1/bounties/{it['id']}")).json()
        longer = {"description", "data", "evaluation", "rules", "rules_sha256", "test_set"}
        assert whole.keys() - it.keys() == longer
        assert it == {name: whole[name] for name in it}
    of = {it["name"]: it for it in listed}
    assert of["Trains"]["counts"]["entrants"] >= 1
    assert of["Trains"]["escrow"] == {"prizes": "30", "fees": "0"}
    urls = [of[name]["thumbnail_url"] for name in ("Trains", "Whales")]
    assert urls == [None, image["url"]]


@pytest.mark.parametrize("sort", ["created_at", "closes_at", "prize_pool"])
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_repeat_nothing_and_hide_nothing(
    world: World, market: Market, sort: str, sign: str
) -> None:
    whole = await market.names(world.client, f"sort={sign}{sort}")
    seen, cursor = [], ""
    while cursor is not None:
        path = f"/v1/bounties?tag={market.tag}&sort={sign}{sort}&limit=1"
        page = (await world.client.get(f"{path}&cursor={cursor}" if cursor else path)).json()
        seen += [it["name"] for it in page["items"]]
        cursor = page["next_cursor"]
    assert seen == whole


async def test_bounties_with_equal_keys_are_told_apart_by_their_ids(world: World) -> None:
    owner, tag = await world.rich("owner", "1000"), f"t{new_id()}"[:40]
    made = [
        str((await make_bounty(world, state=BountyState.FUNDED, owner=owner, tags=[tag])).id)
        for _ in range(3)
    ]
    for sign in ("", "-"):
        path = f"/v1/bounties?tag={tag}&sort={sign}prize_pool&limit=2"
        first = (await world.client.get(path)).json()
        rest = (await world.client.get(f"{path}&cursor={first['next_cursor']}")).json()
        found = [it["id"] for it in first["items"] + rest["items"]]
        assert found == (made if not sign else made[::-1])
        assert rest["next_cursor"] is None


async def test_a_cursor_that_is_none_is_refused(world: World, market: Market) -> None:
    path = f"/v1/bounties?tag={market.tag}&limit=1"
    cursor = (await world.client.get(path)).json()["next_cursor"]
    other = await world.client.get(f"{path}&cursor={cursor}&sort=prize_pool")
    problem(other, 422, "http.422")
    for wrong in ("x", "AAAA", "%00", "ÿ", cursor[:-6], "A" * 5_000, "_" * 44):
        refused = await world.client.get(f"{path}&cursor={wrong}")
        problem(refused, 422, "http.422")


async def test_a_made_up_cursor_finds_an_end_and_no_crash(world: World, market: Market) -> None:
    for sort in ("closes_at", "-closes_at", "prize_pool", "-prize_pool"):
        for key in (-(2**63), 2**63 - 1, 0):
            seen = Seen(sort, key, new_id())
            path = f"/v1/bounties?sort={sort}&cursor={seen.write()}"
            answer = await world.client.get(path)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "query",
    [
        "sort=name",
        "sort=",
        "state=nonsense",
        "prize_min=-1",
        "prize_min=x",
        "closes_before=tomorrow",
        "q=",
        f"q={'x' * 201}",
        "limit=0",
        "limit=101",
        "surprise=1",
    ],
)
async def test_a_filter_that_is_none_is_refused(world: World, query: str) -> None:
    problem(await world.client.get(f"/v1/bounties?{query}"), 422, "http.422")
