"""The page of a bounty, in a real browser: it fits a phone, loads nothing, runs nothing."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.async_api import Browser

from dml.bounties.models import (
    Bounty,
    BountyState,
    Decision,
    Dispute,
    Enrollment,
    EnrollmentState,
    Judging,
    TestSet,
    TestSetState,
)
from dml.bounties.ranking import plot
from dml.bounties.ranking.plot import Point
from dml.core.ids import DecisionId, DisputeId, new_id
from dml.core.money import ONE_TOKEN, MicroTokens
from tests.bounties.boards import NAMES, enter, make_bounty, set_records
from tests.bounties.browser import DESKTOP, NARROW, PHONE, opened, running_browser
from tests.world import World, problem

HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
LONG: Final = "Aunverybrokenlongnamewithoutanyspacethatwouldneverwrapbyitselfatall"
SCORES: Final = (0.61, 0.702, 0.75, 0.81, 0.83, 0.861, 0.872, 0.9)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


async def _show(world: World, **changes: Any) -> tuple[Bounty, list[Enrollment]]:
    """A bounty with ten entrants, two of them with names that no page likes."""
    people = [await world.person(name) for name in NAMES]
    names = [*NAMES[:4], HOSTILE, LONG, *NAMES[6:]]
    async with world.parts.sessions.begin() as tx:
        bounty = make_bounty(tx, people[0].id, **changes)
        await tx.flush()
        scored = bounty.judging is Judging.METRIC
        entrants = [
            await enter(tx, bounty, who.id, name, 0.9 - n / 100 if scored else None)
            for n, (who, name) in enumerate(zip(people, names, strict=True))
        ]
        if scored:
            await set_records(tx, bounty, entrants, SCORES)
            tx.add(_test_set(bounty))
    return bounty, entrants


def _test_set(bounty: Bounty) -> TestSet:
    return TestSet(
        bounty_id=bounty.id,
        state=TestSetState.CHECKED,
        format="csv",
        id_column="id",
        target_column="malignant",
        sealed="s",
        size=1,
        created_at=bounty.created_at,
        prepared="p",
        rows=10,
        public_rows=3,
        commitment="ab" * 32,
        sealed_salt=b"sealed",
    )


async def _rank(world: World, bounty: Bounty, entrants: list[Enrollment]) -> None:
    """Rank them as they came, with two tied, one out, and an order that the owner changed."""
    prizes = [400, 400, 200]
    async with world.parts.sessions.begin() as tx:
        for n, known in enumerate(entrants):
            it = await tx.get_one(Enrollment, known.id)
            if n == len(entrants) - 1:
                it.state, it.state_reason = EnrollmentState.DISQUALIFIED, "It ran otherwise."
                continue
            it.place, it.private_score, it.chance_of_first = (
                n + 1,
                0.88 - n / 100,
                0.5 if n < 2 else 0,
            )
            it.tied_from, it.tied_to = (1, 2) if n < 2 else (n + 1, n + 1)
            it.prize = MicroTokens(prizes[n] * ONE_TOKEN if n < 3 else 0)
        tx.add(
            Decision(
                id=DecisionId(new_id()),
                bounty_id=bounty.id,
                actor_id=bounty.owner_id,
                action="reordered",
                winners=[str(it.id) for it in entrants[:2]],
                reason="One of them was late.",
                created_at=bounty.closes_at,
            )
        )
        tx.add(
            Dispute(
                id=DisputeId(new_id()),
                bounty_id=bounty.id,
                enrollment_id=entrants[2].id,
                author_id=entrants[2].captain_id,
                text=f"I object. {HOSTILE}",
                created_at=bounty.closes_at,
            )
        )


@pytest.mark.parametrize(("size", "dark"), [(NARROW, False), (PHONE, True), (DESKTOP, False)])
async def test_the_page_fits_any_screen_loads_nothing_and_runs_nothing(
    world: World, browser: Browser, size: tuple[int, int], dark: bool
) -> None:
    bounty, _ = await _show(world)
    async with opened(browser, world, f"/bounties/{bounty.id}", size=size, dark=dark) as seen:
        assert await seen.overflow() == 0
        assert seen.asked == [f"/bounties/{bounty.id}"]
        assert seen.complaints == []
        assert await seen.page.title() == f"{bounty.name} · {bounty.organisation}"
        assert await seen.page.locator("script, img, iframe, link").count() == 0
        background = "getComputedStyle(document.body).backgroundColor"
        paper = await seen.page.evaluate(background)
        assert paper == ("rgb(17, 22, 27)" if dark else "rgb(255, 255, 255)")


async def test_the_page_tells_the_board_the_plot_and_what_is_next(
    world: World, browser: Browser
) -> None:
    bounty, _ = await _show(world)
    async with opened(browser, world, f"/bounties/{bounty.id}") as seen:
        page = seen.page
        text = await page.inner_text("body")
        for told in ("Open for submissions", "Submissions close:", "1,000 tokens", "ab" * 32):
            assert told in text, told
        first = page.get_by_role("table").first.get_by_role("row").nth(1)
        cells = [await it.inner_text() for it in await first.get_by_role("cell").all()]
        assert (cells[0], cells[1].strip(), cells[2], cells[4]) == ("1", "Ada", "0.90000", "1")
        assert HOSTILE in await page.inner_text("table")

        drawn = page.get_by_role("img", name="Best public score over time")
        assert "from 0.61000" in (await drawn.locator("desc").text_content() or "")
        labels = await drawn.locator("text").all_text_contents()
        assert labels[:5] == ["roc_auc.v1, public part", "0.9", "0.8", "0.7", "0.6"]
        assert await drawn.locator(".dot").count() == len(SCORES)
        box = await drawn.locator(".line").bounding_box()
        assert box is not None
        assert box["width"] > 600
        assert box["height"] > 150
        await page.get_by_text("The same as a table").click()
        assert await page.locator("details table tbody tr:visible").count() == len(SCORES)


async def test_in_the_end_it_tells_ties_prizes_decisions_and_disputes(
    world: World, browser: Browser
) -> None:
    now = datetime.now(UTC)
    bounty, entrants = await _show(
        world,
        state=BountyState.DISPUTING,
        closes_at=now - timedelta(days=1),
        disputes_until=now + timedelta(days=6),
        order_changes=1,
    )
    await _rank(world, bounty, entrants)
    async with opened(browser, world, f"/bounties/{bounty.id}", size=NARROW) as seen:
        assert await seen.overflow() == 0
        text = await seen.page.inner_text("body")
        for told in (
            "Final ranking",
            "The owner changed this order",
            "tied 1–2",
            "One of them was late.",
            "It ran otherwise.",
            "I object.",
            "Prizes are paid:",
            "Evidence to check it all",
        ):
            assert told in text, told
        rows = seen.page.get_by_role("table").first.get_by_role("row")
        assert await rows.count() == 10
        cells = [await it.inner_text() for it in await rows.nth(2).get_by_role("cell").all()]
        assert (cells[0], cells[2], cells[-1]) == ("2", "0.87000", "400")


async def test_one_that_is_judged_by_hand_has_neither_scores_nor_plot(
    world: World, browser: Browser
) -> None:
    bounty, _ = await _show(world, judging=Judging.MANUAL, metric=None)
    async with opened(browser, world, f"/bounties/{bounty.id}", size=NARROW) as seen:
        assert await seen.overflow() == 0
        assert await seen.page.locator("svg").count() == 0
        text = await seen.page.inner_text("body")
        assert "by hand" in text
        assert "The owner names the winners" in text


async def test_the_page_is_sent_with_a_policy_that_forbids_all_but_its_own_style(
    world: World,
) -> None:
    bounty, _ = await _show(world)
    answer = await world.client.get(f"/bounties/{bounty.id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert HOSTILE not in answer.text
    assert "<script" not in answer.text
    assert 'style="' not in answer.text


async def test_nobody_has_a_page_of_a_draft(world: World) -> None:
    bounty, _ = await _show(world, state=BountyState.DRAFT, funded_at=None)
    problem(await world.client.get(f"/bounties/{bounty.id}"), 404, "bounties.not_found")
    problem(await world.client.get(f"/bounties/{new_id()}"), 404, "bounties.not_found")


async def test_the_commitment_is_told_from_opening_on(world: World) -> None:
    for state, told in ((BountyState.FUNDED, False), (BountyState.ENROLLING, True)):
        bounty, _ = await _show(world, state=state)
        page = await world.client.get(f"/bounties/{bounty.id}")
        assert ("ab" * 32 in page.text) is told


async def test_a_bounty_without_any_entry_has_a_page(world: World) -> None:
    owner = await world.person("owner")
    async with world.parts.sessions.begin() as tx:
        bounty = make_bounty(tx, owner.id)
    answer = await world.client.get(f"/bounties/{bounty.id}")
    assert "No scored submission yet." in answer.text
    assert "<svg" not in answer.text


NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_api_starts_without_what_only_pages_and_scores_need() -> None:
    heavy = {"jinja2.environment", "numpy", "pyarrow", "onnxruntime"}
    code = f"import sys, dml.entrypoints.server; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_plot_steps_from_record_to_record() -> None:
    points = [Point(NOON, 0.5), Point(NOON + timedelta(hours=5), 0.7)]
    drawn = plot.draw(points, start=NOON, end=NOON + timedelta(hours=10))
    assert drawn is not None
    assert drawn.line == "M0.0 1000.0H500.0V0.0H1000"
    assert [it.label for it in drawn.times] == ["1 Jan 12:00", "1 Jan 17:00", "1 Jan 22:00"]
    assert drawn.scores[0].label == "0.7"
    assert plot.draw([], start=NOON, end=NOON) is None


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.5, 0.5),
        (0, 0),
        (-3, 12),
        (0.9991, 0.9992),
        (1e-9, 1e9),
        (-1e300, 1e300),
        (5e-324, 5e-324),
    ],
)
def test_an_axis_has_a_few_round_numbers_around_any_scores(low: float, high: float) -> None:
    ticks = plot.nice_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= low + (high - low) * 1e-6
    assert ticks[-1] >= high - (high - low) * 1e-6
