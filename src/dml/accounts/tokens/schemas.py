"""Shapes of personal access tokens."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.accounts.tokens.service import NewToken
from dml.core.ids import TokenId
from dml.core.wire import Body, Text, Unique, Wire, example
from dml.edge.scopes import Scope


class TokenCreate(Body):
    model_config = example(
        name="nightly job",
        scopes=["jobs:read", "jobs:write"],
        days=90,
        proof={"kind": "password", "password": "correct horse battery"},
    )

    name: Text = Field(max_length=100, description="What it is for, so that you know it again.")
    scopes: Annotated[list[Scope], Unique] = Field(
        min_length=1,
        max_length=len(Scope),
        description="What it may do, as far as you may. Each operation names the one it needs.",
    )
    days: int = Field(30, ge=1, le=366, description="After how many days it expires.")
    proof: Proof | None = Field(
        None,
        description="What proves that the account is yours: needed where a scope is to `write`.",
    )


class TokenOut(Wire):
    """A personal access token, without its secret."""

    id: TokenId
    name: str = Field(description="What it is for.")
    scopes: list[Scope] = Field(description="What it may do.")
    created_at: datetime
    expires_at: datetime = Field(description="From when on it opens nothing.")
    last_used_at: datetime | None = Field(description="When it was last used, to the hour.")


class TokenWithSecretOut(TokenOut):
    """A new personal access token. Its secret is shown this once."""

    token: str = Field(
        description="For the header `Authorization: Bearer …`. It cannot be read again.",
        examples=["dml_pat_…"],
    )

    @classmethod
    def of(cls, made: NewToken) -> Self:
        shown = TokenOut.model_validate(made.token).model_dump()
        return cls(**shown, token=made.secret)
