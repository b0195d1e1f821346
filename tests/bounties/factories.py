"""Bounties in a known state, made through the API: no test starts from an impossible one.

Their dates lie ahead, and their owners bring them forward.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import select

from dml.bounties import doctor, lifecycle, processes, queries
from dml.bounties.models import BountyState, Enrollment, Judging, TestSet, TestSetState
from dml.core import money
from dml.core.checks import look
from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import BountyId, EnrollmentId
from dml.payments import doctor as ledger_doctor, queries as payment_queries
from tests.world import Person, World, soon

P = ParamSpec("P")
R = TypeVar("R")
ON_THE_WAY: Final = {
    BountyState.FUNDED: "fund",
    BountyState.ENROLLING: "open",
    BountyState.SUBMITTING: "start",
    BountyState.EVALUATING: "close",
}


@dataclass(frozen=True)
class MadeBounty:
    """A bounty, and who set it up."""

    id: BountyId
    owner: Person

    @property
    def path(self) -> str:
        return f"/v1/bounties/{self.id}"

    async def get(self) -> Any:
        return (await self.owner.get(self.path)).json()

    async def post(self, verb: str, body: Any = None) -> Any:
        """Have its owner do something that must succeed: `fund`, `open`, `start`, `close`."""
        answer = await self.owner.post(f"{self.path}/{verb}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class Entrant(Person):
    """Somebody who has entered a bounty, alone or as a captain."""

    enrollment_id: EnrollmentId

    @property
    def enrollment_reference(self) -> str:
        return f"enrollment:{self.enrollment_id}"


def plan(**changes: Any) -> dict[str, Any]:
    """What an owner sends: with prizes of 100 and 50 tokens, and dates days ahead."""
    body = {
        "name": "Who will cancel?",
        "organisation": "Example Telecom",
        "subtitle": "Find who leaves",
        "description": "We lose one customer in twenty each month.",
        "rules": "One account each.",
        "judging": "manual",
        "prizes": [{"place": 1, "amount": "100"}, {"place": 2, "amount": "50"}],
        "enrolls_at": soon(days=1),
        "submits_at": soon(days=2),
        "closes_at": soon(days=10),
    }
    if changes.get("judging") == Judging.METRIC:
        body["metric"] = "accuracy.v1"
    return body | changes


async def make_bounty(
    world: World,
    *,
    judging: Judging = Judging.MANUAL,
    state: BountyState = BountyState.ENROLLING,
    owner: Person | None = None,
    **changes: Any,
) -> MadeBounty:
    """A bounty in `state`, one of those before it is judged, whose owner had 1,000 tokens."""
    if owner is None:
        owner = await world.rich("owner", "1000")
    answer = await owner.post("/v1/bounties", plan(judging=judging, **changes))
    assert answer.status_code == 201, answer.text
    bounty = MadeBounty(BountyId(UUID(answer.json()["id"])), owner)
    if judging is Judging.METRIC:
        await add_checked_test_set(world, bounty)
    if state is not BountyState.DRAFT:
        await bring_to(bounty, state)
    return bounty


async def bring_to(bounty: MadeBounty, state: BountyState) -> None:
    """Have its owner bring it forward to this state, from wherever it is before that."""
    order = list(ON_THE_WAY)
    present = (await bounty.get())["state"]
    passed = order.index(BountyState(present)) + 1 if present in order else 0
    for there in order[passed : order.index(state) + 1]:
        await bounty.post(ON_THE_WAY[there])


async def add_checked_test_set(world: World, bounty: MadeBounty) -> None:
    """Put a row of a checked test set there, whose files nobody can open."""
    async with world.parts.sessions.begin() as tx:
        tx.add(
            TestSet(
                bounty_id=bounty.id,
                state=TestSetState.CHECKED,
                format="csv",
                id_column="id",
                target_column="target",
                sealed="0" * 64,
                size=1_000,
                created_at=datetime.now(UTC),
                checked_at=datetime.now(UTC),
                prepared="1" * 64,
                rows=100,
                public_rows=30,
                classes=["no", "yes"],
                features=["age", "calls"],
                commitment="2" * 64,
                sealed_salt=b"sealed",
            )
        )


async def enroll(
    world: World,
    bounty: MadeBounty,
    name: str | None = None,
    *,
    person: Person | None = None,
    tokens: str = "10",
    **body: Any,
) -> Entrant:
    """Let somebody, new and with some tokens unless named, enter a bounty that is enrolling."""
    if person is None:
        person = await world.rich("entrant", tokens)
    named = {} if name is None else {"name": name}
    wanted = {"accept_rules": True} | named | body
    answer = await person.post(f"{bounty.path}/enrollments", wanted)
    assert answer.status_code == 201, answer.text
    enrollment_id = EnrollmentId(UUID(answer.json()["id"]))
    return Entrant(person.id, person.email, person.token, person.client, enrollment_id)


async def balance(person: Person) -> Any:
    return (await person.get("/v1/payments/balance")).json()


async def moderator(world: World) -> Person:
    return await world.person("moderator", Role.MODERATOR)


async def catch_up(world: World, bounty: MadeBounty, now: datetime) -> str:
    """Do what is due at a moment, as the bounty's alarm does."""
    async with world.parts.sessions.begin() as tx:
        return await lifecycle.catch_up(Context(tx, SYSTEM, now), bounty.id)


