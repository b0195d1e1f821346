"""Proving again who asks, before what a stolen session must not do: money, ways in, addresses.

Whatever asks for a proof asks for `Proof` and calls `reauthenticate`, and tells `PROOF_REFUSALS`.
Where an account has a second factor, only a proof by that will do (docs/decisions/0049).
"""

from typing import Any, Final

from dml.accounts import passwords
from dml.accounts.factors import queries as factors
from dml.accounts.factors.rules import PROOF_REFUSED, CodeTooOld, CodeUsed
from dml.accounts.identities import proofs, queries, rules
from dml.accounts.identities.proofs import PasswordProof, checked_by
from dml.accounts.passkeys.rules import CounterFell
from dml.accounts.passwords import Asker
from dml.accounts.rules import TooManyPasswords
from dml.accounts.sessions import FREE_GUESSES_KNOWN
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.edge.http import Parts
from dml.edge.idempotency import was_answered
from dml.edge.limits import TooManyTries, count_try, guess

# What a proof may be refused for, whatever it is to open.
PROOF_REFUSALS: Final = (
    rules.WrongProof,
    rules.ProofUnchecked,
    rules.FactorProofNeeded,
    *PROOF_REFUSED,
    CounterFell,
    TooManyPasswords,
    TooManyTries,
)


async def reauthenticate(server: Parts, begin: BeginFunction, proof: Any) -> None:
    """Refuse whoever does not prove that they are the signed-in user.

    Slow by design: call it before your transaction begins. Guesses count by user, whatever it is
    that they are to open.
    """
    kind = proofs.kind_of(proof)
    async with begin() as ctx:
        user_id = ctx.actor.id
        has_factor = await factors.has_factor(ctx.tx, user_id)
    rules.require_factor(is_factor=kind.is_factor, has_factor=has_factor)
    await count_try(server, f"reauthenticate:{user_id}", server.settings.withdrawal_tries_a_minute)
    async with guess(server, f"reauthenticate:{user_id}", free=FREE_GUESSES_KNOWN):
        rules.require_proof(is_right=await kind.check(server, begin, user_id, proof))


async def reauthenticate_once(
    server: Parts, begin: BeginFunction, proof: Any, key: str | None
) -> None:
    """As `reauthenticate`, for what is asked under an `Idempotency-Key`.

    What was answered under it is told again for the same code of an app: that is good once, and the
    answer may have been lost (docs/decisions/0049).
    """
    async with begin() as ctx:
        is_repeated = await was_answered(ctx, key)
    try:
        await reauthenticate(server, begin, proof)
    except (CodeUsed, CodeTooOld):
        if not is_repeated:
            raise


@checked_by(PasswordProof)
async def check_password(
    _: Parts, begin: BeginFunction, user_id: UserId, proof: PasswordProof
) -> bool:
    """Whether it is the user's password. No transaction is open while it is hashed."""
    async with begin() as ctx:
        password_hash = await queries.find_password_hash(ctx.tx, user_id)
    asker = Asker(f"{user_id}:reauthenticate", is_known=True)
    return (await passwords.check(proof.password, password_hash, asker)).is_right
