"""Revoking a way to sign in, and telling its user: a thief of a session may have done it."""

from dml.accounts.identities import letters, service
from dml.accounts.recovery.service import Post, tell
from dml.core.context import Context
from dml.core.ids import IdentityId


async def revoke_mine(ctx: Context, post: Post, identity_id: IdentityId) -> None:
    """Take one of the actor's ways to sign in, and never the last. It was proven who asks."""
    user, kind = await service.revoke_mine(ctx, identity_id)
    await tell(ctx, post, user.email, letters.revoked(kind))
