"""How a new version comes in: its file is streamed to the blob store, then the version recorded."""

from fastapi import Request

from dml.accounts import sandbox_time
from dml.accounts.agreement import service as agreements
from dml.algorithms import processes, queries, rules
from dml.algorithms.events import VersionUploaded, seen_by
from dml.algorithms.form import AROUND_BYTES_MAX, UploadForm
from dml.algorithms.models import Version, VersionState
from dml.core import events, processes as core_processes
from dml.core.blobs import Stored
from dml.core.context import BeginFunction, Context
from dml.core.ids import AlgorithmId, VersionId, new_id
from dml.core.kept_files import FileQuota
from dml.core.states import Move
from dml.edge.http import Parts
from dml.edge.idempotency import LateTransaction
from dml.edge.uploads import Admitted, Incoming
from dml.inference import spec
from dml.inference.spec import InputSpec


async def upload(
    server: Parts,
    begin: BeginFunction,
    late: LateTransaction,
    algorithm_id: AlgorithmId,
    request: Request,
) -> Version:
    """Take a file in for the algorithm's developer."""
    limit = server.settings.model_limit_bytes
    form = UploadForm(request, limit=limit)

    async def admit(ctx: Context) -> Admitted:
        await _require_developer(ctx, algorithm_id)
        await agreements.require_met(ctx, server.demands)
        return Admitted(await server.quota.find_room(ctx), limit)

    async with Incoming(server, begin, late, request).stored(
        admit,
        lambda _: form.file(),
        limit=limit,
        around=AROUND_BYTES_MAX,
        sent=lambda: [repr(form.input_spec)],
    ) as (ctx, _, stored):
        return await add_version(ctx, algorithm_id, form.input_spec, stored, server.quota)


async def add_version(
    ctx: Context,
    algorithm_id: AlgorithmId,
    input_spec: InputSpec,
    stored: Stored,
    quota: FileQuota | None = None,
) -> Version:
    """Record a stored file as the next version, and have it checked.

    The same file with the same spec is one version, however often it is sent: a client that missed
    the answer sends it again. Once it was turned down, it counts as new. Without a `quota` it is
    one that is kept for somebody already.
    """
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    rules.require_developer(algorithm, ctx.actor)
    rules.require_not_archived(algorithm)
    # Owners permit a kind of data to an algorithm; what a device then reads is of the spec's kind.
    assert input_spec.kind == algorithm.kind, "there is a second kind: refuse here"
    kept_spec = spec.to_dict(input_spec)
    same = await queries.find_same(ctx.tx, algorithm_id, stored.sha256, kept_spec)
    if same is not None:
        return same
    await sandbox_time.require_room(ctx, algorithm.developer_id)
    if quota is not None:
        await quota.require_room(ctx, stored)
    turn = await sandbox_time.take_turn(ctx, algorithm.developer_id)
    rules.require_none_pending(await queries.count_pending(ctx.tx, algorithm.developer_id))
    version = Version(
        id=VersionId(new_id()),
        algorithm_id=algorithm_id,
        number=await queries.get_last_number(ctx.tx, algorithm_id) + 1,
        state=VersionState.UPLOADED,
        input_spec=kept_spec,
        sha256=stored.sha256,
        size=stored.size,
        created_at=ctx.now,
    )
    ctx.tx.add(version)
    uploaded = VersionUploaded(version.id, algorithm_id)
    await events.record(ctx, uploaded, seen_by(algorithm), Move(None, version.state))
    await core_processes.in_turn(
        ctx,
        turn,
        processes.check_id(version.id),
        processes.check_quickly,
        version.id,
        sha256=stored.sha256,
        input_spec=kept_spec,
        label_count=len(algorithm.labels),
    )
    late = ctx.now + rules.CHECK_WITHIN
    await core_processes.at(ctx, late, f"give-up:{version.id}", processes.give_up, version.id)
    return version


async def _require_developer(ctx: Context, algorithm_id: AlgorithmId) -> None:
    """Refuse whom no version of this algorithm may come from."""
    rules.require_signed_in(ctx.actor)
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    rules.require_developer(algorithm, ctx.actor)
    rules.require_not_archived(algorithm)
    await sandbox_time.require_room(ctx, algorithm.developer_id)
