"""Whether this device does what it was given: its manifest must fit, and its owner must not mind.

What the owner minds is what they said at the server, for all devices (`dml device limits`). The
server goes by it already; the agent asks for it with each new job, keeps it, notes where it has
changed, and goes by it, too. A server from before manifests or limits is taken as it is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dml.agent import job_manifests
from dml.agent.console import Console
from dml.agent.heartbeat import Heartbeat
from dml.agent.home import Home, write_whole
from dml.agent.job_manifests import UNREADABLE, JobManifest, JobManifests, visible
from dml.agent.journal import Journal
from dml.agent.leases import Lease
from dml.agent.pace import Pace, patiently
from dml.agent.refusals import Away, Declined, GaveUp, Refusal
from dml.agent.server import Session

LIMITS_SECONDS: Final = 5.0
_LISTS: Final = ("refused_jobs", "refused_developers", "refused_labels")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the owner refuses, on all devices."""

    jobs: tuple[str, ...] = ()
    developers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    max_epsilon: float | None = None

    def require(self, lease: Lease, manifest: JobManifest | None) -> None:
        """Decline what the owner refuses."""
        why = self._why_not(lease, manifest)
        if why is not None:
            raise Declined(f"its owner refuses {why}")

    def _why_not(self, lease: Lease, manifest: JobManifest | None) -> str | None:
        if lease.job_id in self.jobs:
            return "this job"
        if unwanted := {*lease.labels} & {*self.labels}:
            return f"the label {visible(min(unwanted))}"
        if self.max_epsilon is not None and (lease.epsilon or 0) > self.max_epsilon:
            return f"an epsilon of {lease.epsilon}: {self.max_epsilon} at most"
        if manifest is None:
            return None
        if manifest.developer_id in self.developers:
            return "its developer"
        if unwanted := {*manifest.countries} & {*self.countries}:
            return f"jobs that ask for {visible(min(unwanted))}"
        return None


class Consent:
    """One agent's. What it looked at once in this run it does not look at again."""

    def __init__(
        self, home: Home, session: Session, pace: Pace, console: Console, journal: Journal
    ) -> None:
        self._home, self._session, self._journal = home, session, journal
        self._pace, self._console = pace, console
        self._manifests = JobManifests(home.manifests, session.server)
        self._limits = _kept(home)
        self._agreed: set[str] = set()

    def require(self, lease: Lease, heartbeat: Heartbeat) -> None:
        """Decline this lease, or agree to its job. Raises Away where nobody gives its manifest."""
        if lease.job_id in self._agreed:
            return
        self._ask_for_limits()
        manifest = None
        if lease.manifest_sha256 is not None:
            manifest = self._manifest(lease, heartbeat)
        self._limits.require(lease, manifest)
        self._agreed.add(lease.job_id)

    def _manifest(self, lease: Lease, heartbeat: Heartbeat) -> JobManifest:
        def insist(act: Callable[[], str]) -> str:
            until, tell = lambda: heartbeat.ends_at, self._console.away
            return patiently(act, self._pace, until=until, tell=tell)

        try:
            manifest, is_new = self._manifests.get(lease, patiently=insist)
        except OSError as error:
            why = f"its manifest can't be kept: {error.strerror}"
            raise GaveUp(why, for_good=False) from None
        identity = self._home.identity()
        assert identity is not None, "whoever works was paired"
        described = identity.described
        job_manifests.require_fit(lease, manifest, kinds=described.kinds, country=described.country)
        if is_new:
            self._note(lease, manifest)
        return manifest

    def _note(self, lease: Lease, manifest: JobManifest) -> None:
        """Tell the owner what the job may learn."""
        model = self._name_of(manifest)
        words = dict(job_manifests.in_words(manifest, model=model))
        self._journal.note(
            "manifest",
            job_id=lease.job_id,
            sha256=manifest.sha256,
            model=model,
            words="; ".join(f"{name}: {it}" for name, it in words.items()),
        )

    def _name_of(self, manifest: JobManifest) -> str | None:
        """What the model is called, and by whom it is, as the marketplace says it today."""
        path = f"/v1/algorithms/{visible(manifest.said['model']['algorithm_id'])}"
        try:
            told = self._session.server.ask("GET", path, seconds=LIMITS_SECONDS)
            by = told["developer_name"] or f"developer {manifest.said['model']['developer_id']}"
            return visible(f"{told['title']} by {by}")
        except (Away, Refusal, KeyError, TypeError):
            return None

    def _ask_for_limits(self) -> None:
        """Hear what the owner refuses by now; where nobody says, it is what it was."""
        try:
            told = self._session.ask("GET", "/v1/devices/self/limits", seconds=LIMITS_SECONDS)
            limits = _read(told)
        except (Away, Refusal, *UNREADABLE):
            return
        if limits != self._limits:
            self._limits = limits
            said = {it: told.get(it) for it in (*_LISTS, "refused_countries", "max_epsilon")}
            write_whole(self._home.limits, json.dumps(said).encode())
            self._journal.note("limits", **said)


def _read(told: Mapping[str, Any]) -> Limits:
    jobs, developers, labels = (tuple(map(str, told[it])) for it in _LISTS)
    most, countries = told.get("max_epsilon"), told.get("refused_countries") or ()
    return Limits(
        jobs=jobs,
        developers=developers,
        labels=labels,
        countries=tuple(map(str, countries)),
        max_epsilon=None if most is None else float(most),
    )


def _kept(home: Home) -> Limits:
    try:
        return _read(json.loads(home.limits.read_bytes()))
    except (OSError, *UNREADABLE):
        return Limits()
