"""What is mailed of wallets and withdrawals."""

import pytest
from eth_account import Account

from tests.accounts.notices.told import notices, verified, verify
from tests.chain.people import PROOF, link, unlink
from tests.chain.sign_ins.test_sign_ins import add
from tests.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("vault")


async def test_a_wallet_that_is_linked_chosen_or_unlinked_is_mailed(world: World) -> None:
    ada = await verified(world)
    wallet = await link(ada)
    path = f"/v1/wallets/{wallet['id']}"
    assert (await ada.post(f"{path}/make-primary", {"proof": PROOF})).status_code == 200
    assert (await unlink(ada, wallet["id"])).status_code == 204
    told = await notices(world, ada)
    assert [it.kind for it in told] == ["wallet_linked", "wallet_chosen", "wallet_unlinked"]
    for it in told:
        assert wallet["address"][:8] in it.text
        assert wallet["address"] not in it.text + it.subject


async def test_a_withdrawal_is_mailed_when_it_is_requested(world: World) -> None:
    ada = await world.rich("ada", "100")
    await verify(world, ada)
    wallet = await link(ada)
    body = {"amount": "10.5", "wallet_id": wallet["id"], "password": PASSWORD}
    made = await ada.post("/v1/payments/withdrawals", body)
    assert made.status_code == 201, made.text
    told = (await notices(world, ada))[-1]
    assert told.kind == "withdrawal_requested"
    assert f" was requested: {made.json()['id']}." in told.text
    assert f"A withdrawal of 10.5 tokens to the wallet {wallet['address'][:8]}…" in told.text


async def test_a_wallet_that_may_sign_in_is_mailed_once(world: World) -> None:
    ada, account = await verified(world), Account.create()
    assert (await add(ada, account)).status_code == 201
    (told,) = await notices(world, ada)
    assert told.kind == "way_in_added"
    assert f"by the wallet {account.address[:8]}…{account.address[-6:]}." in told.text
