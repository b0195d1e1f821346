"""The graph of jobs: what was ordered, what came of it, and what devices did for it."""

from typing import Final

from dml.algorithms.graphql import load_algorithms
from dml.algorithms.schemas import AlgorithmOut
from dml.devices.graphql import FOR_DEVICES
from dml.devices.schemas import DeviceOut
from dml.edge.graphql.graph import Follow, Graph, Leads, Read
from dml.jobs.models import JobState
from dml.jobs.rules import ENDED
from dml.jobs.schemas import JobOut

GRAPH: Final = Graph(
    reads=(
        Read("jobs", "jobs.list"),
        Read("job", "jobs.get"),
        Read("results", "jobs.get_results", on=JobOut),
        Read("timeline", "jobs.get_timeline", on=JobOut),
        Read("archives", "jobs.list_archives", on=JobOut),
        Read("earnings", "devices.get_earnings", on=DeviceOut),
        Read("work", "devices.list_work", on=DeviceOut),
        Read("receipts", "devices.list_receipts", on=DeviceOut),
        Read("privacy_budget", "privacy_budget.get"),
    ),
    follows=(
        Follow(
            "job",
            "jobs.get",
            "A job as it is now, and again whenever something happened to it: its results grow by "
            "steps, of which you hear twice a second at most. Completed once it has ended. For its "
            "customer and admins.",
            about="job:{job_id}",
            ends=lambda job: JobState(job["state"]) in ENDED,
        ),
    ),
    leads=(
        Leads(
            JobOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            "The algorithm that devices run, if you may see it.",
        ),
    ),
    nodes=("jobs.get",),
    without={
        "jobs.watch": "A stream of its own: the subscription `job` tells the same.",
        "jobs.export_results": "A file goes by REST.",
        "jobs.get_manifest": "Its very bytes have the hash, and the graph would write others.",
        "assignments.claim": FOR_DEVICES,
        "assignments.heartbeat": FOR_DEVICES,
        "assignments.get_model": FOR_DEVICES,
        "assignments.release": FOR_DEVICES,
        "assignments.submit_result": FOR_DEVICES,
        "devices.get_own_earnings": FOR_DEVICES,
        "devices.list_own_receipts": FOR_DEVICES,
        "devices.list_own_work": FOR_DEVICES,
    },
)
