"""How files come in: test sets, which are sealed at once, and submissions, which are streamed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from fastapi import HTTPException, Request

from dml.accounts import sandbox_time
from dml.bounties import submission_processes, submission_rules, submitting, test_sets
from dml.bounties.models import Submission, SubmissionKind, TestSet
from dml.core.context import Actor, Context
from dml.core.ids import BountyId
from dml.edge.bodies import FileCutOff, read_file, stream_file
from dml.edge.http import BeginFunction, Parts, transaction

# A test set is in memory until it is sealed. Who waits to send one holds next to nothing.
IN_MEMORY: Final = 4
READ_SECONDS: Final = 600.0
_IN_MEMORY: Final = asyncio.Semaphore(IN_MEMORY)


async def upload_test_set(
    server: Parts,
    begin: BeginFunction,
    bounty_id: BountyId,
    request: Request,
    *,
    id_column: str,
    target_column: str,
) -> TestSet:
    """Take a hidden test set in for the bounty's owner. It is written to no disk but sealed."""
    format = _kind(request, *submission_rules.TABLES)
    async with begin() as ctx:
        await test_sets.get_replaceable(ctx, bounty_id)
        await sandbox_time.require_room(ctx, ctx.actor.id)
        actor = ctx.actor
    async with _IN_MEMORY:
        file = await _read_in_time(request, limit=server.settings.test_set_limit_bytes)
        sealed = await asyncio.to_thread(server.seal.seal, file, test_sets.purpose(bounty_id))
        stored, size = await server.blobs.keep(sealed), len(file)
        del file, sealed
    async with transaction(server, token=None) as ctx:
        ctx = replace(ctx, actor=actor)
        test_set = await test_sets.replace(
            ctx,
            bounty_id,
            sealed=stored.sha256,
            size=size,
            format=format,
            id_column=id_column,
            target_column=target_column,
        )
        bounty = await test_sets.get_replaceable(ctx, bounty_id)
        await submission_processes.start_check(ctx, bounty, test_set)
        return test_set


async def submit(
    server: Parts,
    begin: BeginFunction,
    bounty_id: BountyId,
    request: Request,
    *,
    name: str | None,
    dry_run: bool,
) -> Submission:
    """Take a file in for an entrant. No transaction is open while it comes.

    A large file over a slow line outlasts an access token, so the token counts when it begins.
    """
    async with begin() as ctx:
        bounty = await submitting.find_room(ctx, bounty_id, dry_run=dry_run)
        kind = _kind(request, *submission_rules.kinds_taken(bounty))
        await submitting.require_takes(ctx, bounty, kind)
        actor = ctx.actor
    limit = server.settings.predictions_limit_bytes
    if kind in (SubmissionKind.ONNX, SubmissionKind.FILE):
        limit = server.settings.model_limit_bytes
    stored = await server.blobs.put(stream_file(request, limit=limit), limit=limit)
    async with transaction(server, token=None) as ctx:
        return await submitting.enter(
            replace(ctx, actor=actor),
            bounty_id,
            kind=kind,
            name=name or f"{ctx.now:%Y-%m-%d %H:%M:%S}.{submission_rules.ENDINGS[kind]}",
            dry_run=dry_run,
            stored=stored,
        )


@asynccontextmanager
async def reading(server: Parts, submission: Submission) -> AsyncIterator[Context]:
    """Open a context of the submitter's, for the answer: their token may have expired meanwhile."""
    async with transaction(server, token=None) as ctx:
        yield replace(ctx, actor=Actor(submission.submitter_id))


async def _read_in_time(request: Request, *, limit: int) -> bytes:
    """Return the body, or refuse it where it comes so slowly that others wait for its place."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await read_file(request, limit=limit)
    except TimeoutError:
        raise FileCutOff from None


def _kind(request: Request, *taken: SubmissionKind) -> SubmissionKind:
    """Tell what the body is, or refuse what is not taken here."""
    kind = submission_rules.kind_of(request.headers.get("content-type", ""), *taken)
    if kind is None:
        allowed = " or ".join(submission_rules.MEDIA_TYPES[it] for it in taken)
        raise HTTPException(415, f"Send the file itself, as {allowed}.")
    return kind
