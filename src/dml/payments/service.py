"""The use cases: the only functions that move tokens."""

from collections.abc import Mapping, Sequence
from typing import Final

from dml.accounts import queries as account_queries, rules as account_rules
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.payments import queries, rules, statements
from dml.payments.models import Movement, TransferCode
from dml.payments.queries import Books, UserBooks

LAST_TRANSFERS: Final = 20  # That an admin sees of a user.
MOVEMENTS_MAX: Final = (
    5_000  # A fold pays each of 1,000 devices' owners, and two more for each job.
)


async def transfer(
    ctx: Context,
    *,
    code: TransferCode,
    reference: str,
    source: str,
    target: str,
    amount: MicroTokens,
) -> None:
    """Make one movement: `transfer_many` with a single item, and with all its promises."""
    await transfer_many(ctx, [Movement(code, reference, source, target, amount)])


async def transfer_many(ctx: Context, movements: Sequence[Movement]) -> None:
    """Make each movement once, however often it is asked for; or refuse, and make none.

    Call it once in a transaction, with all that is to move: it locks all accounts in one
    order, so that no two transactions wait for each other. One statement for any number, where
    there is nothing to refuse and nothing was made before (docs/decisions/0027).
    """
    assert 0 < len(movements) <= MOVEMENTS_MAX
    movements = rules.still_to_make(movements, {})  # Each once.
    changes = dict(sorted(rules.changes_of(movements).items()))
    can_at_once = rules.can_move_at_once(movements, changes)
    if can_at_once and await _move_at_once(ctx, movements, changes):
        return
    opened = await statements.open_accounts(ctx.tx, {it: rules.owner_of(it) for it in changes})
    if opened and can_at_once and await _move_at_once(ctx, movements, changes):
        return
    await _move_or_refuse(ctx, movements, list(changes))


async def _move_at_once(
    ctx: Context, movements: Sequence[Movement], changes: Mapping[str, int]
) -> bool:
    return await statements.move(ctx.tx, movements, changes, ctx.now) == len(movements)


async def _move_or_refuse(
    ctx: Context, movements: Sequence[Movement], accounts: Sequence[str]
) -> None:
    """Look at what was made before, and at what is there, before anything moves."""
    balances = await queries.lock_accounts(ctx.tx, accounts)
    made = await queries.find_made(ctx.tx, movements)  # After the lock: it sees who came first.

    fresh = rules.still_to_make(movements, made)
    changes = rules.changes_of(fresh)
    rules.require_covered(balances, changes)
    rules.require_room(balances, changes)
    if fresh:
        await statements.record(ctx.tx, fresh, ctx.now)
        await statements.change_balances(ctx.tx, changes)


async def open_reserve(ctx: Context, account: str, owner_id: UserId) -> None:
    """Open an account that counts as `reserved` in the owner's balance, such as an escrow."""
    await statements.open_accounts(ctx.tx, {account: owner_id})


async def open_account(ctx: Context, account: str) -> None:
    """See to it that an account of nobody's is there, so that it can be held."""
    await statements.open_accounts(ctx.tx, {account: None})


async def read_books(ctx: Context) -> Books:
    """Sum up the whole ledger, for an admin. O(accounts)."""
    account_rules.require_admin(ctx.actor)
    return await queries.get_books(ctx.tx)


async def read_books_of_user(ctx: Context, user_id: UserId) -> UserBooks:
    """Return what a user has, where it rests and what moved last, for an admin."""
    account_rules.require_admin(ctx.actor)
    user = await account_queries.get_user_or_erased(ctx.tx, user_id)
    return UserBooks(
        balance=await queries.get_balance(ctx.tx, user.id),
        accounts=await queries.list_accounts(ctx.tx, user.id),
        transfers=await queries.list_transfers(ctx.tx, user.id, after=None, limit=LAST_TRANSFERS),
    )
