"""Every process and event handler there is: who imports this can publish, and can run them.

An event that is published where its handlers are not imported reaches nobody, so API, worker and
command line all import this.
"""

from dml.algorithms import processes as algorithms
from dml.bounties import processes as bounties
from dml.bounties import ranking_processes as rankings
from dml.bounties import submission_processes as submissions
from dml.jobs import processes as jobs

__all__ = ["algorithms", "bounties", "jobs", "rankings", "submissions"]
