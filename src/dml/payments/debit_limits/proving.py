"""Whether a request proves who asks. It need not; a proof that is wrong is refused."""

from typing import Annotated

from fastapi import Depends

from dml.accounts.identities.reauthentication import reauthenticate
from dml.edge.http import Server, SignedInBegin
from dml.payments.debit_limits.schemas import DebitLimitSet


async def _is_proven(server: Server, begin: SignedInBegin, body: DebitLimitSet) -> bool:
    if body.proof is None:
        return False
    await reauthenticate(server, begin, body.proof)
    return True


IsProven = Annotated[bool, Depends(_is_proven)]
