"""Shapes on the wire, of identities."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.identities.proofs import Proof
from dml.accounts.openid.providers import Provider
from dml.core.ids import IdentityId
from dml.core.wire import Body, Wire, example


class IdentityOut(Wire):
    """A way to sign in to your account."""

    id: IdentityId
    kind: IdentityKind = Field(description="By what you sign in.")
    created_at: datetime = Field(description="Since when.")
    address: str | None = Field(description="The address of a wallet; `null` for all else.")
    provider: str | None = Field(
        description="The id of the provider, as `GET /v1/sessions/openid` lists it; `null` for all "
        "but logins at a provider, and for one that is not listed any more.",
        examples=["google"],
    )
    issuer: str | None = Field(
        description="Who knows you there, listed or not; `null` for all but logins at a provider.",
        examples=["https://accounts.google.com"],
    )


def identity_out(identity: Identity, providers: Sequence[Provider]) -> IdentityOut:
    """Show a way to sign in, among those that the operator has set up."""
    found = (it.id for it in providers if it.issuer == identity.issuer)
    return IdentityOut(
        id=identity.id,
        kind=identity.kind,
        created_at=identity.created_at,
        address=identity.address,
        provider=next(found, None),
        issuer=identity.issuer,
    )


class IdentityRevoke(Body):
    model_config = example(proof={"kind": "password", "password": "correct horse battery"})

    proof: Proof = Field(description="What proves that the account is yours.")
