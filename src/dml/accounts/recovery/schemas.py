"""Shapes on the wire, of links, passwords and addresses."""

from typing import Final

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.accounts.schemas import Email, NewPassword
from dml.core.wire import Body, Text, Wire, example

_TOKEN: Final = "q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7sQw0Zb1c2d3e"
_PROOF: Final = {"kind": "password", "password": "correct horse battery"}
_NEW: Final = "stapled by nobody"
TOKEN: Final = "What follows `token=` in the mailed link."
NEW: Final = "The new password. One that is guessed too soon is refused."
PROVEN: Final = "What proves that the account is yours."


class AddressNamed(Body):
    model_config = example(email="ada@example.org")

    email: Email = Field(examples=["ada@example.org"], description="Where to mail the link.")


class SignUpCreate(AddressNamed):
    """The address to open an account with."""


class PasswordResetCreate(AddressNamed):
    """The address of the account."""


class LinkMailedOut(Wire):
    """The same for every address."""

    email: str = Field(description="Where a link is mailed, if there is a reason to.")


class SignUpConfirm(Body):
    model_config = example(token=_TOKEN, password=_NEW)

    token: Text = Field(max_length=100, description=TOKEN)
    password: NewPassword = Field(description=NEW)


class PasswordResetConfirm(SignUpConfirm):
    """The link's token, and the new password."""


class PasswordSet(Body):
    model_config = example(password=_NEW, proof=_PROOF)

    password: NewPassword = Field(description=NEW)
    proof: Proof = Field(description=PROVEN)


class EmailChangeCreate(AddressNamed):
    model_config = example(email="ada@example.com", proof=_PROOF)

    proof: Proof = Field(description=PROVEN)


class EmailConfirmationCreate(Body):
    model_config = example(token=_TOKEN)

    token: Text = Field(max_length=100, description=TOKEN)
