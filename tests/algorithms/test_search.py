"""Finding algorithms: words, typing mistakes, filters, orders, pages, and what can't be read."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from dml.algorithms.search import spelling
from dml.core.context import Role
from dml.core.ids import AlgorithmId
from tests.accounts.privacy.test_erasing import erase
from tests.algorithms.offers import make_algorithm, offer
from tests.world import Person, World, problem

LETTERS = str.maketrans("0123456789", "ghijklmnop")


def made_up() -> str:
    """A word that no other test uses, and none resembles."""
    return uuid4().hex[-16:].translate(LETTERS)


async def lists(world: World, person: Person, **changes: Any) -> str:
    """Offer an algorithm that everybody finds, without a file; the answer is its id."""
    answer = await person.post("/v1/algorithms", offer(**changes))
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("UPDATE algorithms SET state = 'listed', runs = :runs WHERE id = :id"),
            {"id": found, "runs": 0},
        )
        await spelling.learn(tx, AlgorithmId(found))  # type: ignore[arg-type]
    return found


async def run(world: World, algorithm_id: str, runs: int) -> None:
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("UPDATE algorithms SET runs = :runs WHERE id = :id"),
            {"id": algorithm_id, "runs": runs},
        )


async def rate(world: World, algorithm_id: str, count: int, stars: int) -> None:
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("UPDATE algorithms SET rating_count = :n, rating_sum = :stars WHERE id = :id"),
            {"id": algorithm_id, "n": count, "stars": stars},
        )


async def found(world: World, path: str = "/search", **asked: Any) -> Any:
    answer = await world.client.get(f"/v1/algorithms{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ids(world: World, path: str = "/search", **asked: Any) -> list[str]:
    return [it["id"] for it in (await found(world, path, **asked))["items"]]


async def test_a_title_counts_more_than_a_summary_and_that_more_than_a_card(world: World) -> None:
    ada, word = await world.person("ada"), made_up()
    card = await lists(world, ada, model_card=f"Trained on {word}.")
    summary = await lists(world, ada, summary=f"Finds {word}.")
    title = await lists(world, ada, title=f"The {word} model")
    tag = await lists(world, ada, tags=[word])
    await run(world, card, 1_000)
    assert await ids(world, q=word) == [tag, title, summary, card]
    await run(world, title, 5)
    assert await ids(world, q=word.upper()) == [title, tag, summary, card]
    assert await ids(world, q=f"{word} -model") == [tag, summary, card]
    assert await ids(world, q=f'"{word} model"') == [title]
    assert await ids(world, q=f"{word} {made_up()}") == []
    assert await ids(world, q=f"-{made_up()}") == [], "of all but one there is nothing to rank"


async def test_the_rarely_run_is_found_by_its_title_where_others_mention_it(world: World) -> None:
    """Only so many are ranked; so those whose title has the words are looked for by themselves."""
    ada, word = await world.person("ada"), f"ba{made_up()}"  # Only after a vowel an s is no stem's.
    named = await lists(world, ada, title=word)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("""
                INSERT INTO algorithms (id, developer_id, title, summary, model_card, kind, tags,
                    data_kind, device_fee, labels, state, created_at, runs)
                SELECT uuidv7(), :developer, 'Other', 'Other', :word, 'image', ARRAY[:word],
                    'photo', n, '{a}', 'listed', now(), 10 + n FROM generate_series(1, 1005) n
            """),
            {"developer": ada.id, "word": f"{word}s"},
        )
        await tx.execute(
            text("UPDATE algorithms SET tags = '{}' WHERE runs > 10 AND tags[1] = :w"),
            {"w": f"{word}s"},
        )
    assert (await ids(world, q=word))[0] == named
    facets = await found(world, "/facets", q=word)
    assert (facets["count"], facets["has_more"]) == (1_000, True)
    cheapest = await ids(world, q=word, sort="device_fee", limit=3)
    assert len(set(cheapest)) == 3
    assert named not in cheapest


async def test_typing_mistakes_are_corrected_and_told(world: World) -> None:
    ada, word = await world.person("ada"), made_up()
    first = await lists(world, ada, title=f"Café {word}", tags=[])
    assert await ids(world, q=f"cafe {word}") == [first]
    wrong = f"{word[:5]}{word[6:]}"
    page = await found(world, q=f"cafe {wrong} -{made_up()[:3]}")
    assert [it["id"] for it in page["items"]] == [first]
    assert page["corrected_q"].startswith(f"cafe {word} -")
    facets = await found(world, "/facets", q=wrong)
    assert (facets["count"], facets["corrected_q"]) == (1, word)
    assert (await found(world, q=word))["corrected_q"] is None


async def test_words_of_what_is_not_listed_are_never_suggested(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    word = made_up()
    wrong = f"{word[:5]}{word[6:]}"
    await make_algorithm(ada, title=word)
    assert (await found(world, q=wrong))["corrected_q"] is None
    assert await ids(world, q=word) == []
    listed = [await lists(world, ada, title=word) for _ in range(2)]
    assert await ids(world, q=wrong) == listed[::-1]
    reason = {"reason": "a complaint"}
    await mia.post(f"/v1/algorithms/{listed[0]}/suspend", reason)
    assert (await found(world, q=wrong))["corrected_q"] == word
    await ada.post(f"/v1/algorithms/{listed[1]}/archive")
    assert (await found(world, q=wrong))["corrected_q"] is None
    await mia.post(f"/v1/algorithms/{listed[0]}/resume", reason)
    assert await ids(world, q=wrong) == [listed[0]]


async def test_what_somebody_erases_is_found_no_more(world: World) -> None:
    ada, word, tag = await world.person("ada"), made_up(), made_up()
    erased = await lists(world, ada, model_card=f"By {word}", tags=[tag])
    assert await ids(world, q=word) == [erased]
    await erase(world, ada)
    async with world.parts.sessions.begin() as tx:
        kept = await tx.scalar(
            text("SELECT words::text FROM algorithms WHERE id = :id"), {"id": erased}
        )
        spelt = await tx.scalar(
            text("SELECT count(*) FROM algorithm_words WHERE word = :tag"), {"tag": tag}
        )
    assert word not in kept
    assert tag not in kept
    assert spelt == 0


async def test_filters_combine(world: World) -> None:
    ada, eve, tag = await world.person("ada"), await world.person("eve"), made_up()
    cheap = await lists(world, ada, device_fee="0.01", tags=[tag, "cheap, or so"])
    dear = await lists(world, ada, device_fee="2", tags=[tag, "dear"])
    hers = await lists(world, eve, device_fee="1", tags=[tag, "dear"])
    await rate(world, dear, 3, 11)
    await rate(world, hers, 2, 8)
    for path, words in (("", {}), ("/search", {"q": tag})):

        async def listed(path: str = path, words: Any = words, **asked: Any) -> set[str]:
            return set(await ids(world, path, **{"tag": tag, **words, **asked}))

        assert await listed() == {cheap, dear, hers}
        assert await listed(tags=f"{tag}, dear") == {dear, hers}
        assert await listed(tag="cheap, or so") == {cheap}
        assert await listed(fee_min="0.5", fee_max="1") == {hers}
        assert await listed(developer_id=str(ada.id), fee_min="0.02") == {dear}
        assert await listed(kind="image", data_kind="photo", state="listed") == {cheap, dear, hers}
        assert await listed(rating_min=1) == {dear, hers}
        assert await listed(rating_min=4, fee_min="0.5") == {hers}
        assert await listed(rating_min=5) == set()
        assert await listed(data_kind="audio") == set()
        mine = await eve.get(f"/v1/algorithms{path}", params={"mine": "true", **words})
        assert [it["id"] for it in mine.json()["items"]] == [hers]
        both = {"mine": "true", "developer_id": str(ada.id), **words}
        assert (await eve.get(f"/v1/algorithms{path}", params=both)).json()["items"] == []
        others = {"state": "draft", **words}
        refused = await eve.get(f"/v1/algorithms{path}", params=others)
        problem(refused, 403, "accounts.moderators_only")

    facets = await found(world, "/facets", tag=tag)
    assert (facets["count"], facets["has_more"]) == (3, False)
    assert (facets["fee_min"], facets["fee_max"]) == ("0.01", "2")
    assert facets["kinds"] == [{"value": "image", "count": 3}]
    assert facets["data_kinds"] == [{"value": "photo", "count": 3}]
    assert facets["tags"][:2] == [{"value": tag, "count": 3}, {"value": "dear", "count": 2}]
    none = await found(world, "/facets", tag=made_up())
    assert (none["count"], none["tags"], none["fee_min"]) == (0, [], None)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("device_fee", "2013"),
        ("-device_fee", "3102"),
        ("runs", "0123"),
        ("-runs", "3210"),
        ("created_at", "0123"),
        ("-created_at", "3210"),
        ("weighted_rating", "1320"),
        ("-weighted_rating", "0231"),
        ("-relevance", "3210"),
    ],
)
async def test_pages_hold_while_rows_come_and_go(world: World, sort: str, order: str) -> None:
    ada, word = await world.person("ada"), made_up()
    made = []
    for fee, runs in (("0.2", 1), ("0.3", 2), ("0.1", 3), ("0.4", 4)):
        made.append(await lists(world, ada, title=word, tags=[word], device_fee=fee))
        await run(world, made[-1], runs)
    for it, ratings in zip(made, ((20, 90), (0, 0), (1, 5), (9, 28)), strict=True):
        await rate(world, it, *ratings)
    asked: dict[str, Any] = {"sort": sort, "tag": word, "limit": 2}
    searched = {**asked, "q": word}
    first = await found(world, **searched)
    listed = first if sort == "-relevance" else await found(world, "", **asked)
    assert listed["items"] == first["items"]
    await ada.post(f"/v1/algorithms/{first['items'][0]['id']}/archive")
    rest = await found(world, **searched, cursor=first["next_cursor"])
    if sort != "-relevance":
        assert await found(world, "", **asked, cursor=listed["next_cursor"]) == {
            "items": rest["items"],
            "next_cursor": None,
        }
    shown = [it["id"] for it in first["items"] + rest["items"]]
    assert shown == [made[int(it)] for it in order]
    assert rest["next_cursor"] is None
    other = {**searched, "sort": "runs" if sort != "runs" else "-runs"}
    mixed = {**other, "cursor": first["next_cursor"]}
    assert (await world.client.get("/v1/algorithms/search", params=mixed)).status_code == 422


WRONG: list[dict[str, Any]] = [
    {"q": ""},
    {"q": "  "},
    {"q": "nul\0"},
    {"q": "x" * 10_240},
    {"q": "a", "sort": "title"},
    {"q": "a", "cursor": "bm9uZQ"},
    {"q": "a", "cursor": "____" * 20},
    {"q": "a", "fee_min": "-1"},
    {"q": "a", "fee_max": "0.0000001"},
    {"q": "a", "tags": ","},
    {"q": "a", "tags": ",".join("a" * 21)},
    {"q": "a", "rating_min": "0"},
    {"q": "a", "rating_min": "6"},
    {"q": "a", "rating_min": "4.5"},
    {"q": "a", "more": "1"},
]


async def test_what_can_not_be_asked_is_refused(world: World) -> None:
    assert (await world.client.get("/v1/algorithms/search")).status_code == 422
    for asked in WRONG:
        answer = await world.client.get("/v1/algorithms/search", params=asked)
        assert answer.status_code == 422, asked
    mine = await world.client.get("/v1/algorithms/search", params={"q": "a", "mine": "true"})
    problem(mine, 401, "core.not_signed_in")


@pytest.mark.parametrize(
    "words",
    [
        "the",
        "---",
        "!&|():*<->",
        "'",
        '"',
        "\\",
        "a:*",
        "digits & !letters",
        "%_",
        "-x",
        "(" * 200,
        "or or or",
        "\u202edigits",
        "数字",
        "'; DROP TABLE algorithms; --",
        "\ud7ff",
    ],
    ids=lambda it: ascii(it)[:20],
)
async def test_any_other_words_are_looked_for(world: World, words: str) -> None:
    await found(world, q=words, limit=1)
    await found(world, "/facets", q=words)


async def test_a_cursor_edited_by_hand_is_a_place_or_refused(world: World) -> None:
    ada, word = await world.person("ada"), made_up()
    for _ in range(2):
        await lists(world, ada, title=word)
    cursor = (await found(world, q=word, limit=1))["next_cursor"]
    for at in range(0, len(cursor), 3):
        edited = cursor[:at] + ("A" if cursor[at] != "A" else "z") + cursor[at + 1 :]
        asked = {"q": word, "cursor": edited}
        answer = await world.client.get("/v1/algorithms/search", params=asked)
        assert answer.status_code in (200, 422), answer.text


async def test_an_algorithm_has_a_slug_that_leads_to_it(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    listed = await lists(world, ada, title="  Crème  BRÛLÉE: 3 sorts! ")
    (row,) = (await found(world, "", developer_id=str(ada.id)))["items"]
    assert row["slug"] == f"creme-brulee-3-sorts-{listed[-12:]}"
    assert "labels" not in row
    assert "model_card" not in row
    assert (row["runs"], row["updated_at"]) == (0, row["created_at"])
    whole = await world.client.get(f"/v1/algorithms/by-slug/{row['slug']}")
    assert whole.json() == (await world.client.get(f"/v1/algorithms/{listed}")).json()
    old = await world.client.get(f"/v1/algorithms/by-slug/its-old-title-{listed[-12:]}")
    assert old.json()["id"] == listed
    other = await lists(world, ada, title="数字")
    shown = (await world.client.get(f"/v1/algorithms/{other}")).json()
    assert shown["slug"] == f"algorithm-{other[-12:]}"

    draft = (await ada.post("/v1/algorithms", offer())).json()["slug"]
    assert (await ada.get(f"/v1/algorithms/by-slug/{draft}")).status_code == 200
    for nobodys in (draft, "digits", "%", "x" * 100):
        answer = await eve.get(f"/v1/algorithms/by-slug/{nobodys}")
        problem(answer, 404, "algorithms.not_found")
    assert (await eve.get(f"/v1/algorithms/by-slug/{'x' * 101}")).status_code == 422
    assert (await eve.get("/v1/algorithms/by-slug/a%00b")).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "   "},
        {"title": "x" * 10_000},
        {"title": "abc\u202edef"},
        {"title": "two\nlines"},
        {"tags": [str(it) for it in range(1_000)]},
        {"tags": ["\u2067tag"]},
        {"device_fee": "-1"},
        {"device_fee": "0.1234567"},
    ],
    ids=["blank", "long", "override", "lines", "tags", "isolate", "negative", "seven decimals"],
)
async def test_what_nobody_should_read_is_refused(world: World, wrong: dict[str, Any]) -> None:
    ada = await world.person("ada")
    assert (await ada.post("/v1/algorithms", offer(**wrong))).status_code == 422
