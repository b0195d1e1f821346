"""What jobs keep of customers and device owners: counts, under ids that name nobody any more.

Files of archived jobs hold ids, times and counts, and no more: docs/decisions/0054.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.blobs import Blobs
from dml.core.db import PAGE_MAX
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NULL, Blocker, Columns, Holding, Personal
from dml.devices import queries as device_queries
from dml.jobs import queries
from dml.jobs.archive import reading

_GOOD: Final = "for good: what was counted and paid can be verified"
_MY_JOBS: Final = "job_id IN (SELECT id FROM jobs WHERE customer_id = :user_id)"
_MY_DEVICES: Final = "device_id IN (SELECT id FROM devices WHERE owner_id = :user_id)"
_MY_ASSIGNMENTS: Final = f"SELECT id FROM assignments WHERE {_MY_DEVICES}"  # noqa: S608 - a constant
_MY_RESULTS: Final = f"assignment_id IN ({_MY_ASSIGNMENTS})"
_WEEK: Final = "until a week after the job's end, then in `archived_assignments`"
_NOBODY: Final = "Counts of many owners, which name none."


async def work(tx: AsyncSession, blobs: Blobs, user_id: UserId) -> AsyncIterator[Any]:
    """Yield what each of a user's devices did, with what left it, wherever that is kept."""
    for device_id in await device_queries.list_ids(tx, user_id):
        after: UUID | None = None
        while some := await queries.list_work(tx, device_id, after=after, limit=PAGE_MAX - 1):
            for it in await reading.read_bodies(blobs, some):
                yield {
                    "id": it.id,
                    "device_id": device_id,
                    "job_id": it.job_id,
                    "job": it.job_title,
                    "state": it.state,
                    "created_at": it.created_at,
                    "reward": it.reward,
                    "body": None if it.body is None else json.loads(it.body),
                }
            after = some[-1].id


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "results",
            "Exactly what left your devices.",
            "until a week after the job's end, then in a file of the job's archive",
            (
                Columns("assignment_id received_at", "For which work, and when."),
                Columns("body", "How many items had which label, by month. No item itself."),
            ),
            whose=_MY_RESULTS,
            shown={"body": "CAST(convert_from(body, 'UTF8') AS jsonb)"},
        ),
        Holding(
            "result_inbox",
            "Results that wait to be counted.",
            "seconds",
            (Columns("assignment_id job_id", "Which."),),
            whose=_MY_RESULTS,
        ),
        Holding(
            "assignments",
            "Work that your devices took.",
            _WEEK,
            (
                Columns("id job_id device_id owner_id bucket slot", "Which device, which job."),
                Columns(
                    "state tries lease_expires_at created_at try_ends_at fold_id",
                    "Its state, and when it changed.",
                ),
                Columns("charged charged_day", "What it took of your privacy budget, and when."),
            ),
            whose=_MY_DEVICES,
        ),
        Holding(
            "owner_budgets",
            "Your privacy budget: how much all jobs together may learn of you.",
            _GOOD,
            (
                Columns("owner_id most paused", "What you allow."),
                Columns("spent_in_all days spent", "What was used of it, and when."),
            ),
            whose="owner_id = :user_id",
        ),
        Holding(
            "archived_assignments",
            "Work that your devices did: what they may still ask about, and the proof of it.",
            _GOOD,
            (
                Columns("id device_id archive_id page", "Which device, and in which file."),
                Columns(
                    "created_at tries state fold_id body_sha256", "Its state, and when it changed."
                ),
            ),
            whose=_MY_DEVICES,
        ),
        Holding(
            "job_archives",
            "Files with the work of ended jobs. In them: ids of devices and owners, times, counts.",
            _GOOD,
            (
                Columns(
                    "id job_id number sha256 chain size assignments results items uncertain pages "
                    "created_at",
                    "Which file, its digest, and sums.",
                ),
            ),
            whose=_MY_JOBS,
        ),
        Holding(
            "job_totals",
            "How far a job is.",
            _GOOD,
            (
                Columns(
                    "job_id folded items uncertain shown_devices shown_items shown_uncertain "
                    "version held_devices clipped",
                    _NOBODY,
                ),
                Columns(
                    "owners uncertain_owners", "Short numbers of owners, some of whom share one."
                ),
            ),
        ),
        Holding(
            "job_counts",
            "A job's answer.",
            _GOOD,
            (
                Columns("job_id month label counted shown", _NOBODY),
                Columns("owners", "Short numbers of owners, some of whom share one."),
            ),
        ),
        Holding(
            "job_releases",
            "A noisy answer, as its customer sees it, with what was counted before the noise.",
            _GOOD,
            (
                Columns(
                    "job_id part number devices months counts scale reached clipped "
                    "clipped_scale created_at",
                    _NOBODY,
                ),
            ),
        ),
        Holding(
            "crowds",
            "About how many owners were seen lately, with noise.",
            "until they are counted anew, a day later",
            (Columns("kind country owners drawn_at", _NOBODY),),
        ),
        Holding(
            "job_places",
            "Places of a job that nobody holds.",
            _GOOD,
            (Columns("job_id bucket open closed", "No personal data."),),
        ),
        Holding(
            "job_manifests",
            "What everybody may know that a job of yours learns. It does not name you.",
            "until you erase your account",
            (Columns("job_id body", "The document: what you call the job, and its terms."),),
            whose=_MY_JOBS,
            is_deleted=True,
            shown={"body": "CAST(convert_from(body, 'UTF8') AS jsonb)"},
        ),
        Holding(
            "job_folds",
            "With which step of a job's answer results are told that were counted together.",
            _GOOD,
            (Columns("job_id fold_id step", "No personal data."),),
        ),
        Holding(
            "jobs",
            "What you ordered: terms that devices and developers were paid by.",
            _GOOD,
            (
                Columns("id customer_id algorithm_id version_id developer_id", "Who and what."),
                Columns("title", "What you call it.", EMPTY),
                Columns("close_reason", "Why it was closed, in somebody's words.", NULL),
                Columns(
                    "state starts_at deadline created_at end_reason",
                    "Its state, and when it changed.",
                ),
                Columns("ended_at archived_at", "When it ended."),
                Columns("restored_at", "When it was restored from a backup."),
                Columns(
                    "max_devices max_devices_per_owner min_devices reward device_fee platform_fee "
                    "data_kind countries date_from date_to min_confidence labels input_spec "
                    "model_sha256 model_size answers epsilon rho max_items max_norm "
                    "needs_agreement precision revision manifest_sha256",
                    "Its terms.",
                ),
            ),
            whose="customer_id = :user_id",
        ),
    ),
    blockers=(
        Blocker(
            "jobs",
            "Jobs of yours are under way.",
            "Close them (`POST /v1/jobs/{id}/close`), or wait until they have ended.",
            "SELECT count(*) FROM jobs WHERE customer_id = :user_id AND ended_at IS NULL",
        ),
        Blocker(
            "jobs_of_others",
            "Jobs of others run your algorithms, and will still pay you.",
            "Archive your algorithms, so that no more begin, and wait until these have ended.",
            """
            SELECT count(*) FROM algorithms a JOIN algorithm_versions v ON v.algorithm_id = a.id
            JOIN jobs j ON j.version_id = v.id
            WHERE a.developer_id = :user_id AND j.ended_at IS NULL
            """,
        ),
        Blocker(
            "results",
            "Results of your devices wait to be counted and paid.",
            "Wait some seconds.",
            """
            SELECT count(*) FROM result_inbox i JOIN assignments a ON a.id = i.assignment_id
            WHERE a.owner_id = :user_id
            """,
        ),
    ),
    more={"work": ("What your devices did, and exactly what left them.", work)},
)
