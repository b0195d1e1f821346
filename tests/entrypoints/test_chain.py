"""What operators see of the chain, and what they are told they cannot do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from dml.chain.node.endpoints import NoNode
from dml.core import nodes
from dml.core.settings import Settings
from dml.entrypoints import chain_wiring
from dml.entrypoints.chain_process import Loop
from dml.entrypoints.cli import chain_status, main as cli
from dml.entrypoints.embedded import chain
from dml.entrypoints.embedded.chain import Account, LocalChainFacts
from dml.entrypoints.health import look_at_chain
from dml.entrypoints.local_chain import faucet
from dml.refused import Refused
from tests.chain.rows import make_vault

SOMEBODY = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ELSEWHERE = SecretStr("http://127.0.0.1:1/a-secret")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that knows a local chain, which does not run."""
    account = Account(SOMEBODY, "0x" + "5b" * 32)
    facts = LocalChainFacts(
        1, 1_700_000_000, account, account, account, account, SOMEBODY, SOMEBODY
    )
    chain.save(tmp_path, facts)
    return tmp_path


def test_the_local_chain_of_a_home_is_found_and_a_given_one_goes_first(home: Path) -> None:
    found = chain_wiring.with_local_chain(Settings(home=home))
    assert found.chain_url is not None
    assert found.chain_url.get_secret_value() == "http://127.0.0.1:1"
    assert (found.chain_id, found.chain_vault) == (31_337, SOMEBODY)
    for settings in (
        Settings(home=home, chain_url=ELSEWHERE),
        Settings(home=home, local_chain=False),
        Settings(home=home / "another"),
    ):
        assert chain_wiring.with_local_chain(settings) == settings


@pytest.mark.parametrize(
    ("to", "amount", "told"),
    [
        (SOMEBODY, "0", "an amount of 0 is nothing to give"),
        (SOMEBODY, "1.1234567", "at most 6 decimals"),
        (SOMEBODY.replace("B", "b"), "1", "wrong checksum"),
        ("0x12", "1", "40 hexadecimal digits"),
        (SOMEBODY, "1", "the local chain at http://127.0.0.1:1 does not do it"),
    ],
)
def test_the_faucet_says_what_is_wrong(home: Path, to: str, amount: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        faucet.run(Settings(home=home), to, amount)


def test_the_faucet_says_that_the_database_is_away(home: Path) -> None:
    away = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Refused, match="the database cannot be asked"):
        faucet.run(Settings(home=home, database_url=away), "ada@example.org", "1")


def test_the_faucet_is_of_the_local_chain_alone(home: Path) -> None:
    with pytest.raises(Refused, match="of the local chain alone"):
        faucet.run(Settings(home=home, chain_url=ELSEWHERE), SOMEBODY, "1")
    with pytest.raises(Refused, match="has no local chain"):
        faucet.run(Settings(home=home / "another"), SOMEBODY, "1")


def test_a_damaged_file_is_refused_by_name(home: Path) -> None:
    chain.facts_file(home).write_text('{"port": 1}')
    with pytest.raises(Refused, match=r"chain\.json is damaged"):
        chain.load(home)


async def test_the_status_tells_each_trouble_and_no_secret(home: Path, database_url: str) -> None:
    settings = Settings(home=home, chain_url=ELSEWHERE, database_url=SecretStr(database_url))
    found = await chain_status.look(settings)
    assert [it["node"] for it in found["nodes"]] == ["127.0.0.1:1"]
    assert "no process reads the chain: start `dml chain run`" in found["trouble"]
    assert "a-secret" not in str(found)


def test_without_a_chain_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no chain"):
        chain_status.run(Settings(home=tmp_path), as_json=True)


async def test_readiness_says_how_the_chain_is_in_words_for_strangers(tx: AsyncSession) -> None:
    assert await look_at_chain(tx, Settings()) == "none is set"
    settings = Settings(chain_url=ELSEWHERE)
    assert (await look_at_chain(tx, settings)).startswith("no process that reads it was seen")
    await nodes.renew(tx, "chain-a", "chain", {"works": False})  # It stands by.
    assert (await look_at_chain(tx, settings)).startswith("no process that reads it was seen")
    await nodes.renew(tx, "chain-b", "chain", {"works": True})
    assert await look_at_chain(tx, settings) == "the vault was not reached yet"
    vault = await make_vault(tx)
    assert await look_at_chain(tx, settings) == "ok"
    vault.paying_error = "some-node:8545 is away"
    assert (await look_at_chain(tx, settings)).startswith("nothing is paid out")
    vault.difference = "5 too few"
    assert (await look_at_chain(tx, settings)).startswith("it differs from the books")
    vault.reading_error = "some-node:8545 is away"
    assert (await look_at_chain(tx, settings)).startswith("it cannot be read")
    vault.halted_at = datetime.now(UTC)
    assert (await look_at_chain(tx, settings)).startswith("halted")


def test_settings_show_amounts_as_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DML_WITHDRAWAL_MIN", "0.25")
    shown = CliRunner().invoke(cli.app, ["settings"], env={"COLUMNS": "200"}).stdout
    assert "0.25 tokens" in shown
    assert "100000 tokens" in shown


@pytest.mark.parametrize("command", ["run", "faucet", "status"])
def test_help_teaches(command: str) -> None:
    shown = CliRunner().invoke(cli.app, ["chain", command, "--help"], env={"COLUMNS": "100"}).stdout
    assert {"run": "DML_PAYOUT_KEY", "faucet": "0x5aAe", "status": "exit code"}[command] in shown


async def test_a_loop_rests_longer_while_the_same_comes_of_it_until_something_does() -> None:
    found = ["block 7"]

    async def look() -> str:
        if not found[0]:
            raise NoNode("it is away")
        return found[0]

    loop = Loop("looking", look, 0.5, 2.0)
    await loop.once()
    assert loop.pause_seconds == 0.5
    for _ in range(10):
        await loop.once()
    assert loop.pause_seconds == 2.0
    for news in ("block 8", "", "block 8"):
        found[0] = news
        await loop.once()
        assert loop.pause_seconds == 0.5
