"""An operator's commands, really killed in the middle of what they do: done again, it is exact."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dml.accounts.models import User
from dml.chain.comparison.service import compare
from dml.core.settings import Settings
from dml.entrypoints.cli import chain_repairs
from dml.refused import Refused
from tests.chain.payers import FUNDS, Paying, key_signer
from tests.chain.test_operating import pay_by_hand, require_well, retire
from tests.core.engine_watch import until
from tests.entrypoints.up.marketplace import SOURCE
from tests.kill.processes import DML

NAME = "dml chain repair"


def settings_of(paying: Paying, home: Path) -> Settings:
    url = paying.it.sessions.kw["bind"].url.set(drivername="postgresql")
    return Settings(
        home=home,
        database_url=SecretStr(url.render_as_string(hide_password=False)),
        chain_url=SecretStr(paying.it.anvil.url),
        chain_id=31_337,
        chain_vault=paying.it.vault,
        chain_confirmations=2,
    )


async def begin(settings: Settings, *command: str) -> asyncio.subprocess.Process:
    """Start a command, and wait until it has said what it would do and asks whether to."""
    assert settings.database_url is not None
    assert settings.chain_url is not None
    process = await asyncio.create_subprocess_exec(
        *DML,
        "chain",
        *command,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(SOURCE),
            "DML_HOME": str(settings.home),
            "DML_DATABASE_URL": settings.database_url.get_secret_value(),
            "DML_CHAIN_URL": settings.chain_url.get_secret_value(),
            "DML_CHAIN_ID": str(settings.chain_id),
            "DML_CHAIN_VAULT": str(settings.chain_vault),
            "DML_CHAIN_CONFIRMATIONS": "2",
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    told = b""
    while b"Is this to be done?" not in told:
        more = await asyncio.wait_for(process.stdout.read(1_000), 20)
        assert more, told.decode()
        told += more
    return process


async def kill_as_it_writes(
    paying: Paying, process: asyncio.subprocess.Process, table: str
) -> None:
    """Let a command go on, hold it up as it writes to this table, and kill it there."""
    assert process.stdin is not None
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE application_name = :name AND wait_event_type = 'Lock'"""
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
    async with paying.it.sessions() as tx:
        await tx.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
        process.stdin.write(b"y\n")

        async def is_held_up() -> bool:
            return await paying.it.rows(waiting, name=NAME) == [1]

        await until(is_held_up)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL

    async def is_gone() -> bool:
        return await paying.it.rows(left, name=NAME) == [0]

    await until(is_gone)


async def test_a_payout_whose_booking_was_killed_is_booked_once(
    paying: Paying, tmp_path: Path
) -> None:
    it, settings = paying.it, settings_of(paying, tmp_path)
    await pay_by_hand(paying, 1, paying.wallet(), 3_000_000)
    async with it.sessions() as tx:
        email = str((await tx.get_one(User, paying.user_id)).email)
    books = """SELECT (SELECT count(*) FROM booked_payouts), (SELECT count(*) FROM events
        WHERE type LIKE '%.payout_booked')"""
    process = await begin(settings, "book-payout", "1", "--user", email, "--reason", "x")
    await kill_as_it_writes(paying, process, "events")  # The tokens have moved already.
    assert await it.rows(books) == [(0, 0)]
    assert await it.held(paying.user_id) == FUNDS

    def book() -> int:
        return chain_repairs.book_payout(
            settings, 1, user=email, from_revenue=False, reason="x", yes=True
        )

    for _ in range(2):
        assert await asyncio.to_thread(book) == 0
        assert await it.rows(books) == [(1, 2)]
        assert await it.held(paying.user_id) == FUNDS - 3_000_000
    assert await compare(it.sessions, it.endpoints(), paying.vault_id) is None
    await require_well(it)


async def test_a_nonce_whose_giving_up_was_killed_is_given_up_once_and_paid_once(
    paying: Paying, tmp_path: Path
) -> None:
    it, settings = paying.it, settings_of(paying, tmp_path)
    made = await paying.ask()
    await paying.payer().step()
    ((_, nonce, _),) = await paying.transactions()
    it.anvil.call("anvil_dropAllTransactions")
    signer = await retire(paying)
    await compare(it.sessions, it.endpoints(), paying.vault_id)
    process = await begin(settings, "give-up-nonce", it.on.payer, str(nonce), "--reason", "x")
    await kill_as_it_writes(paying, process, "events")
    assert await paying.open_batches() == 1
    assert (await paying.get(made)).batch_id is not None

    def give_up() -> int:
        return chain_repairs.give_up_nonce(settings, it.on.payer, nonce, reason="x", yes=True)

    assert await asyncio.to_thread(give_up) == 0
    with pytest.raises(Refused, match="No open batch"):
        await asyncio.to_thread(give_up)
    given_up = "SELECT count(*) FROM events WHERE type = 'batch.given_up'"
    assert await it.rows(given_up) == [1]
    await paying.finish(paying.payer(signer=signer))
    assert (await paying.get(made)).state == "paid"
    await require_well(it)


async def test_a_lost_payout_is_sent_again_once_and_its_history_accepted_whoever_is_killed(
    paying: Paying, tmp_path: Path
) -> None:
    it, settings = paying.it, settings_of(paying, tmp_path)
    address = paying.wallet()
    it.remember()
    made = await paying.ask(2_000_000, address=address)
    await paying.finish()
    assert it.on.held(address) == 2_000_000
    it.forget()  # The chain breaks its word: the payout was final, and is gone.
    it.anvil.call("evm_setAutomine", False)
    it.mine(9)
    assert "was final as" in str((await paying.indexer.run_pass()).error)
    assert it.on.held(address) == 0

    def accept() -> int:
        return chain_repairs.accept_history(settings, reason="x", yes=True)

    for _ in range(2):  # The second finds that it is sent already.
        with pytest.raises(Refused, match=r"lacks the payouts \[1\].*were sent again"):
            await asyncio.to_thread(accept)
    assert int(it.anvil.call("txpool_status")["pending"], 16) == 1
    it.mine(4)
    assert it.on.held(address) == 2_000_000
    process = await begin(settings, "accept-history", "--reason", "x")
    state = "SELECT halted_at IS NOT NULL, final_number FROM vaults"
    before = await it.rows(state)
    await kill_as_it_writes(paying, process, "vault_payouts")  # The deposits have moved already.
    assert await it.rows(state) == before
    assert await asyncio.to_thread(accept) == 0
    with pytest.raises(Refused, match="has not halted"):
        await asyncio.to_thread(accept)
    await paying.finish(paying.payer(signer=key_signer()))
    assert (await paying.get(made)).state == "paid"
    assert it.on.held(address) == 2_000_000
    assert await it.held(paying.user_id) == FUNDS - 2_000_000
    assert await compare(it.sessions, it.endpoints(), paying.vault_id) is None
    await require_well(it)
