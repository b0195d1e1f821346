"""What every way to sign in answers."""

from dml.accounts import sessions
from dml.accounts.schemas import SessionTokensOut
from dml.core.context import Context
from dml.edge.http import Parts


def tokens_out(server: Parts, ctx: Context, opened: sessions.Opened) -> SessionTokensOut:
    """Shape the first tokens of a session, or the next ones."""
    seconds = server.settings.access_token_seconds
    return SessionTokensOut(
        access_token=sessions.access_token(server.keys, opened.session, ctx.now, seconds=seconds),
        refresh_token=opened.refresh_token,
        expires_in=seconds,
        user_id=opened.session.user_id,
    )
