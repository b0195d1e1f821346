"""The statement of a wallet as CSV."""

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dml.core.context import Context, Role
from dml.core.ids import UserId, new_id
from dml.core.money import MicroTokens, parse as tokens
from dml.payments import exports, queries, service
from dml.payments.models import CHAIN, Movement, TransferCode
from dml.payments.rules import wallet
from tests.conftest import NOW, At
from tests.world import World


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def test_a_statement_has_every_transfer_with_the_balance_after_it(world: World) -> None:
    ada = await world.rich("ada", "12.5")
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": str(ada.id), "amount": "0.000001", "reason": "more"}
    await admin.post("/v1/admin/credits", body)
    answer = await ada.get("/v1/payments/statement.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    opening, first, second = _read(answer.text)
    assert (opening["code"], opening["at"], opening["balance"]) == ("opening_balance", "", "0")
    assert (first["code"], first["counterparty"], first["amount"]) == ("deposit", "chain", "12.5")
    assert first["reference"].startswith("credit:")
    assert (second["amount"], second["balance"]) == ("0.000001", "12.500001")


async def test_a_statement_is_for_its_owner(world: World) -> None:
    assert (await world.client.get("/v1/payments/statement.csv")).status_code == 401
    bob = await world.person("bob")
    (opening,) = _read((await bob.get("/v1/payments/statement.csv")).text)
    assert opening["balance"] == "0"


@pytest.mark.parametrize("query", ["from=yesterday", "until=0001-01-01T00:00:00Z", "to=now"])
async def test_what_is_no_period_is_refused(world: World, query: str) -> None:
    bob = await world.person("bob")
    assert (await bob.get(f"/v1/payments/statement.csv?{query}")).status_code == 422


async def _moves(at: At, owner: UserId, count: int) -> None:
    """A movement each hour: five in, then one out, five in, and so on."""
    for hour in range(count):
        out = hour % 6 == 5
        source, target = (wallet(owner), "escrow:job:1") if out else (CHAIN, wallet(owner))
        code = TransferCode.JOB_ESCROW if out else TransferCode.DEPOSIT
        move = Movement(code, f"job:{new_id()}", source, target, MicroTokens(1_000_000 + hour))
        await service.transfer_many(at(owner, hours=hour), [move])


async def test_a_statement_begins_with_what_was_there_and_each_line_adds_up(
    at: At, owner: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "STATEMENT_ROWS_MAX", 4)  # Parts, and one that is full to the end.
    await _moves(at, owner, 26)
    ctx = at(owner)

    class Same:
        """Every part in the one transaction of this test."""

        def __init__(self, *, since: datetime | None = None) -> None:
            pass

        async def __aenter__(self) -> Context:
            return ctx

        async def __aexit__(self, *_: object) -> None:
            return None

    since, until = NOW + timedelta(hours=6), NOW + timedelta(hours=26)
    stream = exports.stream_statement(Same, owner, since=since, until=until)
    opening, *lines = _read("".join([part async for part in stream]))
    assert opening["at"] == since.isoformat()
    assert Decimal(opening["balance"]) == Decimal("4.000005")
    assert len(lines) == 20
    balance = Decimal(opening["balance"])
    for it in lines:
        balance += Decimal(it["amount"])
        assert Decimal(it["balance"]) == balance
    assert [it["counterparty"] for it in lines].count("escrow") == 3
    assert min(Decimal(it["amount"]) for it in lines) == Decimal("-1.000023")
    held = (await queries.get_balance(ctx.tx, owner)).available
    assert balance == Decimal(held) / 10**6

    half_open = exports.stream_statement(
        Same, owner, since=NOW + timedelta(hours=1), until=NOW + timedelta(hours=2)
    )
    _, line = _read("".join([part async for part in half_open]))
    assert Decimal(line["amount"]) == Decimal("1.000001")
    assert tokens(line["balance"]) == 2_000_001
