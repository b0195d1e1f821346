"""What is kept of device owners. What devices counted, jobs keep."""

from typing import Final

from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NONE_OF_THEM, NULL, Columns, Holding, Personal
from dml.devices import queries, service

_A_KEY_OF_NOBODY: Final = "sha256(convert_to(CAST(id AS text), 'UTF8'))"


async def leave(ctx: Context, user_id: UserId) -> None:
    """Revoke the user's devices: their leases end, and they get no more work."""
    while found := await queries.list_not_revoked(ctx.tx, user_id):
        for device_id in found:
            await service.revoke(ctx, device_id)
        await ctx.tx.flush()


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "device_nonces",
            "So that a device proves who it is once with each.",
            "minutes",
            (Columns("device_id expires_at nonce", "What it signed.", is_secret=True),),
            whose="device_id IN (SELECT id FROM devices WHERE owner_id = :user_id)",
            is_deleted=True,
        ),
        Holding(
            "pairing_codes",
            "How a device becomes yours.",
            "a day",
            (
                Columns("owner_id expires_at device_id", "When you asked for one."),
                Columns("sha256", "Its digest.", is_secret=True),
            ),
            whose="owner_id = :user_id",
            is_deleted=True,
        ),
        Holding(
            "owner_limits",
            "What none of your devices works for.",
            "until you change it",
            (
                Columns(
                    "owner_id revision refused_jobs refused_developers refused_labels",
                    "Jobs, developers and labels that you refuse.",
                ),
                Columns("allows_exact", "Whether you agreed to answers without noise."),
                Columns(
                    "refused_countries max_epsilon",
                    "Countries that you refuse, and the most that a job may learn of you.",
                ),
            ),
            whose="owner_id = :user_id",
            is_deleted=True,
        ),
        Holding(
            "devices",
            "Your devices: what work fits them, and who they are when they ask.",
            "until you erase your account",
            (
                Columns("id owner_id created_at revision revoked_at", "That there was one."),
                Columns("public_key", "By which it proves who it is.", _A_KEY_OF_NOBODY),
                Columns("name", "What you call it.", EMPTY),
                Columns("platform", "What it runs on.", "'other'"),
                Columns("memory_mib speed country last_seen_at", "What it says of itself.", NULL),
                Columns("kinds", "The kinds of data that it has.", NONE_OF_THEM),
                Columns("permitted_kinds", "What you narrow that to.", NULL),
            ),
            whose="owner_id = :user_id",
        ),
    ),
    leave=leave,
)
