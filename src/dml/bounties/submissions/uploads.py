"""How files are uploaded: test sets are sealed at once, submissions are streamed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from fastapi import HTTPException, Request

from dml.accounts import sandbox_time
from dml.bounties.models import Submission, SubmissionKind, TestSet
from dml.bounties.submissions import (
    queries as submission_queries,
    rules as submission_rules,
    service as submissions,
)
from dml.bounties.submissions.schemas import SubmitQuery
from dml.bounties.submissions.service import Submitted
from dml.bounties.test_sets import processes as test_set_processes, service as test_sets
from dml.bounties.test_sets.service import SealedFile
from dml.core.context import BeginFunction, Context
from dml.core.errors import DmlError
from dml.core.ids import BountyId
from dml.core.spool import Spool
from dml.edge.bodies import FileCutOff, stream_file
from dml.edge.http import Parts
from dml.edge.idempotency import LateTransaction
from dml.edge.uploads import Admitted, Incoming, uploading

# A test set is in memory only for the moment in which it is sealed, once it has come whole. Until
# then it is on disk, encrypted with a key of its own, so that slow senders hold up nobody.
IN_MEMORY: Final = 4
READ_SECONDS: Final = 600.0
_IN_MEMORY: Final = asyncio.Semaphore(IN_MEMORY)


@dataclass(frozen=True, slots=True)
class _Entry(Admitted):
    kind: SubmissionKind


async def upload_test_set(
    server: Parts,
    begin: BeginFunction,
    bounty_id: BountyId,
    request: Request,
    *,
    id_column: str,
    target_column: str,
) -> TestSet:
    """Take in the hidden test set that the owner uploads. It reaches a disk only encrypted."""
    format = _kind(request, *submission_rules.TABLES)
    async with begin() as ctx:
        await test_sets.get_replaceable(ctx, bounty_id)
        await sandbox_time.require_room(ctx, ctx.actor.id)
        before = await submission_queries.find_test_set(ctx.tx, bounty_id)
        replaced_bytes = 0 if before is None else before.size
        room = await server.quota.find_room(ctx, replaced_bytes=replaced_bytes)
        actor, began = ctx.actor, ctx.now
    limit = server.settings.test_set_limit_bytes
    with Spool() as spool:
        async with uploading(server, actor, request, limit=limit):
            size = await _read_in_time(room.within(stream_file(request, limit=limit)), spool)
        async with _IN_MEMORY:
            sealed = await asyncio.to_thread(
                lambda: server.seal.seal(spool.read(), test_sets.purpose(bounty_id))
            )
            stored = await server.blobs.keep(sealed)
            del sealed
    try:
        async with begin(since=began) as ctx:
            file = SealedFile(stored.sha256, size, format, id_column, target_column)
            test_set = await test_sets.replace(ctx, bounty_id, file, quota=server.quota)
            bounty = await test_sets.get_replaceable(ctx, bounty_id)
            await test_set_processes.start_check(ctx, bounty, test_set)
            return test_set
    except DmlError:  # Nothing was committed, and no other row has this sealed file.
        await server.blobs.forget(stored.sha256)
        raise


async def submit(
    server: Parts,
    begin: BeginFunction,
    late: LateTransaction,
    bounty_id: BountyId,
    query: SubmitQuery,
    request: Request,
) -> Submission:
    """Take in the file that an entrant submits."""
    large, small = server.settings.model_limit_bytes, server.settings.predictions_limit_bytes

    async def admit(ctx: Context) -> _Entry:
        bounty = await submissions.find_room(ctx, bounty_id, dry_run=query.dry_run)
        kind = _kind(request, *submission_rules.kinds_taken(bounty))
        await submissions.require_takes(ctx, bounty, kind)
        is_large = kind in (SubmissionKind.ONNX, SubmissionKind.FILE)
        return _Entry(await server.quota.find_room(ctx), large if is_large else small, kind)

    async with Incoming(server, begin, late, request).stored(
        admit,
        lambda limit: stream_file(request, limit=limit),
        limit=large,
        sent=lambda: [request.headers.get("content-type", "")],
    ) as (ctx, entry, stored):
        ending = submission_rules.ENDINGS[entry.kind]
        name = query.name or f"{ctx.now:%Y-%m-%d %H:%M:%S}.{ending}"
        submitted = Submitted(entry.kind, name, stored, dry_run=query.dry_run)
        return await submissions.enter(ctx, bounty_id, submitted, quota=server.quota)


async def _read_in_time(file: AsyncIterator[bytes], spool: Spool) -> int:
    """Write the body to the spool, or refuse it if it takes too long. Return its bytes."""
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in file:
                await spool.write(chunk)
                size += len(chunk)
    except TimeoutError:
        raise FileCutOff from None
    return size


def _kind(request: Request, *taken: SubmissionKind) -> SubmissionKind:
    """Return the kind of the body, or refuse what is not accepted here."""
    kind = submission_rules.kind_of(request.headers.get("content-type", ""), *taken)
    if kind is None:
        allowed = " or ".join(submission_rules.MEDIA_TYPES[it] for it in taken)
        raise HTTPException(415, f"Send the file itself, as {allowed}.")
    return kind
