"""Shapes of what members put in and owners take out."""

from datetime import datetime

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.core.ids import UserId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Wire, example


class MoneyMoved(Body):
    model_config = example(
        amount="12.5", proof={"kind": "password", "password": "correct horse battery"}
    )

    amount: AmountIn = Field(gt=0, description="How many tokens.")
    proof: Proof = Field(description="What proves that the account is yours.")


class ContributionOut(Wire):
    """What a member put in, or an owner took out."""

    organisation_id: UserId = Field(description="Whose balance it came into, or left.")
    reference: str = Field(description="By which the lists of transfers of both name it.")
    amount: AmountOut = Field(description="How many tokens.")
    at: datetime = Field(description="When.")
