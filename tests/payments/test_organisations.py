"""Tokens come to an organisation from its members' balances, and leave it to its owners'."""

from tests.accounts.organisations.societies import PATH, PROOF, acting, enrich, found, join
from tests.bounties.factories import make_bounty
from tests.jobs.factories import make_version, order
from tests.world import Person, World, problem


async def available(who: Person) -> str:
    shown: str = (await who.get("/v1/payments/balance")).json()["available"]
    return shown


async def test_a_member_puts_in_and_an_owner_takes_out(world: World) -> None:
    ada, grace, eve = await world.person(), await world.rich("grace", "10"), await world.person()
    society = await found(ada)
    await join(world, ada, society, grace)
    us, body = acting(ada, society), {"amount": "7.5", "proof": PROOF}
    key = {"headers": {"Idempotency-Key": "put-in"}}
    made = await grace.post(f"{PATH}/{society}/contributions", body, **key)
    assert (made.status_code, made.json()["amount"]) == (201, "7.5")
    again = await grace.post(f"{PATH}/{society}/contributions", body, **key)
    assert again.json() == made.json()
    assert (await available(grace), await available(us)) == ("2.5", "7.5")
    (listed,) = (await us.get("/v1/payments/transfers")).json()["items"]
    assert (listed["code"], listed["reference"]) == ("contribution", made.json()["reference"])

    out = f"{PATH}/{society}/distributions"
    problem(await grace.post(out, body), 403, "accounts.owners_only")
    problem(await eve.post(out, body), 404, "accounts.organisation_not_found")
    more = {**body, "amount": "7.6"}
    problem(await ada.post(out, more), 409, "payments.insufficient_funds")
    wrong = {**body, "proof": {**PROOF, "password": "a guess"}}
    problem(await ada.post(out, wrong), 403, "accounts.wrong_proof")
    assert (await ada.post(out, {"amount": "7.5"})).status_code == 422
    for amount in ("0", "-1", "1e3", "0.0000001", 1):
        assert (await ada.post(out, {**body, "amount": amount})).status_code == 422
    problem(await us.post(out, body), 403, "edge.in_person_only")
    assert (await ada.post(out, body)).status_code == 201
    assert (await available(ada), await available(us)) == ("7.5", "0")
    told = await grace.events(types="organisation.*")
    assert [it["type"] for it in told][-1] == "organisation.contributed"
    told = await us.events(types="organisation.distributed")
    assert [it["data"]["amount"] for it in told] == ["7.5"]


async def test_one_is_closed_that_holds_and_runs_nothing(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada, "Botany")
    await join(world, ada, society, grace)
    await enrich(world, society, "200")
    us, proof, path = acting(ada, society), {"proof": PROOF}, f"{PATH}/{society}/close"
    version = await make_version(world, await world.person("developer"))
    job = await us.post("/v1/jobs", order(version, max_devices=5))
    assert job.status_code == 201, job.text
    bounty = await make_bounty(world, owner=us)
    problem(await grace.post(path, proof), 403, "accounts.owners_only")
    problem(await us.post(path, proof), 403, "edge.in_person_only")
    blocked = problem(await ada.post(path, proof), 409, "accounts.closing_blocked")
    assert {it["code"] for it in blocked["blockers"]} == {"balance", "bounties", "jobs"}
    assert (await us.post(f"{job.headers['location']}/close")).status_code == 200
    assert (await us.post(f"{bounty.path}/cancel", {"reason": "We close."})).status_code == 200
    blocked = problem(await ada.post(path, proof), 409, "accounts.closing_blocked")
    codes = {it["code"] for it in blocked["blockers"]}
    assert "balance" in codes
    assert "bounties" not in codes


async def test_a_closed_one_has_no_name_and_nobody_acts_for_it(world: World) -> None:
    ada, grace = await world.rich("ada", "5"), await world.person("grace")
    society = await found(ada, "Botany")
    await join(world, ada, society, grace)
    us, body = acting(ada, society), {"amount": "5", "proof": PROOF}
    path, proof = f"{PATH}/{society}", {"proof": PROOF}
    assert (await ada.post(f"{path}/contributions", body)).status_code == 201
    problem(await ada.post(f"{path}/close", proof), 409, "accounts.closing_blocked")
    assert (await ada.post(f"{path}/distributions", body)).status_code == 201
    assert (await ada.post(f"{path}/close", proof)).status_code == 204
    problem(await ada.post(f"{path}/close", proof), 404, "accounts.organisation_not_found")
    problem(await us.get("/v1/jobs"), 403, "edge.not_a_member")
    for who in (ada, grace):
        problem(await who.get(path), 404, "accounts.organisation_not_found")
        assert (await who.get(PATH)).json() == {"items": []}
    problem(await ada.get(f"/v1/users/{society}"), 404, "accounts.user_not_found")
    told = await grace.events(types="organisation.closed")
    assert len(told) == 1
    # Its owner is free to go now.
    moved = (await ada.get("/v1/payments/transfers")).json()["items"]
    assert {it["code"] for it in moved} >= {"contribution", "distribution"}
