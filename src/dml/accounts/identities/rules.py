"""What may become of ways to sign in, and what must be proven again. Pure."""

from dml.core.errors import Conflict, Forbidden, NotFound, Unavailable


class IdentityNotFound(NotFound):
    code = "accounts.identity_not_found"
    reason = "You have no such way to sign in."
    remedy = "List yours with `GET /v1/users/me/identities`."


class LastIdentity(Conflict):
    code = "accounts.last_identity"
    reason = "This is your only way to sign in, so the account would be nobody's."
    remedy = "Add another way to sign in first."


class TooManyIdentities(Conflict):
    code = "accounts.too_many_identities"
    reason = "You have as many ways to sign in as one may."
    remedy = "Revoke one that you no longer need."
    limit: int


class WrongProof(Forbidden):
    code = "accounts.wrong_proof"
    reason = "This does not prove that the account is yours."
    remedy = "Prove it by a way in which you sign in, as by your password."


class FactorProofNeeded(Forbidden):
    code = "accounts.factor_proof_needed"
    reason = "Your account has a second factor, so nothing less proves that it is yours."
    remedy = (
        "Send a `proof` of the kind `totp`, with the code that your authenticator app shows, "
        "`recovery_code`, or `passkey`."
    )


class ProofUnchecked(Unavailable):
    """Looked at by nobody: it counts as no try."""

    code = "accounts.proof_unchecked"
    reason = "What would tell whether this proof is right does not answer now."
    remedy = "Send it again in a moment, or prove it by something else."


def require_few(count: int, most: int) -> None:
    if count >= most:
        raise TooManyIdentities(limit=most)


def require_another(count: int) -> None:
    """Refuse to take a user's only way to sign in."""
    if count < 2:
        raise LastIdentity


def require_proof(*, is_right: bool) -> None:
    if not is_right:
        raise WrongProof


def require_factor(*, is_factor: bool, has_factor: bool) -> None:
    """Refuse a proof by anything but the second factor, where there is one."""
    if has_factor and not is_factor:
        raise FactorProofNeeded
