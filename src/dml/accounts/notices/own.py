"""Of which events of accounts a mail tells."""

from typing import Final
from urllib.parse import urlsplit

from dml.accounts.events import (
    SessionCreated,
    TokenCreated,
    UserIdentityAdded,
    UserIdentityRevoked,
)
from dml.accounts.notices.kinds import Notice, Said, quoted, shortened


def _signed_in(said: Said) -> str:
    new = [
        name
        for name, is_new in (("device", said["is_new_device"]), ("network", said["is_new_network"]))
        if is_new
    ]
    return f"Somebody signed in to your account from a {' and a '.join(new)} that it did not know."


def _is_elsewhere(event: SessionCreated) -> bool:
    return (event.is_new_device or event.is_new_network) and not event.is_first


def _way(said: Said) -> str:
    by = said.get("by")
    if said["method"] == "wallet":
        return f"the wallet {shortened(by)}" if by else "a wallet"
    if said["method"] == "openid":
        return f"an account at {urlsplit(by).netloc or by}" if by else "an account elsewhere"
    return f"a {said['method']}"


def _token(said: Said) -> str:
    name, until, scopes = quoted(said["name"]), said["expires_at"][:10], ", ".join(said["scopes"])
    return (
        f"The personal access token {name} was created. Until {until} whoever has it may do this "
        f"as you: {scopes}."
    )


NOTICES: Final = (
    Notice(
        SessionCreated,
        "sign_in",
        "A new sign-in to your account",
        _signed_in,
        "end that session (`dml account sessions end`)",
        _is_elsewhere,
    ),
    Notice(
        UserIdentityAdded,
        "way_in_added",
        "There is another way to sign in to your account",
        lambda said: f"From now on one can sign in to your account by {_way(said)}.",
        "remove that way to sign in (`dml account identities remove`)",
    ),
    Notice(
        UserIdentityRevoked,
        "way_in_removed",
        "A way to sign in to your account was removed",
        lambda said: f"One can no longer sign in to your account by {_way(said)}.",
        "add it again",
    ),
    Notice(
        TokenCreated,
        "token_created",
        "Your account has a new personal access token",
        _token,
        "revoke that token (`dml account tokens revoke`)",
    ),
)
