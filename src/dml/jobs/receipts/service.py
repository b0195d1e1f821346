"""Writing receipts, and signing them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dml.core.blobs import Blobs
from dml.core.context import Context
from dml.core.ids import AssignmentId, DeviceId, JobId
from dml.core.tokens import Keys
from dml.inference import canonical_json
from dml.jobs.archive import reading
from dml.jobs.budgets import service as budgets
from dml.jobs.budgets.rules import BudgetBounds
from dml.jobs.budgets.service import Standing
from dml.jobs.noise.rules import cost_of_a_result
from dml.jobs.receipts.queries import Accepted

TYPE: Final = "dml-receipt+jwt"  # RFC 8725, 3.11: no other document of ours has it.


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt in compact form (RFC 7515), and what it is of."""

    id: AssignmentId
    job_id: JobId
    job_title: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What receipts of one device are made of, read in one transaction by its owner."""

    device_id: DeviceId
    owner: str
    results: Sequence[Accepted]
    budget: Standing
    now: datetime


async def read(
    ctx: Context, device_id: DeviceId, bounds: BudgetBounds, results: Sequence[Accepted]
) -> Unsigned:
    """Read what is left of the actor's budget, who owns the device."""
    budget = await budgets.get_mine(ctx, bounds)
    return Unsigned(device_id, str(ctx.actor.id), results, budget, ctx.now)


async def sign_all(it: Unsigned, blobs: Blobs, keys: Keys) -> list[Receipt]:
    """Sign a receipt for each result, by the key of today. O(bytes of a page) where archived."""
    works = await reading.read_bodies(blobs, [result.work for result in it.results])
    made = list[Receipt]()
    for result, work in zip(it.results, works, strict=True):
        assert work.body is not None, "what was accepted has a body"
        said = {"iss": keys.issuer, "iat": int(it.now.timestamp()), **_said(it, result, work.body)}
        signed = keys.sign_document(canonical_json.encode(said), kind=TYPE, now=it.now)
        made.append(Receipt(work.id, work.job_id, work.job_title, signed))
    return made


def _said(it: Unsigned, result: Accepted, body: bytes) -> dict[str, Any]:
    work = result.work
    return {
        "sub": it.owner,
        "device_id": str(it.device_id),
        "assignment_id": str(work.id),
        "job_id": str(work.job_id),
        "manifest_sha256": result.manifest_sha256,
        "left": json.loads(body),
        "counted": work.reward is not None,
        "step": result.step,
        "spent_rho_billionths": cost_of_a_result(result.rho, result.max_devices_per_owner),
        "budget": {"epsilon": it.budget.epsilon, "left": it.budget.left},
    }
