"""What everybody sees beside a user's public profile: what they offer, and what they won."""

from pathlib import Path

from dml.bounties.models import BountyState
from tests.accounts.privacy.test_erasing import erase
from tests.accounts.recovery.test_commands import market, typed
from tests.agent.market import Market
from tests.bounties.factories import bring_to, enroll, finish, make_bounty, place
from tests.world import World, problem

__all__ = ["market"]


async def test_what_somebody_won_is_told_only_where_they_show_it(
    world: World, market: Market, tmp_path: Path
) -> None:
    prizes = [{"place": 1, "amount": "100"}, {"place": 2, "amount": "50"}]
    bounty = await make_bounty(world, state=BountyState.ENROLLING, prizes=prizes)
    ada = await enroll(world, bounty, name="Nobody knows me")
    bob = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(ada, "100"), (bob, "50")])
    path = f"/v1/users/{ada.id}/prizes"
    assert (await ada.patch("/v1/users/me", {"shows_prizes": True})).status_code == 200
    assert (await world.client.get(path)).json()["items"] == [], "it can be disputed still"
    await finish(world, bounty)
    (won,) = (await world.client.get(path)).json()["items"]
    assert won["bounty_name"] == (await bounty.get())["name"]
    assert (won["name"], won["place"], won["prize"]) == ("Nobody knows me", 1, "100")
    assert (await world.client.get(f"/v1/users/{bob.id}/prizes")).json()["items"] == []
    shown = await typed(market, tmp_path, None, "profile", str(ada.id))
    assert shown["prizes"] == [won]

    asked = {"query": f'{{user(id: "{ada.id}") {{prizes {{nodes {{place}}}}}}}}'}
    told = (await world.client.post("/graphql", json=asked)).json()
    assert told["data"]["user"]["prizes"]["nodes"] == [{"place": 1}]
    hidden = await typed(market, tmp_path, ada, "set", "--hide-prizes")
    assert hidden["shows_prizes"] is False
    assert (await world.client.get(path)).json()["items"] == []


async def test_of_who_erased_their_account_there_is_neither(world: World) -> None:
    ada = await world.person("ada")
    await erase(world, ada)
    for what in ("algorithms", "prizes"):
        answer = await world.client.get(f"/v1/users/{ada.id}/{what}")
        problem(answer, 404, "accounts.user_not_found")
