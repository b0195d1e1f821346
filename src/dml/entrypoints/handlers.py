"""Every process and event handler there is: who imports this can publish, and can run them.

And what one domain tells another below it: deposits that are seen count as pending, and what jobs
paid without telling it yet counts as reserved.

An event that is published where its handlers are not imported reaches nobody, so API, worker and
command line all import this.
"""

from dml.algorithms import processes as algorithms
from dml.bounties import processes as bounties
from dml.bounties import ranking_processes as rankings
from dml.bounties import submission_processes as submissions
from dml.bounties import test_set_processes as test_sets
from dml.chain import queries as chain
from dml.entrypoints import collector as files
from dml.jobs import processes as jobs
from dml.jobs import queries as jobs_told
from dml.payments.credits import cover_by
from dml.payments.queries import count_as_pending, count_as_reserved

count_as_pending(chain.sum_seen)
count_as_reserved(jobs_told.sum_untold)
cover_by(chain.find_cover)

__all__ = ["algorithms", "bounties", "files", "jobs", "rankings", "submissions", "test_sets"]
