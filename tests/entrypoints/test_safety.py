"""What a start refuses where strangers can reach the marketplace, and when that is so."""

import re
from typing import Any, Final

import pytest
from eth_account import Account
from pydantic import SecretStr, ValidationError

from dml.core.settings import Settings
from dml.core.settings_mail import SmtpSecurity
from dml.entrypoints import chain_process, server, worker
from dml.entrypoints.safety import KNOWN_KEYS, RULES, faults_of, require_safe
from dml.entrypoints.supervisor import up
from dml.entrypoints.supervisor.plan import Chain
from dml.refused import Refused

PUBLIC: Final = "https://market.example.org"
SAFE: Final[dict[str, Any]] = {
    "public_url": PUBLIC,
    "host": "0.0.0.0",
    "database_url": SecretStr("postgresql://market:oD8tQ2xv@db.internal/market"),
    "trusted_proxies": "10.0.0.0/8, fd00::/8",
    "chain_url": SecretStr("https://node.example"),
    "chain_id": 1,
    "chain_vault": "0x" + "1" * 40,
    "smtp_host": "mail.example.org",
    "mail_from": "market@example.org",
}
# For each rule, in their order, what breaks it alone.
BREAKS: Final[dict[str, dict[str, Any]]] = {
    "no public URL": {"public_url": None},
    "in the clear": {"public_url": "http://market.example.org"},
    "everybody is a proxy": {"trusted_proxies": "127.0.0.1, *"},
    "a chain for development": {"chain_id": 31_337},
    "a known key": {"payout_key": SecretStr("0x" + min(KNOWN_KEYS).upper())},
    "a password tried first": {"database_url": SecretStr("postgresql://dml:dml@db/dml")},
    "webhooks to loopback": {"webhooks_to_loopback": True},
    "providers on loopback": {"openid_to_loopback": True},
    "mail in the clear": {"smtp_security": SmtpSecurity.NONE},
    "hashes too cheap": {"password_memory_kib": 1_024},
}


def some(**changes: Any) -> Settings:
    return Settings(**{**SAFE, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"host": "::1"}, False),
        ({"host": "localhost", "public_url": "http://localhost:8000"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": ""}, True),
        ({"host": "192.0.2.7"}, True),
        ({"public_url": PUBLIC}, True),
        ({"public_url": PUBLIC, "environment": "development"}, False),
        ({"environment": "production"}, True),
    ],
)
def test_it_is_production_where_strangers_can_reach_it(
    changes: dict[str, Any], expected: bool
) -> None:
    assert Settings(**changes).is_production is expected


def test_all_that_a_marketplace_needs_can_be_set_safely() -> None:
    assert faults_of(some()) == []
    require_safe(some())


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule_is_broken_by_one_setting_alone(name: str) -> None:
    rule = RULES[list(BREAKS).index(name)]
    assert faults_of(some(**BREAKS[name])) == [rule.says]
    assert faults_of(some(**BREAKS[name], environment="development")) == []


def test_no_rule_is_left_out() -> None:
    assert len(BREAKS) == len(RULES)


@pytest.mark.parametrize("trusted", ["*", "0.0.0.0/0", "::/0", "10.0.0.1,0.0.0.0/1"])
def test_whoever_trusts_nearly_everybody_is_told(trusted: str) -> None:
    assert "TRUSTED_PROXIES" in faults_of(some(trusted_proxies=trusted))[0]


def test_a_network_that_is_none_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match=re.escape("10.0.0.0/33")):
        some(trusted_proxies="10.0.0.0/33")


def test_the_known_keys_are_those_that_development_chains_begin_with() -> None:
    Account.enable_unaudited_hdwallet_features()
    phrase = " ".join(["test"] * 11 + ["junk"])
    made = {
        Account.from_mnemonic(phrase, account_path=f"m/44'/60'/0'/0/{number}").key.hex()
        for number in range(10)
    }
    assert {it.removeprefix("0x") for it in made} == KNOWN_KEYS


def test_one_line_names_all_that_is_wrong_and_no_secret() -> None:
    wrong = some(public_url=None, trusted_proxies="*", **BREAKS["a known key"])
    with pytest.raises(Refused) as refused:
        require_safe(wrong, starts_a_chain=True)
    told = str(refused.value)
    assert "\n" not in told
    for named in ("PUBLIC_URL", "TRUSTED_PROXIES", "PAYOUT_KEY", "LOCAL_CHAIN", "DML_ENVIRONMENT"):
        assert named in told
    assert min(KNOWN_KEYS).upper() not in told


@pytest.mark.parametrize("process", [server, worker, chain_process], ids=lambda it: it.__name__)
def test_no_process_starts_that_is_unsafe(process: Any) -> None:
    with pytest.raises(Refused, match="DML_PUBLIC_URL is not set"):
        process.run(some(public_url=None))


def test_no_local_chain_is_started_for_strangers(capsys: pytest.CaptureFixture[str]) -> None:
    without = some(chain_url=None, chain_id=None, chain_vault=None)
    if up._which_chain(without) is not Chain.LOCAL:
        pytest.skip("no local chain is installed")
    assert up.run(without) == 1
    assert "DML_LOCAL_CHAIN=false" in capsys.readouterr().err
