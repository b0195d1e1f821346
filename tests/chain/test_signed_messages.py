"""Messages of EIP-4361: read and written as another library does, and strict in all else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from siwe import SiweMessage

from dml.chain.wallets import rules as wallet_rules, signed_messages
from dml.chain.wallets.rules import Message, UnreadableMessage, WrongMessage
from tests.chain.people import sign

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
FIELDS: dict[str, Any] = {
    "domain": "market.example.org:8000",
    "address": ADDRESS,
    "uri": "https://market.example.org:8000/wallets?new=1#top",
    "version": "1",
    "chain_id": 31337,
    "nonce": "0123456789abcdef",
    "issued_at": "2026-01-01T12:00:00.123Z",
}
MORE: dict[str, Any] = {
    "statement": "Link it, please (it's mine)!",
    "expiration_time": "2026-01-01T13:00:00+01:00",
    "not_before": "2026-01-01T11:00:00Z",
    "request_id": "a-1",
    "resources": ["https://example.org/terms", "ipfs://bafy/a"],
}
WRITTEN = signed_messages.NewMessage(
    origin="https://market.example.org:8000",
    address=ADDRESS,
    statement="Link this wallet.",
    chain_id=31337,
    nonce="0123456789abcdef",
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
).as_text()


@pytest.mark.parametrize("left_out", [*MORE, None])
def test_what_another_library_writes_is_read(left_out: str | None) -> None:
    told = FIELDS | {name: value for name, value in MORE.items() if name != left_out}
    text = SiweMessage(**told).prepare_message()
    read = signed_messages.read(text)
    assert read.domain == told["domain"]
    assert (read.address, read.uri, read.chain_id) == (ADDRESS, told["uri"], 31337)
    assert read.nonce == told["nonce"]
    assert read.statement == told.get("statement")
    assert read.issued_at == NOW + timedelta(milliseconds=123)
    assert read.expires_at == (NOW if "expiration_time" in told else None)
    assert read.not_before == (NOW - timedelta(hours=1) if "not_before" in told else None)
    assert read.request_id == told.get("request_id")
    assert read.resources == tuple(told.get("resources", ()))


@pytest.mark.parametrize("by_grammar", [True, False])
def test_what_we_write_another_library_reads_and_verifies(by_grammar: bool) -> None:
    account = Account.create()
    text = WRITTEN.replace(ADDRESS, account.address)
    read = SiweMessage.from_message(text, abnf=by_grammar)
    assert read.prepare_message() == text
    read.verify(
        sign(account, text),
        domain="market.example.org:8000",
        uri="https://market.example.org:8000",
        nonce="0123456789abcdef",
        chain_id=31337,
        timestamp=NOW,
        strict=True,
    )


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("wants you", "wants  you"),
        (ADDRESS, ADDRESS.lower().replace("0x", "0X")),
        (ADDRESS, ADDRESS.replace("5aA", "5AA")),  # Its checksum is wrong.
        ("\n\nLink", "\nLink"),
        ("Link this", 'Link "this"'),
        ("Link this wallet.", "Link\nthis"),
        ("Link this wallet.", "Link thís"),
        ("URI: https://market.example.org:8000", "URI: https://[market"),
        ("URI: https://market.example.org:8000", "URI: https://[::zz]"),
        ("Version: 1\n", ""),
        ("Chain ID: 31337", "Chain ID: 0x7a69"),
        ("Chain ID: 31337", "Chain ID: -1"),
        ("Chain ID: 31337", "Chain ID: ٣١٣٣٧"),
        ("Nonce: 0123456789abcdef", "Nonce: 0123"),
        ("Nonce: 0123456789abcdef", "Nonce: 0123456789-abcdef"),
        ("Issued At: 2026-01-01T12:00:00Z", "Issued At: 2026-13-01T12:00:00Z"),
        ("Issued At: 2026-01-01T12:00:00Z", "Issued At: 2026-01-01T12:00:00"),
        ("Issued At: 2026-01-01T12:00:00Z", "Issued At: 2026-01-01"),
        ("Issued At: 2026-01-01T12:00:00Z", "Issued At: 0001-01-01T00:00:00+23:59"),
        ("Issued At: 2026-01-01T12:00:00Z", "Issued At: 9999-12-31T23:59:59-23:59"),
        ("Expiration Time:", "Expiration time:"),
        ("T12:10:00Z", "T12:10:00Z\n"),
        ("T12:10:00Z", "T12:10:00Z\nMore: 1"),
        ("T12:10:00Z", "T12:10:00Z\nNot Before: 2026-01-01T12:00:00Z\nExpiration Time: 2026"),
        ("\n", "\r\n"),
    ],
)
def test_what_is_no_such_message_is_refused(part: str, other: str) -> None:
    signed_messages.read(WRITTEN)
    assert part in WRITTEN
    with pytest.raises(UnreadableMessage):
        signed_messages.read(WRITTEN.replace(part, other))


def _meant(message: Message, **other: Any) -> None:
    known: dict[str, Any] = {
        "origin": "https://market.example.org:8000",
        "chain_id": 31337,
        "now": NOW,
    }
    wallet_rules.require_meant(message, **known | other)


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        ({"origin": "https://market.example.org"}, ["domain", "uri"]),
        ({"origin": "http://market.example.org:8000"}, ["uri"]),
        ({"chain_id": 1}, ["chain_id"]),
        ({"now": NOW + timedelta(minutes=9, seconds=59)}, []),
        ({"now": NOW + timedelta(minutes=10)}, ["issued_at", "expiration_time"]),
        ({"now": NOW - timedelta(minutes=5)}, []),  # Clocks differ.
        ({"now": NOW - timedelta(minutes=6)}, ["issued_at"]),
    ],
)
def test_a_message_is_meant_for_one_marketplace_chain_and_time(
    other: dict[str, Any], wrong: list[str]
) -> None:
    message = signed_messages.read(WRITTEN)
    if not wrong:
        _meant(message, **other)
        return
    with pytest.raises(WrongMessage) as refused:
        _meant(message, **other)
    assert refused.value.facts["wrong"] == wrong


@pytest.mark.parametrize(
    ("part", "other", "wrong"),
    [
        ("URI: https://market.example.org:8000", "URI: https://evil.example.org", "uri"),
        ("market.example.org:8000 wants", "evil.example.org wants", "domain"),
        ("market.example.org:8000 wants", "user@market.example.org:8000 wants", "domain"),
        ("market.example.org:8000 wants", "ftp://market.example.org:8000 wants", "scheme"),
        ("Version: 1", "Version: 2", "version"),
        ("T12:10:00Z", "T12:10:00Z\nNot Before: 2026-01-01T12:00:01Z", "not_before"),
    ],
)
def test_a_message_for_another_place_is_refused(part: str, other: str, wrong: str) -> None:
    assert part in WRITTEN
    with pytest.raises(WrongMessage) as refused:
        _meant(signed_messages.read(WRITTEN.replace(part, other)))
    assert refused.value.facts["wrong"] == [wrong]


def test_signatures_are_taken_as_wallets_write_them() -> None:
    account = Account.create()
    signed = signed_messages.digest(WRITTEN)
    made = bytes(account.sign_message(encode_defunct(text=WRITTEN)).signature)
    assert signed_messages.signer_of(signed, made) == account.address
    assert signed_messages.signer_of(signed, made[:64] + bytes([made[64] - 27])) == account.address


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(65),
        b"\xff" * 65,
        b"\xff" * 64 + b"\x1b",
        bytes(64) + b"\x1b",
        b"\x01" * 64 + b"\x1d",
        b"\x01" * 66,
    ],
)
def test_what_is_no_signature_has_no_signer(signature: bytes) -> None:
    assert signed_messages.signer_of(signed_messages.digest(WRITTEN), signature) is None


@pytest.mark.parametrize(
    ("answer", "is_yes"),
    [
        (bytes.fromhex("1626ba7e") + bytes(28), True),
        (bytes.fromhex("1626ba7e") + bytes(28) + b"more", True),
        (bytes.fromhex("1626ba7e"), False),
        (bytes(28) + bytes.fromhex("1626ba7e"), False),
        (bytes.fromhex("ffffffff") + bytes(28), False),
        (b"", False),
    ],
)
def test_a_contract_says_yes_by_one_word(answer: bytes, is_yes: bool) -> None:
    assert signed_messages.says_yes(answer) is is_yes
