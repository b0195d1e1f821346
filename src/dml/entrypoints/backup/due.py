"""When a backup of each day is due, and whether they are made. Without what makes them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from dml.core.settings import Settings
from dml.entrypoints.backup import manifest as manifests
from dml.entrypoints.backup.place import Place
from dml.refused import Refused

LATE: Final = timedelta(days=2)


def last_due(now: datetime, hour: int) -> datetime:
    """Return the last moment at which a backup was to begin."""
    today = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


async def find_late(settings: Settings, now: datetime) -> list[str]:
    """What the doctor says of backups that are to be made each day, and are not."""
    if settings.backup_to is None:
        return []
    try:
        whole = await manifests.list_whole(Place.at(settings.backup_to))
    except (Refused, OSError) as error:
        return [f"Backups cannot be looked at: {error}."]
    if whole and whole[-1].taken_at > now - LATE:
        return []
    newest = f"the newest is of {whole[-1].taken_at:%Y-%m-%d %H:%M}" if whole else "there is none"
    return [
        f"No backup was made in {settings.backup_to} for two days ({newest}): the logs of the "
        "workers say why."
    ]
