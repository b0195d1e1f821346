"""Every domain there is, those below first: each says in its manifest what it brings.

An event that is published where its handlers are not imported reaches nobody, so whoever publishes
calls `load_processes`. And what one domain tells another below it is said here: deposits that are
seen count as pending, what jobs paid without telling it yet counts as reserved, whose jobs have run
an algorithm may rate it, and what lies in the vault covers what admins credit.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.manifest import MANIFEST as ACCOUNTS
from dml.accounts.notices import processes as notices
from dml.accounts.organisations import inviting
from dml.algorithms.manifest import MANIFEST as ALGORITHMS
from dml.algorithms.ratings import service as ratings
from dml.bounties.enrollments.joining import takes_part
from dml.bounties.manifest import MANIFEST as BOUNTIES
from dml.chain import queries as chain_queries
from dml.chain.manifest import MANIFEST as CHAIN
from dml.core import events, personal
from dml.core.checks import Check
from dml.core.domain import Domain
from dml.core.manifest import MANIFEST as CORE
from dml.devices.manifest import MANIFEST as DEVICES
from dml.edge.graphql.graph import Graph
from dml.edge.manifest import MANIFEST as EDGE
from dml.entrypoints.manifest import MANIFEST as ENTRYPOINTS
from dml.feed.manifest import MANIFEST as FEED
from dml.jobs import queries as job_queries
from dml.jobs.history import queries as history
from dml.jobs.manifest import MANIFEST as JOBS
from dml.mail.manifest import MANIFEST as MAIL
from dml.payments import credits, queries as payment_queries
from dml.payments.manifest import MANIFEST as PAYMENTS
from dml.profiles.manifest import MANIFEST as PROFILES

# A route that names a thing comes before one with a place for any name: jobs before devices.
DOMAINS: Final[tuple[Domain, ...]] = (
    *(CORE, EDGE, ENTRYPOINTS, MAIL, ACCOUNTS, PROFILES, FEED, PAYMENTS, CHAIN, ALGORITHMS),
    *(JOBS, DEVICES, BOUNTIES),
)
Cleaner: TypeAlias = Callable[[AsyncSession, datetime], Awaitable[Any]]


def load_tables() -> None:
    """Make `Base.metadata` whole."""
    for it in DOMAINS:
        it.load(it.tables)


def load_routers() -> list[APIRouter]:
    """Return all routers, and have every kind of proof that they ask for checked by somebody."""
    for it in DOMAINS:
        it.load(it.proofs)
    return [router for it in DOMAINS for router in it.load(it.routers)]


def load_graphs() -> list[Graph]:
    return [graph for it in DOMAINS for graph in it.load(it.graphs)]


def load_processes() -> None:
    """Import all events and all that happens by itself: who did so can record and run them."""
    for it in DOMAINS:
        it.load(it.events)
        it.load(it.processes)
    notices.know(notice for it in DOMAINS for its in it.load(it.notices) for notice in its)
    payment_queries.count_as_pending(chain_queries.sum_seen)
    payment_queries.count_as_reserved(job_queries.sum_untold)
    credits.cover_by(chain_queries.find_cover)
    inviting.keep_out(takes_part)
    ratings.rated_by(history.find_run)
    said = [its for it in DOMAINS for its in it.load(it.personal)]
    personal.know(said, kept_files=load_kept_files())
    events.all_are_loaded()


def load_checks() -> list[Check]:
    return [check for it in DOMAINS for checks in it.load(it.checks) for check in checks]


def load_cleaners() -> list[Cleaner]:
    return [cleaner for it in DOMAINS for cleaner in it.load(it.cleaners)]


def load_named_files() -> list[str]:
    return [sql for it in DOMAINS for sql in it.load(it.named_files)]


def load_kept_files() -> list[str]:
    return [sql for it in DOMAINS for sql in it.load(it.kept_files)]
