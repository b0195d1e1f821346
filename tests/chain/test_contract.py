"""The vault as bytes: signatures as in the built contract, and logs that read or do not."""

import contextlib
import re
from dataclasses import replace
from uuid import UUID

import pytest
from eth_abi.abi import encode
from hypothesis import given, strategies as st

from dml.chain import ethereum
from dml.chain.node import contract
from dml.chain.node.contract import (
    DEPOSITED,
    PAID_OUT,
    PAYOUT_REFUSED,
    Deposited,
    Garbled,
    Log,
    PaidOut,
    Payout,
    PayoutRefused,
    topic,
    topics,
)
from dml.core.ids import UserId
from dml.core.money import MAX, MicroTokens
from tests.chain.builds import build
from tests.chain.ledgered import Ledgered

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
WORD = bytes(12) + bytes.fromhex(WALLET[2:])
USER = UserId(UUID("01990000-0000-7000-8000-0000000000ff"))


def log(kind: bytes, first: bytes, data: bytes) -> Log:
    return Log(WALLET, (kind, first, WORD), data, 5, "0x" + "ab" * 32, "0x" + "cd" * 32, 0)


def test_signatures_are_those_of_the_built_contracts() -> None:
    vault = build("Vault")
    token = build("DevToken")
    functions = {
        f"{it['name']}({','.join(_kind(one) for one in it['inputs'])})"
        for made in (vault, token)
        for it in made.abi
        if it["type"] == "function"
    }
    for signature in (
        contract.DEPOSIT,
        contract.DEPOSIT_WITH_PERMIT,
        contract.APPROVE,
        contract.PAY_OUT,
        "totals()",
        "limit()",
        "TOKEN()",
        "SCALE()",
        "decimals()",
        "eip712Domain()",
        "balanceOf(address)",
    ):
        assert signature in functions
    assert {vault.events[it]["name"] for it in topics()} == {
        "Deposited",
        "PaidOut",
        "PayoutRefused",
    }
    known = {**build("Vault").errors, **build("DevToken").errors}
    assert {contract.selector(it) for it in contract._REASONS} <= known.keys()


@pytest.mark.parametrize(
    ("signature", "types"),
    [
        ("totals()", []),
        ("paid(uint256)", ["uint256"]),
        (contract.DEPOSIT, ["uint256", "bytes16"]),
        (contract.PAY_OUT, ["(uint64,address,uint64)[]"]),
        ("f(uint8,(bool,(bytes,string)[2])[],address[])", None),
    ],
)
def test_a_signature_is_split_at_the_commas_between_its_arguments(
    signature: str, types: list[str] | None
) -> None:
    nested = ["uint8", "(bool,(bytes,string)[2])[]", "address[]"]
    assert ethereum.arguments(signature) == (nested if types is None else types)


def test_selectors_are_the_first_bytes_of_the_hash_of_a_signature() -> None:
    # As the ABI's specification has them: https://docs.soliditylang.org/en/latest/abi-spec.html
    assert contract.selector("baz(uint32,bool)").hex() == "cdcd77c0"
    assert contract.selector("sam(bytes,bool,uint256[])").hex() == "a5643bf2"


def _kind(one: dict[str, object]) -> str:
    kind = str(one["type"])
    if not kind.startswith("tuple"):
        return kind
    parts = one["components"]
    assert isinstance(parts, list)
    return f"({','.join(_kind(it) for it in parts)}){kind.removeprefix('tuple')}"


def test_calls_are_encoded_as_web3_does(ledgered: Ledgered) -> None:
    vault, token = ledgered.on.vault, ledgered.on.token
    payouts = [Payout(1, WALLET, MicroTokens(2)), Payout(256, WALLET, MicroTokens(3))]
    rows = [(it.number, it.recipient, it.amount) for it in payouts]
    pairs = [
        (contract.pay_out(payouts), vault.encode_abi("payOut", [rows])),
        (contract.pay_out([]), vault.encode_abi("payOut", [[]])),
        (contract.deposit(5, USER), vault.encode_abi("deposit", [5, USER.bytes])),
        (
            contract.call("approve(address,uint256)", WALLET, 7),
            token.encode_abi("approve", [WALLET, 7]),
        ),
        (contract.call("totals()"), vault.encode_abi("totals", [])),
    ]
    for ours, theirs in pairs:
        assert "0x" + ours.hex() == theirs


def test_events_are_read() -> None:
    named = USER.bytes + bytes(16)
    two = encode(["uint64", "uint64"], [3, 5])
    assert contract.read_event(log(topic(DEPOSITED), named, two)) == Deposited(
        USER, WALLET, 3, MicroTokens(5)
    )
    number = (7).to_bytes(32)
    one = encode(["uint64"], [5])
    assert contract.read_event(log(topic(PAID_OUT), number, one)) == PaidOut(
        7, WALLET, MicroTokens(5)
    )
    refused = encode(["uint64", "bytes"], [5, b"no"])
    assert contract.read_event(log(topic(PAYOUT_REFUSED), number, refused)) == PayoutRefused(
        7, WALLET, MicroTokens(5), b"no"
    )


@pytest.mark.parametrize("number", [MAX + 1, 2**64 - 1, 2**255])
def test_numbers_that_no_row_can_keep_are_garbled(number: int) -> None:
    with pytest.raises(Garbled):
        contract.read_event(log(topic(PAID_OUT), number.to_bytes(32), encode(["uint64"], [5])))
    if number < 2**64:
        data = encode(["uint64", "uint64"], [1, number])
        with pytest.raises(Garbled):
            contract.read_event(log(topic(DEPOSITED), bytes(32), data))
        with pytest.raises(Garbled):
            contract.read_totals(encode(["uint64"] * 4, [0, number, 0, 0]))


@given(
    st.sampled_from([*topics(), bytes(32)]),
    st.integers(0, 4),
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=200),
)
def test_any_bytes_are_an_event_or_garbled(
    kind: bytes, count: int, word: bytes, data: bytes
) -> None:
    some = replace(log(kind, word, data), topics=(kind, word, word, word)[:count])
    with contextlib.suppress(Garbled):
        contract.read_event(some)


def test_reasons_are_told_in_words_and_a_stranger_s_are_not() -> None:
    limit = contract.selector("DailyLimitReached(uint64)") + bytes(32)
    assert contract.explain(limit) == "the vault's daily limit was reached"
    assert contract.will_pass(limit)
    stranger = contract.selector("Error(string)") + encode(["string"], ["visit evil.example"])
    for reason in (stranger, b"", b"\x00", b"evil"):
        assert re.fullmatch(
            "the token or the wallet refused the transfer", contract.explain(reason)
        )
        assert not contract.will_pass(reason)