async def place(
    world: World, bounty: MadeBounty, prizes: Sequence[tuple[Entrant, str]] = ()
) -> None:
    """Give entrants these prizes in this order, as a ranking does, and open the disputes."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        row = await queries.lock_bounty(tx, bounty.id)
        for number, (entrant, prize) in enumerate(prizes, start=1):
            enrollment = await tx.get_one(Enrollment, entrant.enrollment_id)
            enrollment.place, enrollment.prize = number, money.parse(prize)
            await tx.flush()
        await lifecycle.open_disputes(ctx, row)


async def finish(world: World, bounty: MadeBounty) -> None:
    """Let the time for disputes pass, and whatever follows by processes happen."""
    until = datetime.fromisoformat((await bounty.get())["disputes_until"])
    assert await catch_up(world, bounty, until) == "finish"
    await settle(world, bounty)


async def settle(world: World, bounty: MadeBounty) -> str | None:
    """Pay what is still owed, chunk by chunk, as the process does after a bounty ended."""
    return await processes.pay_and_refund.function(InOneGo(world), bounty.id)


class InOneGo:
    """Steps that are each a transaction, without a checkpoint: for a process that has no crash."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def change(
        self,
        step: Callable[Concatenate[Context, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        async with self._world.parts.sessions.begin() as tx:
            return await step(Context(tx, SYSTEM, datetime.now(UTC)), *args, **kwargs)

    async def call(
        self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return await function(*args, **kwargs)


async def held(world: World, account: str) -> str:
    """What a ledger account holds, in tokens."""
    async with world.parts.sessions() as tx:
        return money.render(await payment_queries.get_account_balance(tx, account))


async def available(person: Person) -> str:
    return str((await balance(person))["available"])


async def assert_sound(world: World, bounty: MadeBounty) -> None:
    """Check that a doctor has nothing to say of it, nor of the ledger; and that an end is one."""
    async with world.parts.sessions() as tx:
        entrants = select(Enrollment.id).where(Enrollment.bounty_id == bounty.id)
        names = [str(it) for it in (bounty.id, *await tx.scalars(entrants))]
        told = [it for it in await look(tx, doctor.CHECKS) if any(name in it for name in names)]
        assert told == []
        assert await look(tx, ledger_doctor.CHECKS) == []
    if (await bounty.get())["ended_at"] is not None:
        for account in (f"escrow:bounty:{bounty.id}", f"escrow:bounty:{bounty.id}:fees"):
            assert await held(world, account) == "0"
