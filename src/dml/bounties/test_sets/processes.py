"""What happens to test sets automatically: they are checked, or given up after a while."""

from dml.accounts import sandbox_time
from dml.bounties.models import Bounty, TestSet
from dml.bounties.submissions import rules as submission_rules
from dml.bounties.test_sets import service as test_sets
from dml.bounties.test_sets.service import Finding, ToCheck
from dml.core import processes as core_processes
from dml.core.context import Context
from dml.core.processes import CHECKS, LONG_EVALUATIONS, StepFailed, Steps, process


async def start_check(ctx: Context, bounty: Bounty, test_set: TestSet) -> None:
    """Start the check of a test set, and the alarm that gives it up."""
    check = test_sets.to_check(bounty, test_set)
    turn = await sandbox_time.take_turn(ctx, bounty.owner_id)
    await core_processes.in_turn(ctx, turn, _id(check), check_test_set_quickly, check)
    late = ctx.now + submission_rules.END_WITHIN
    await core_processes.at(ctx, late, test_sets.give_up_id(check), give_up_test_set, check)


async def check_again(ctx: Context, bounty: Bounty) -> None:
    """Start a new check because the metric has changed. The caller has locked the bounty."""
    test_set = await test_sets.begin_again(ctx, bounty)
    if test_set is not None and bounty.metric is not None:
        await start_check(ctx, bounty, test_set)


@process("bounties.check_test_set_quickly.v1", queue=CHECKS)
async def check_test_set_quickly(steps: Steps, check: ToCheck) -> str:
    """As `check_test_set`, with a short time limit; what exceeds it is checked again."""
    try:
        finding = await steps.call(test_sets.inspect, check, sandbox_time.QUICK_SECONDS)
    except StepFailed:
        finding = test_sets.CHECK_FAILED
    if sandbox_time.is_too_slow(finding.refusals):
        return await steps.change(give_time, check, finding)
    return await steps.change(conclude, check, finding)


@process("bounties.check_test_set.v1", queue=LONG_EVALUATIONS)
async def check_test_set(steps: Steps, check: ToCheck) -> str:
    """Read, split and commit to a test set. If the platform fails, it is refused for that."""
    try:
        finding = await steps.call(test_sets.inspect, check)
        return await steps.change(conclude, check, finding)
    except StepFailed:
        return await steps.change(conclude, check, test_sets.CHECK_FAILED)


@process("bounties.give_up_test_set.v1")
async def give_up_test_set(steps: Steps, check: ToCheck) -> str:
    """End the check of a test set that no worker could do in time."""
    return await steps.change(conclude, check, test_sets.CHECK_FAILED)


async def give_time(ctx: Context, check: ToCheck, finding: Finding) -> str:
    """Queue the check of a test set again, with the full time limit."""
    bounty = await ctx.tx.get_one(Bounty, check.bounty_id)
    await sandbox_time.charge(ctx, bounty.owner_id, finding.seconds)
    turn = await sandbox_time.take_turn(ctx, bounty.owner_id)
    await core_processes.in_turn(ctx, turn, f"{_id(check)}:long", check_test_set, check)
    return "takes long"


async def conclude(ctx: Context, check: ToCheck, finding: Finding) -> str:
    """Let a test set pass its check, or refuse it, and charge its owner for the time."""
    outcome = await test_sets.conclude(ctx, check, finding)
    bounty = await ctx.tx.get_one(Bounty, check.bounty_id)
    await sandbox_time.charge(ctx, bounty.owner_id, finding.seconds, finding.refusals)
    return outcome


def _id(check: ToCheck) -> str:
    return f"check-test-set:{check.check_id}"
