"""Where tests put the homes of servers: in memory, if the machine has room for them there.

What these tests kill are processes, never the machine, and then a file is kept as well in memory as
on a disk. But a disk is waited for, each time that PostgreSQL begins, writes, or ends: three
quarters of what its tests took.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 4 * 2**30


def make(prefix: str) -> Path:
    """Make a folder of a short path, which others may enter: root starts servers as another."""
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if _has_room() else "/tmp"))
    made.chmod(0o755)
    return made


def _has_room() -> bool:
    if not _MEMORY.is_mount() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False  # Programs are copied into some homes, and run there.
    return shutil.disk_usage(_MEMORY).free > _ROOM
