"""Who asks for a withdrawal proves who they are, once for each."""

from dml.accounts.factors.rules import CodeTooOld, CodeUsed
from dml.accounts.identities.reauthentication import reauthenticate
from dml.chain.withdrawals.schemas import WithdrawalCreate
from dml.core.context import BeginFunction
from dml.edge.http import Parts
from dml.edge.idempotency import was_answered


async def require_proof(
    server: Parts, begin: BeginFunction, body: WithdrawalCreate, key: str | None
) -> None:
    """Have it proven before the request's own transaction opens: to hash a password takes long.

    What was answered under this key is told again for the same code of an app: that is good once,
    and the answer may have been lost (docs/decisions/0049).
    """
    async with begin() as ctx:
        is_repeated = await was_answered(ctx, key)
    try:
        await reauthenticate(server, begin, body.proven_by)
    except (CodeUsed, CodeTooOld):
        if not is_repeated:
            raise
