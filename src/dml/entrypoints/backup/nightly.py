"""The backup of each day: a process of its own, which a worker starts when one is due.

What is due is told by the place: so a changed setting counts at once, as does what somebody made by
hand, and several workers or a new machine make none twice.
"""

import asyncio
import logging
import os
from datetime import UTC, datetime

from dml import ending
from dml.core import logs
from dml.core.settings import Settings
from dml.entrypoints.archiver import NICENESS, end_with_parent
from dml.entrypoints.backup import making, manifest as manifests
from dml.entrypoints.backup.due import last_due
from dml.entrypoints.backup.making import AnotherIsMade
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.telling import SILENT
from dml.refused import ExitCode, Refused

log = logging.getLogger("dml.backup")


async def make_due(settings: Settings, now: datetime) -> bool:
    """Make the backup that is due, and remove old ones. Whether one was made."""
    assert settings.backup_to is not None
    assert settings.backup_key is not None
    place = Place.at(settings.backup_to, make=True)
    key = await manifests.prepare_key(place, settings.backup_key.get_secret_value())
    whole = await manifests.list_whole(place)
    if whole and whole[-1].taken_at >= last_due(now, settings.backup_hour):
        return False
    made, _ = await making.make(settings, place, key, SILENT, keep=settings.keep_backups)
    log.info("made backup %s in %s", made.name, place.said)
    return True


def main() -> int:
    settings = Settings()
    logs.configure(settings)
    end_with_parent()
    os.nice(NICENESS)
    try:
        asyncio.run(make_due(settings, datetime.now(UTC)))
    except AnotherIsMade as refusal:
        log.info("%s", refusal)
        return ExitCode.NOT_DONE
    except (Refused, OSError) as error:
        log.error("no backup was made: %s", error)
        return ExitCode.NOT_DONE
    return ExitCode.DONE


if __name__ == "__main__":
    ending.run(main)
