"""Shapes on the wire, of identities."""

from datetime import datetime

from pydantic import Field

from dml.accounts.identities.models import IdentityKind
from dml.accounts.identities.proofs import Proof
from dml.core.ids import IdentityId
from dml.core.wire import Body, Wire, example


class IdentityOut(Wire):
    """A way to sign in to your account."""

    id: IdentityId
    kind: IdentityKind = Field(description="By what you sign in.")
    created_at: datetime = Field(description="Since when.")
    address: str | None = Field(description="The address of a wallet; `null` for all else.")


class IdentityRevoke(Body):
    model_config = example(proof={"kind": "password", "password": "correct horse battery"})

    proof: Proof = Field(description="What proves that the account is yours.")
