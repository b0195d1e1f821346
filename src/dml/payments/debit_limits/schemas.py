"""Shapes on the wire, of debit limits."""

from datetime import datetime

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Wire, example


class DebitLimitOut(Wire):
    """The most that jobs and bounties may take from your balance in any 30 days."""

    limit: AmountOut | None = Field(description="In tokens. `null`: there is no limit.")
    taken: AmountOut = Field(
        description="What they took in the last 30 days, whatever of it came back."
    )
    left: AmountOut | None = Field(description="What they may take now. `null`: there is no limit.")
    changed_at: datetime | None = Field(description="When it was set. `null`: never.")


class DebitLimitSet(Body):
    model_config = example(limit="100")

    limit: AmountIn | None = Field(description="In tokens. `null`: no limit.")
    proof: Proof | None = Field(
        None, description="What proves that the account is yours: needed to raise the limit."
    )
