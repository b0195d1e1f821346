"""Kinds of proof: what each looks like, and who checks it.

A kind is a shape here, of which `Proof` is made, and a check that is registered by `checked_by`, in
whatever package knows how: its manifest names that module (`proofs`), so one that lies above this
one may bring it. Only a proof by a second factor `is_factor`, or by a passkey, which is as much;
and where an account has a second factor, no other does (docs/decisions/0049 and 0058).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias, TypeVar

from pydantic import Field

from dml.accounts.passkeys.credentials import EXAMPLE_ASSERTION, SignedPasskey
from dml.accounts.schemas import Password
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.core.wire import Body, Text, example
from dml.edge.http import Parts

KIND: Final = "By what you prove it."


class PasswordProof(Body):
    """Your password, as you sign in with it."""

    model_config = example(kind="password", password="correct horse battery")

    kind: Literal["password"] = Field(description=KIND)
    password: Password = Field(description="The password of your account.")


class TotpProof(Body):
    """The code that your authenticator app shows now."""

    model_config = example(kind="totp", code="492039")

    kind: Literal["totp"] = Field(description=KIND)
    code: Text = Field(
        max_length=20,
        description="The six digits that your authenticator app shows. Each code is good once.",
        examples=["492039"],
    )


class RecoveryCodeProof(Body):
    """One of your recovery codes, which is used up by this."""

    model_config = example(kind="recovery_code", code="k7mq2x-9fhd4c-w3tzpa-5ryv8n")

    kind: Literal["recovery_code"] = Field(description=KIND)
    code: Text = Field(
        max_length=60,
        description="A recovery code that was not used before.",
        examples=["k7mq2x-9fhd4c-w3tzpa-5ryv8n"],
    )


class WalletProof(Body):
    """A message that a wallet signed by which you sign in."""

    model_config = example(
        kind="wallet",
        message="market.example.org wants you to sign in with your Ethereum account:\n…",
        signature="0x" + "5b" * 64 + "1c",
    )

    kind: Literal["wallet"] = Field(description=KIND)
    message: Text = Field(
        max_length=4_000,
        description="The message from `POST /v1/wallets/challenges` (`purpose: proof`), unchanged.",
    )
    signature: Text = Field(
        max_length=2 + 2 * 4_096,
        pattern="^0x([0-9a-fA-F]{2})+$",
        description="The wallet's signature, in hexadecimal digits after `0x`.",
        examples=["0x" + "5b" * 64 + "1c"],
    )


class OpenidProof(Body):
    """A login at a provider by which you sign in, made anew for this."""

    model_config = example(
        kind="openid",
        code="q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7sQw0Zb1c2d3e",
        code_verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    )

    kind: Literal["openid"] = Field(description=KIND)
    code: Text = Field(
        max_length=100,
        description="The `code` with which the browser returned from `GET /v1/sessions/openid/"
        "{provider_id}?fresh=true`, five minutes ago at most.",
    )
    code_verifier: Text = Field(
        pattern=r"^[A-Za-z0-9._~-]{43,128}$",
        description="The secret of which you sent the challenge.",
    )


class PasskeyProof(Body):
    """A passkey by which you sign in, and which has signed a challenge for this."""

    model_config = example(kind="passkey", credential=EXAMPLE_ASSERTION)

    kind: Literal["passkey"] = Field(description=KIND)
    credential: SignedPasskey = Field(
        description="What the browser made of the options from "
        "`POST /v1/users/me/passkeys/proof-challenges`."
    )


FactorProof: TypeAlias = Annotated[
    TotpProof | RecoveryCodeProof, Field(discriminator="kind", title="FactorProof")
]
Proof: TypeAlias = Annotated[
    PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof,
    Field(discriminator="kind", title="Proof"),
]


class Check(Protocol):
    """Tells whether a proof is good, or refuses it for a reason of its own.

    It opens what transactions it needs, and what it uses up is used up once it returns.
    """

    async def __call__(
        self, server: Parts, begin: BeginFunction, user_id: UserId, proof: Any, /
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of proof is checked, and whether it counts as a second factor."""

    check: Check
    is_factor: bool


_KINDS: Final[dict[type[Body], Kind]] = {}
_Checked = TypeVar("_Checked", bound=Check)


def checked_by(shape: type[Body], *, is_factor: bool = False) -> Callable[[_Checked], _Checked]:
    """Say that a function checks the proofs of this shape."""

    def register(check: _Checked) -> _Checked:
        assert shape not in _KINDS, f"{shape.__name__} is checked already"
        _KINDS[shape] = Kind(check, is_factor)
        return check

    return register


def kind_of(proof: Body) -> Kind:
    """Return how this proof is checked. Whoever serves routes has loaded all checks."""
    return _KINDS[type(proof)]
