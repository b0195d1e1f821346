"""Making an export's file: a ZIP with a JSON file for each table that has rows of the user.

Rows are read and written as they come, in one snapshot of the database, so its size costs no
memory.
"""

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.accounts import queries as account_queries
from dml.accounts.privacy import rules
from dml.core import personal
from dml.core.blobs import Blobs, Stored
from dml.core.ids import UserId

ROWS_AT_ONCE: Final = 500
CHUNK: Final = 256 * 1024
IN_MEMORY: Final = 4 * 1024 * 1024  # More than this is written to a temporary file.
_AS_OF_NOW: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_INTRODUCTION: Final = """\
All that this marketplace keeps of you, table by table. Amounts are in micro-tokens, millionths of a
token; times are in UTC. Left out is only what opens something, such as the hash of your password.
Your photo is `photo.webp`. Other files that you uploaded are listed in `files.json`, each with the
path where you download it.

"""


async def make(
    sessions: async_sessionmaker[AsyncSession],
    blobs: Blobs,
    user_id: UserId,
    *,
    refused_since: datetime,
) -> Stored:
    """Keep a file with all that is kept of a user. Nothing names it yet.

    Files of theirs that were refused are listed `refused_since` then, as they are kept no longer.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            async with sessions() as tx:
                await tx.execute(_AS_OF_NOW)
                user = await account_queries.get_user(tx, user_id)
                values = {
                    "user_id": user_id,
                    "email": user.email or "",
                    "refused_since": refused_since,
                }
                await _write_all(tx, blobs, archive, values)
                await _write_photo(blobs, archive, user.photo_sha256)
        file.seek(0)
        return await blobs.put(_chunks(file), limit=rules.SIZE_MAX)


async def _write_all(
    tx: AsyncSession, blobs: Blobs, archive: ZipFile, values: dict[str, Any]
) -> None:
    told = [_INTRODUCTION]
    for holding in personal.holdings():
        sql = holding.exported()
        if sql and (count := await _write(archive, holding.table, _rows(tx, sql, values))):
            told.append(f"{holding.table}.json ({count}): {holding.why}\n")
    await _write(archive, "files", _rows(tx, personal.files(), values))
    for name, (about, rows) in personal.more_rows().items():
        if count := await _write(archive, name, rows(tx, blobs, values["user_id"])):
            told.append(f"{name}.json ({count}): {about}\n")
    archive.writestr("README.txt", "".join(told))


async def _write_photo(blobs: Blobs, archive: ZipFile, sha256: str | None) -> None:
    """Add the user's photo; none where they have changed it since the snapshot."""
    if sha256 is not None:
        with contextlib.suppress(FileNotFoundError):
            archive.writestr("photo.webp", await blobs.get(sha256))


async def _rows(tx: AsyncSession, sql: str, values: dict[str, Any]) -> AsyncIterator[Any]:
    used = {name: it for name, it in values.items() if f":{name}" in sql}
    rows = await tx.stream(text(sql), used, execution_options={"yield_per": ROWS_AT_ONCE})
    async for (row,) in rows:
        yield row


async def _write(archive: ZipFile, name: str, rows: AsyncIterator[Any]) -> int:
    """Write rows as a JSON array, if there are any. Return how many."""
    count, file = 0, None
    try:
        async for row in rows:
            if file is None:
                file = archive.open(f"{name}.json", "w", force_zip64=True)
            line = json.dumps(row, ensure_ascii=False, default=str)
            file.write(f"{',' if count else '['}\n{line}".encode())
            count += 1
        if file is not None:
            file.write(b"\n]\n")
    finally:
        if file is not None:
            file.close()
    return count


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
