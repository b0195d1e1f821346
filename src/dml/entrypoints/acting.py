"""Which operations can be done for an organisation, by the header `DML-Act-For` (decision 64).

What is not named here is done in person: ways in, devices, wallets, entering a bounty, moderating.
"""

from typing import Final

FOR_ORGANISATIONS: Final = frozenset(
    (
        *("algorithms.list", "algorithms.create", "algorithms.get", "algorithms.archive"),
        *("algorithms.get_timeline", "algorithms.list_offered", "algorithms.update"),
        *("algorithms.delete", "algorithms.suspend", "algorithms.resume", "versions.withdraw"),
        *("algorithms.announce", "algorithms.withdraw", "algorithms.appeal"),
        *("versions.appeal", "appeals.list", "device_counts.get"),
        *("versions.list", "versions.create", "versions.delete", "versions.get"),
        *("versions.get_file", "versions.submit", "versions.get_timeline"),
        *("algorithms.get_statistics", "algorithms.get_usage", "demos.create"),
        *("demos.create_by_tensor", "ratings.list", "ratings.get_own", "ratings.set"),
        *("ratings.delete", "ratings.set_reply", "ratings.delete_reply"),
        *("jobs.publish", "jobs.unpublish", "published_jobs.list", "published_jobs.get"),
        "published_jobs.get_results",
        *("uploads.list", "uploads.create", "uploads.get", "uploads.append"),
        *("uploads.complete", "uploads.delete", "file_links.create"),
        *("job_quotes.create", "jobs.list", "jobs.create", "jobs.get", "jobs.list_archives"),
        *("jobs.close", "jobs.raise_terms", "jobs.watch", "jobs.pause", "jobs.resume"),
        *("jobs.get_results", "jobs.export_results", "jobs.get_timeline", "jobs.get_manifest"),
        *("bounties.list", "bounties.create", "bounties.get", "bounties.update"),
        *("bounties.cancel", "bounties.list_changes", "bounties.close", "bounties.list_decisions"),
        *("bounties.fund", "bounties.open", "bounties.pause", "bounties.resume"),
        *("bounties.reorder", "bounties.reward", "bounties.start", "bounties.get_timeline"),
        *("attachments.list", "attachments.create", "attachments.delete", "attachments.get"),
        *("test_sets.get", "test_sets.replace", "disputes.list", "records.list"),
        *("enrollments.list", "enrollments.get", "leaderboards.get", "leaderboards.export"),
        *("submissions.list", "submissions.get", "submissions.get_file"),
        *("submissions.get_timeline", "evidence.get", "evidence.get_file"),
        *("balance.get", "transfers.list", "transfers.export"),
        *("events.list", "events.watch"),
        # Of who asks in person, whose word it is.
        *("developer_agreements.get_current", "developer_agreements.agree"),
        "graph.ask",  # Each field is looked at as the operation that it asks.
    )
)
