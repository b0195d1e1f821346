"""Shapes on the wire, of wallets as ways to sign in."""

from pydantic import Field

from dml.accounts import sessions
from dml.accounts.identities.proofs import Proof
from dml.accounts.schemas import SessionTokensOut
from dml.chain.addresses import AddressIn
from dml.chain.sign_ins.service import SignedIn
from dml.chain.wallets.schemas import SignatureIn
from dml.core.context import Context
from dml.core.wire import Body, Text, example
from dml.edge.http import Parts

MESSAGE = "market.example.org wants you to sign in with your Ethereum account:\n…"
SIGNATURE = "0x" + "5b" * 64 + "1c"


class WalletSignInChallenge(Body):
    model_config = example(address="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")

    address: AddressIn = Field(description="The address of the wallet that will sign in.")


class WalletSessionCreate(Body):
    model_config = example(message=MESSAGE, signature=SIGNATURE)

    message: Text = Field(max_length=4_000, description="The message, unchanged.")
    signature: SignatureIn = Field(
        description="The signature, in hexadecimal digits after `0x`: of the address's key "
        "(EIP-191, compact by EIP-2098 too), or for its contract (EIP-1271, EIP-6492)."
    )


class WalletIdentityCreate(WalletSessionCreate):
    """A wallet that is to sign in to your account."""

    model_config = example(
        message=MESSAGE,
        signature=SIGNATURE,
        proof={"kind": "password", "password": "correct horse battery"},
    )

    proof: Proof = Field(description="What proves that the account is yours.")


class WalletSessionOut(SessionTokensOut):
    """The first two tokens of a session that a wallet opened."""

    is_new: bool = Field(description="Whether the account was opened by this.")


def session_out(server: Parts, ctx: Context, signed_in: SignedIn) -> WalletSessionOut:
    seconds = server.settings.access_token_seconds
    session = signed_in.opened.session
    return WalletSessionOut(
        access_token=sessions.access_token(server.keys, session, ctx.now, seconds=seconds),
        refresh_token=signed_in.opened.refresh_token,
        expires_in=seconds,
        user_id=session.user_id,
        is_new=signed_in.is_new,
    )
