"""What a worker measures for all: what waits, what is in which state, and what must always hold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.core import metrics, processes
from dml.core.context import SYSTEM, Context
from dml.core.ids import new_id
from dml.core.money import MicroTokens
from dml.core.pool import pool_of
from dml.entrypoints import measuring, metrics_page
from dml.payments import service as payments
from dml.payments.models import TransferCode
from dml.payments.rules import wallet
from tests.chain.rows import make_withdrawal
from tests.conftest import NOW, Sessions
from tests.core import engine_node
from tests.world import make_user

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def value(metric: object, *labels: str) -> float:
    return float(metric.values[labels][0])  # type: ignore[attr-defined]  # any metric has values


async def test_what_waits_is_counted_by_queue_with_the_age_of_the_oldest(
    committing: Sessions,
) -> None:
    async with committing.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        for number in range(3):
            await processes.start(ctx, f"p{number}", engine_node.note, "a")
        await processes.at(ctx, ctx.now + timedelta(days=1), "later", engine_node.note, "a")
        hour = "(extract(epoch FROM now()) - 3600) * 1000"
        await tx.execute(
            text(
                f"UPDATE dbos.workflow_status SET created_at = {hour}, updated_at = {hour} "
                "WHERE workflow_uuid = 'p1'"
            )
        )
        await measuring.measure_queues(ctx)
        await measuring.measure_states(ctx)
    assert value(metrics.QUEUE_DEPTH, "processes") == 3
    assert 3_500 < value(metrics.QUEUE_AGE, "processes") < 4_000
    assert value(metrics.QUEUE_DEPTH, "checks") == 0
    assert value(metrics.QUEUE_AGE, "checks") == 0
    for queue in ("mails", "webhooks", "events"):
        assert value(metrics.QUEUE_DEPTH, queue) == 0
    assert value(metrics.DURABLE, "queued") == 3
    assert value(metrics.DURABLE, "waits_for_its_time") == 1
    assert value(metrics.DURABLE, "failed") == 0


async def test_open_withdrawals_are_counted_by_state(committing: Sessions) -> None:
    async with committing.begin() as tx:
        user = await make_user(tx, f"ada-{new_id()}")
        await payments.transfer(
            Context(tx, SYSTEM, NOW),
            code=TransferCode.DEPOSIT,
            reference="deposit:of-a-test",
            source="chain",
            target=wallet(user.id),
            amount=MicroTokens(9_000_000),
        )
        asked = await make_withdrawal(tx, user.id)
        await make_withdrawal(tx, user.id, address="0x" + "2" * 40)
        asked.requested_at -= timedelta(hours=1)
        await tx.flush()
        await measuring.measure_states(Context(tx, SYSTEM, datetime.now(UTC)))
    assert value(metrics.WITHDRAWALS_OPEN, "requested") == 2
    assert 3_500 < value(metrics.WITHDRAWALS_AGE, "requested") < 4_000
    assert value(metrics.WITHDRAWALS_OPEN, "authorised") == 0


@pytest.mark.parametrize("name", sorted(measuring.INVARIANTS))
def test_each_invariant_is_a_check_of_the_doctors(name: str) -> None:
    assert measuring.invariants()[name].offenders


async def test_an_invariant_that_is_broken_is_counted_and_what_holds_is_zero(
    committing: Sessions,
) -> None:
    async with committing.begin() as tx:
        await measuring.measure_invariants(Context(tx, SYSTEM, NOW))
        assert {value(metrics.VIOLATIONS, it) for it in measuring.INVARIANTS} == {0}
        assert value(metrics.LEDGER_DIFFERENCE) == 0
    async with committing.begin() as tx:
        await tx.execute(text("INSERT INTO ledger_accounts (code, balance) VALUES ('lost', 17)"))
        await measuring.measure_invariants(Context(tx, SYSTEM, NOW))
    assert value(metrics.VIOLATIONS, "ledger_sum") == 1
    assert value(metrics.LEDGER_DIFFERENCE) == 17
    assert value(metrics.CHECKED_AT) > 0


def test_the_page_of_metrics_is_current() -> None:
    assert PAGE.read_text() == metrics_page.written(), "run `make openapi`"


def test_names_are_as_prometheus_asks() -> None:
    for metric in metrics.everything():
        assert metric.name.startswith("dml_")
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.help.endswith((".", ": 0."))
        assert not {"le", "quantile", "job", "instance", "id"} & set(metric.labels)


async def test_of_a_pool_it_is_told_what_is_used_free_and_waited_for(
    own_engine: AsyncEngine,
) -> None:
    pool = pool_of(own_engine)
    async with own_engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        pool.show("test")
        assert value(metrics.POOL, "test", "used") == 1
    pool.show("test")
    assert value(metrics.POOL, "test", "used") == 0
    assert value(metrics.POOL, "test", "free") == 1
    assert value(metrics.POOL_WAITING, "test") == 0


def test_what_is_looked_at_is_looked_at_only_meanwhile(tmp_path: Path) -> None:
    looks = list[int]()
    with metrics.looking(lambda: looks.append(1)):
        metrics.write(tmp_path, "api")
    metrics.write(tmp_path, "api")
    assert looks == [1]
