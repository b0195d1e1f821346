"""A secret file that waits on disk: noise to all but the process that wrote it."""

import os
import tempfile

from dml.core import spool
from dml.core.spool import Spool


async def test_what_was_written_is_read_whole() -> None:
    content = os.urandom(3 * spool.PIECE_BYTES + 5)
    with Spool() as held:
        for start in range(0, len(content), 10_000):
            await held.write(content[start : start + 10_000])
        assert held.read() == content
    with Spool() as empty:
        assert empty.read() == b""


async def test_nothing_readable_is_on_disk_under_any_name() -> None:
    before = set(os.listdir(tempfile.gettempdir()))
    with Spool() as held:
        await held.write(b"4815162342" * spool.PIECE_BYTES)
        held._file.flush()
        assert set(os.listdir(tempfile.gettempdir())) - before == set()
        on_disk = os.pread(held._file.fileno(), 20 * spool.PIECE_BYTES, 0)
    assert len(on_disk) > spool.PIECE_BYTES
    assert b"4815162342" not in on_disk
