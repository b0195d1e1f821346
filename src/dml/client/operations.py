# Generated from docs/api/openapi.json by `make openapi` (clients/generate.py): edit neither.
# Why it is generated, and by code of ours: docs/decisions/0030.
"""Each operation of the API as a method: `client.<tag>.<operation>`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

from dml.client import requests, types
from dml.client.marketplace import Marketplace


class Agreements:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, *, bounty_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> types.AgreementPage:
        """List entrants with suspiciously similar predictions.

        Pairs of entrants of a bounty whose final predictions agree more than independent work
        would. For moderators.

        `bounty_id`: Only entrants of this bounty.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.AgreementPage",
            self._market.ask(
                "GET",
                "/v1/moderation/agreements",
                params=requests.sent({"bounty_id": bounty_id, "limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, *, bounty_id: str | None = None) -> Iterator[types.Agreement]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Agreement]",
            self._market.all_of(
                "/v1/moderation/agreements", **requests.sent({"bounty_id": bounty_id})
            ),
        )


class Algorithms:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: types.AlgorithmSort | None = None,
        kind: types.AlgorithmKind | None = None,
        tag: str | None = None,
        tags: str | None = None,
        data_kind: types.DataKind | None = None,
        fee_min: str | None = None,
        fee_max: str | None = None,
        rating_min: int | None = None,
        developer_id: str | None = None,
        mine: bool | None = None,
        state: types.AlgorithmState | None = None,
    ) -> types.AlgorithmSummaryPage:
        """List algorithms.

        Newest first, unless `sort` says otherwise. Anybody gets the listed ones, without
        signing in; with `mine` you get your own, in every state. Other states than `listed`
        are for moderators, and for your own. Filters combine.

        `limit`: How many items to return at most.

        `sort`: What to sort by.

        `kind`: Only algorithms of this kind.

        `tag`: Only algorithms with this tag.

        `tags`: Only algorithms with each of these tags: `digits,mnist`.

        `data_kind`: Only algorithms that are run over this kind of data.

        `fee_min`: Only algorithms with this device fee or a higher one, in tokens.

        `fee_max`: Only algorithms with this device fee or a lower one, in tokens.

        `rating_min`: Only algorithms rated with so many stars or more, in the mean.

        `developer_id`: Only algorithms of this developer.

        `mine`: Only your own, in every state.

        `state`: Only algorithms in this state. Other states than `listed` are for moderators,
        and for your own.
        """
        return cast(
            "types.AlgorithmSummaryPage",
            self._market.ask(
                "GET",
                "/v1/algorithms",
                params=requests.sent(
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "sort": sort,
                        "kind": kind,
                        "tag": tag,
                        "tags": tags,
                        "data_kind": data_kind,
                        "fee_min": fee_min,
                        "fee_max": fee_max,
                        "rating_min": rating_min,
                        "developer_id": developer_id,
                        "mine": mine,
                        "state": state,
                    }
                ),
            ),
        )

    def iterate(
        self,
        *,
        sort: types.AlgorithmSort | None = None,
        kind: types.AlgorithmKind | None = None,
        tag: str | None = None,
        tags: str | None = None,
        data_kind: types.DataKind | None = None,
        fee_min: str | None = None,
        fee_max: str | None = None,
        rating_min: int | None = None,
        developer_id: str | None = None,
        mine: bool | None = None,
        state: types.AlgorithmState | None = None,
    ) -> Iterator[types.AlgorithmSummary]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.AlgorithmSummary]",
            self._market.all_of(
                "/v1/algorithms",
                **requests.sent(
                    {
                        "sort": sort,
                        "kind": kind,
                        "tag": tag,
                        "tags": tags,
                        "data_kind": data_kind,
                        "fee_min": fee_min,
                        "fee_max": fee_max,
                        "rating_min": rating_min,
                        "developer_id": developer_id,
                        "mine": mine,
                        "state": state,
                    }
                ),
            ),
        )

    def create(
        self, body: types.AlgorithmCreate, *, idempotency_key: str | None = None
    ) -> types.Algorithm:
        """Create an algorithm.

        You become its developer. It begins as a `draft`, which only you and moderators see;
        announce it if all are to see that it is coming. Upload a version of its model next:
        the algorithm is `listed` for everybody once a moderator approves one of its versions.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                "/v1/algorithms",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_by_slug(self, slug: str) -> types.Algorithm:
        """Get an algorithm by its slug.

        The same as by its id. A slug follows the title, and one of before still leads here.
        """
        return cast(
            "types.Algorithm",
            self._market.ask("GET", f"/v1/algorithms/by-slug/{requests.part(slug)}"),
        )

    def get_facets(
        self,
        *,
        kind: types.AlgorithmKind | None = None,
        tag: str | None = None,
        tags: str | None = None,
        data_kind: types.DataKind | None = None,
        fee_min: str | None = None,
        fee_max: str | None = None,
        rating_min: int | None = None,
        developer_id: str | None = None,
        mine: bool | None = None,
        state: types.AlgorithmState | None = None,
        q: str | None = None,
    ) -> types.AlgorithmFacets:
        """Count algorithms by what a list could be narrowed by.

        Takes the words and filters of a search, or none. Counts go up to 1,000, beyond which
        the most-run stand for all.

        `kind`: Only algorithms of this kind.

        `tag`: Only algorithms with this tag.

        `tags`: Only algorithms with each of these tags: `digits,mnist`.

        `data_kind`: Only algorithms that are run over this kind of data.

        `fee_min`: Only algorithms with this device fee or a higher one, in tokens.

        `fee_max`: Only algorithms with this device fee or a lower one, in tokens.

        `rating_min`: Only algorithms rated with so many stars or more, in the mean.

        `developer_id`: Only algorithms of this developer.

        `mine`: Only your own, in every state.

        `state`: Only algorithms in this state. Other states than `listed` are for moderators,
        and for your own.

        `q`: Words of title, tags, summary or model card, as in a web search: `digits
        -letters`, `"skin lesion"`, `cat or dog`.
        """
        return cast(
            "types.AlgorithmFacets",
            self._market.ask(
                "GET",
                "/v1/algorithms/facets",
                params=requests.sent(
                    {
                        "kind": kind,
                        "tag": tag,
                        "tags": tags,
                        "data_kind": data_kind,
                        "fee_min": fee_min,
                        "fee_max": fee_max,
                        "rating_min": rating_min,
                        "developer_id": developer_id,
                        "mine": mine,
                        "state": state,
                        "q": q,
                    }
                ),
            ),
        )

    def search(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: types.SearchSort | None = None,
        kind: types.AlgorithmKind | None = None,
        tag: str | None = None,
        tags: str | None = None,
        data_kind: types.DataKind | None = None,
        fee_min: str | None = None,
        fee_max: str | None = None,
        rating_min: int | None = None,
        developer_id: str | None = None,
        mine: bool | None = None,
        state: types.AlgorithmState | None = None,
        q: str,
    ) -> types.AlgorithmSearchPage:
        """Search algorithms.

        By words, the best match first: the title and tags count most, then the summary, then
        the model card. Where nothing has the words, they are corrected, and `corrected_q`
        says to what. Of very common words, the 1,000 most-run matches are ranked. Takes the
        filters of the list.

        `limit`: How many items to return at most.

        `sort`: What to sort by.

        `kind`: Only algorithms of this kind.

        `tag`: Only algorithms with this tag.

        `tags`: Only algorithms with each of these tags: `digits,mnist`.

        `data_kind`: Only algorithms that are run over this kind of data.

        `fee_min`: Only algorithms with this device fee or a higher one, in tokens.

        `fee_max`: Only algorithms with this device fee or a lower one, in tokens.

        `rating_min`: Only algorithms rated with so many stars or more, in the mean.

        `developer_id`: Only algorithms of this developer.

        `mine`: Only your own, in every state.

        `state`: Only algorithms in this state. Other states than `listed` are for moderators,
        and for your own.

        `q`: Words of title, tags, summary or model card, as in a web search: `digits
        -letters`, `"skin lesion"`, `cat or dog`.
        """
        return cast(
            "types.AlgorithmSearchPage",
            self._market.ask(
                "GET",
                "/v1/algorithms/search",
                params=requests.sent(
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "sort": sort,
                        "kind": kind,
                        "tag": tag,
                        "tags": tags,
                        "data_kind": data_kind,
                        "fee_min": fee_min,
                        "fee_max": fee_max,
                        "rating_min": rating_min,
                        "developer_id": developer_id,
                        "mine": mine,
                        "state": state,
                        "q": q,
                    }
                ),
            ),
        )

    def iterate_search(
        self,
        *,
        sort: types.SearchSort | None = None,
        kind: types.AlgorithmKind | None = None,
        tag: str | None = None,
        tags: str | None = None,
        data_kind: types.DataKind | None = None,
        fee_min: str | None = None,
        fee_max: str | None = None,
        rating_min: int | None = None,
        developer_id: str | None = None,
        mine: bool | None = None,
        state: types.AlgorithmState | None = None,
        q: str,
    ) -> Iterator[types.AlgorithmSummary]:
        """Yield each item of `search`, page after page."""
        return cast(
            "Iterator[types.AlgorithmSummary]",
            self._market.all_of(
                "/v1/algorithms/search",
                **requests.sent(
                    {
                        "sort": sort,
                        "kind": kind,
                        "tag": tag,
                        "tags": tags,
                        "data_kind": data_kind,
                        "fee_min": fee_min,
                        "fee_max": fee_max,
                        "rating_min": rating_min,
                        "developer_id": developer_id,
                        "mine": mine,
                        "state": state,
                        "q": q,
                    }
                ),
            ),
        )

    def delete(self, algorithm_id: str) -> None:
        """Delete a draft.

        Or an announced one, with all its versions and their files. What was listed once can
        be archived instead. For its developer.
        """
        self._market.ask("DELETE", f"/v1/algorithms/{requests.part(algorithm_id)}")

    def get(self, algorithm_id: str) -> types.Algorithm:
        """Get an algorithm.

        Anybody may read a listed or announced one; in other states only its developer and
        moderators see it. `approved_version` is the version to name when you create a job.
        Send its ETag as `If-Match` when you update it.
        """
        return cast(
            "types.Algorithm",
            self._market.ask("GET", f"/v1/algorithms/{requests.part(algorithm_id)}"),
        )

    def update(
        self, algorithm_id: str, body: types.AlgorithmUpdate, *, if_match: str | None = None
    ) -> types.Algorithm:
        """Update an algorithm.

        Changes the fields that you send. Kind, data and labels never change, as versions were
        checked against them. A new fee is for new jobs: those that were ordered keep theirs.
        For its developer.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "PATCH",
                f"/v1/algorithms/{requests.part(algorithm_id)}",
                headers=requests.sent({"if-match": if_match}),
                json=body,
            ),
        )

    def announce(self, algorithm_id: str, *, idempotency_key: str | None = None) -> types.Algorithm:
        """Announce a draft.

        Everybody can see then that it is coming: by its id or slug, and in lists with
        `state=announced`. Nobody can order it before one of its versions is approved, which
        lists it. For its developer, who may have 20 announced algorithms.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/announce",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def appeal(
        self, algorithm_id: str, body: types.AppealCreate, *, idempotency_key: str | None = None
    ) -> types.Appeal:
        """Appeal against a suspension.

        Asks that another moderator looks at why one of them suspended your algorithm. Once
        for each suspension. For its developer.
        """
        return cast(
            "types.Appeal",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/appeal",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def archive(
        self,
        algorithm_id: str,
        body: types.AlgorithmArchival | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> types.Algorithm:
        """Archive an algorithm.

        Takes it off the list for good: no new job can use it, while jobs that use it already
        go on. It cannot be undone. For its developer and, with a reason, for moderators.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/archive",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def resume(
        self,
        algorithm_id: str,
        body: types.AlgorithmResumption,
        *,
        idempotency_key: str | None = None,
    ) -> types.Algorithm:
        """Resume a suspended algorithm.

        Lists it again, or announces it where it was not listed yet, and its jobs go on. For
        whoever suspended it: its developer, or the moderators except its own developer.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/resume",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_statistics(
        self,
        algorithm_id: str,
        *,
        from_: str | None = None,
        to: str | None = None,
        version_id: str | None = None,
    ) -> types.AlgorithmStatistics:
        """Get an algorithm's statistics.

        For its developer: devices, earnings and ratings, by version and by day, of at most
        366 days. They grow in the steps in which customers are shown their answers, as your
        balance does; what is counted and not shown yet is in neither.

        `from_`: The first day, in UTC. Default: 30 days before `to`.

        `to`: The first day that is left out, at most 366 days later. Default: tomorrow.

        `version_id`: Only what this version did.
        """
        return cast(
            "types.AlgorithmStatistics",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/statistics",
                params=requests.sent({"from": from_, "to": to, "version_id": version_id}),
            ),
        )

    def suspend(
        self,
        algorithm_id: str,
        body: types.AlgorithmSuspension,
        *,
        idempotency_key: str | None = None,
    ) -> types.Algorithm:
        """Suspend an algorithm.

        Takes it off the list for now: no new job can use it, and devices get no new work for
        it. Results of work that has begun are still accepted and paid; its jobs wait, at most
        until their deadlines. For its developer, who can resume it, and for moderators. To
        end its jobs at once, a moderator recalls the version.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/suspend",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_timeline(self, algorithm_id: str) -> types.Timeline:
        """Get an algorithm's timeline.

        Tells what happened to it, when, by whom and why. For its developer and moderators.
        """
        return cast(
            "types.Timeline",
            self._market.ask("GET", f"/v1/algorithms/{requests.part(algorithm_id)}/timeline"),
        )

    def get_usage(self, algorithm_id: str) -> types.AlgorithmUsage:
        """Get how much an algorithm is used.

        For anybody: its runs and ratings, and in which band the number of its ended jobs is.
        """
        return cast(
            "types.AlgorithmUsage",
            self._market.ask("GET", f"/v1/algorithms/{requests.part(algorithm_id)}/usage"),
        )

    def withdraw(self, algorithm_id: str, *, idempotency_key: str | None = None) -> types.Algorithm:
        """Take an announcement back.

        The algorithm is a draft again, which only its developer and moderators see. For its
        developer.
        """
        return cast(
            "types.Algorithm",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/withdraw",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def list_offered(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.OfferedAlgorithmPage:
        """List what a user offers.

        For anybody, beside the public profile: the listed algorithms of this developer,
        newest first, in short.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.OfferedAlgorithmPage",
            self._market.ask(
                "GET",
                f"/v1/users/{requests.part(user_id)}/algorithms",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_offered(self, user_id: str) -> Iterator[types.OfferedAlgorithm]:
        """Yield each item of `list_offered`, page after page."""
        return cast(
            "Iterator[types.OfferedAlgorithm]",
            self._market.all_of(
                f"/v1/users/{requests.part(user_id)}/algorithms", **requests.sent({})
            ),
        )


class Appeals:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, algorithm_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.AppealPage:
        """List an algorithm's appeals.

        Those about the algorithm and its versions, newest first, with what came of them. For
        its developer and moderators.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.AppealPage",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/appeals",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, algorithm_id: str) -> Iterator[types.Appeal]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Appeal]",
            self._market.all_of(
                f"/v1/algorithms/{requests.part(algorithm_id)}/appeals", **requests.sent({})
            ),
        )

    def list_to_decide(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.AppealState | None = None,
    ) -> types.AppealPage:
        """List appeals to decide.

        Those of all developers, oldest first. Without `state`, those that wait for a
        moderator. For moderators.

        `limit`: How many items to return at most.

        `state`: Only appeals in this state.
        """
        return cast(
            "types.AppealPage",
            self._market.ask(
                "GET",
                "/v1/moderation/appeals",
                params=requests.sent({"limit": limit, "cursor": cursor, "state": state}),
            ),
        )

    def iterate_to_decide(
        self, *, state: types.AppealState | None = None
    ) -> Iterator[types.Appeal]:
        """Yield each item of `list_to_decide`, page after page."""
        return cast(
            "Iterator[types.Appeal]",
            self._market.all_of("/v1/moderation/appeals", **requests.sent({"state": state})),
        )

    def overturn(
        self, appeal_id: str, body: types.AppealResolution, *, idempotency_key: str | None = None
    ) -> types.Appeal:
        """Overturn a decision.

        A rejected or recalled version is approved at once, and a suspended algorithm listed
        again. Jobs that a recall has ended stay ended. For moderators other than the one
        whose decision it was, and not for what is their own.
        """
        return cast(
            "types.Appeal",
            self._market.ask(
                "POST",
                f"/v1/moderation/appeals/{requests.part(appeal_id)}/overturn",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def uphold(
        self, appeal_id: str, body: types.AppealResolution, *, idempotency_key: str | None = None
    ) -> types.Appeal:
        """Uphold a decision.

        The appeal ends, and what was decided stays. The developer reads the reason. For
        moderators other than the one whose decision it was, and not for what is their own.
        """
        return cast(
            "types.Appeal",
            self._market.ask(
                "POST",
                f"/v1/moderation/appeals/{requests.part(appeal_id)}/uphold",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Assignments:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def claim(
        self, body: types.AssignmentClaim, *, input_spec_version: str | None = None
    ) -> types.ClaimedAssignments:
        """Claim assignments.

        A device asks for work. The answer holds the assignments that it has already, then new
        ones, at most `max` in all; `items` is empty where there is no work, and
        `retry_after_seconds` says when to ask again. Work whose input the device can't
        prepare is for others: say in `Input-Spec-Version` which it can. For devices.
        """
        return cast(
            "types.ClaimedAssignments",
            self._market.ask(
                "POST",
                "/v1/assignments/claim",
                headers=requests.sent({"Input-Spec-Version": input_spec_version}),
                json=body,
            ),
        )

    def heartbeat(self, assignment_id: str) -> types.LeaseExtension:
        """Extend an assignment's lease.

        A device says that it is still at work. The lease is extended, but never beyond the
        job's deadline or the `try_seconds` of the claim, and no more once the job ends: the
        answer says how long it lasts. For the device that holds the assignment.
        """
        return cast(
            "types.LeaseExtension",
            self._market.ask("POST", f"/v1/assignments/{requests.part(assignment_id)}/heartbeat"),
        )

    def get_model(self, assignment_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Download an assignment's model.

        The ONNX file to run. Compare its SHA-256 with that of the assignment before you run
        it. For the device that holds the assignment, while its lease lasts.
        """
        return self._market.bytes_of(
            f"/v1/assignments/{requests.part(assignment_id)}/model", limit=most_bytes
        )

    def release(self, assignment_id: str) -> None:
        """Release an assignment.

        A device gives work back without a result. Another device may get it at once. For the
        device that holds the assignment.
        """
        self._market.ask("POST", f"/v1/assignments/{requests.part(assignment_id)}/release")

    def submit_result(self, assignment_id: str, body: types.ResultCreate) -> types.ResultReceipt:
        """Submit an assignment's result.

        A device sends its counts, and nothing else. An accepted result counts and is paid
        once: the same one sent again gets the same answer, another one is refused. After a
        refused result the lease goes on, and a corrected one may follow. For the device that
        holds the assignment.
        """
        return cast(
            "types.ResultReceipt",
            self._market.ask(
                "POST", f"/v1/assignments/{requests.part(assignment_id)}/result", json=body
            ),
        )


class Attachments:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, bounty_id: str) -> types.AttachmentList:
        """List a bounty's attachments.

        All of its files, oldest first. For everybody who sees the bounty.
        """
        return cast(
            "types.AttachmentList",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/attachments"),
        )

    def create(
        self,
        bounty_id: str,
        file: Path,
        *,
        media_type: Literal["application/octet-stream"] = "application/octet-stream",
        kind: types.AttachmentKind,
        name: str,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> types.Attachment:
        """Attach a file to a bounty.

        The body is the file. A new thumbnail or cover replaces the old one; before enrollment
        opens, any file replaces the one of its kind and name. Once enrollment is open, a
        reason is needed. For the bounty's owner.

        `kind`: What the file is for.

        `name`: The file's name, without a folder.

        `reason`: Why, shown to everybody. Needed once enrollment is open.
        """
        return cast(
            "types.Attachment",
            self._market.upload(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/attachments",
                file,
                media_type,
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                params=requests.sent({"kind": kind, "name": name, "reason": reason}),
            ),
        )

    def delete(self, bounty_id: str, attachment_id: str) -> None:
        """Delete an attachment of a bounty.

        Only before enrollment opens. For the bounty's owner.
        """
        self._market.ask(
            "DELETE",
            f"/v1/bounties/{requests.part(bounty_id)}/attachments/{requests.part(attachment_id)}",
        )

    def get(
        self, bounty_id: str, attachment_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX
    ) -> bytes:
        """Download an attachment of a bounty.

        The file as it was sent. For everybody who sees the bounty.
        """
        return self._market.bytes_of(
            f"/v1/bounties/{requests.part(bounty_id)}/attachments/{requests.part(attachment_id)}",
            limit=most_bytes,
        )


class Balance:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.Balance:
        """Get your balance.

        For signed-in users: the tokens that you can spend, those that are on their way in,
        and those that your running jobs, bounties and withdrawals hold.
        """
        return cast("types.Balance", self._market.ask("GET", "/v1/payments/balance"))


class Books:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.Books:
        """Get the sums of the whole ledger.

        For admins: how many tokens rest in each kind of account. Every transfer takes from
        one account what it gives to another, so `sum` is zero; any other value is a fault in
        the ledger.
        """
        return cast("types.Books", self._market.ask("GET", "/v1/admin/books"))

    def get_of_user(self, user_id: str) -> types.UserBooks:
        """Get what a user owns.

        For admins: the user's balance, each account of theirs that holds tokens, and their
        last transfers.
        """
        return cast(
            "types.UserBooks",
            self._market.ask("GET", f"/v1/admin/users/{requests.part(user_id)}/books"),
        )


class Bounties:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: types.BountySort | None = None,
        state: types.BountyState | None = None,
        tag: str | None = None,
        prize_min: str | None = None,
        closes_before: str | None = None,
        closes_after: str | None = None,
        mine: bool | None = None,
        entered: bool | None = None,
        q: str | None = None,
    ) -> types.BountySummaryPage:
        """List bounties.

        Without their long texts. Anybody gets those that are or were funded, without signing
        in; with `mine` you get your own, in every state. Filters combine.

        `limit`: How many items to return at most.

        `sort`: What to sort by.

        `state`: Only bounties in this state.

        `tag`: Only bounties with this tag.

        `prize_min`: Only bounties whose prizes sum to this or more, in tokens.

        `closes_before`: Only bounties whose submissions end before this moment.

        `closes_after`: Only bounties whose submissions end at this moment or later.

        `mine`: Only your own, in every state.

        `entered`: Only those that you have entered.

        `q`: Only bounties with these words in name, organisation, subtitle or description, as
        in a web search: `churn -phone`.
        """
        return cast(
            "types.BountySummaryPage",
            self._market.ask(
                "GET",
                "/v1/bounties",
                params=requests.sent(
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "sort": sort,
                        "state": state,
                        "tag": tag,
                        "prize_min": prize_min,
                        "closes_before": closes_before,
                        "closes_after": closes_after,
                        "mine": mine,
                        "entered": entered,
                        "q": q,
                    }
                ),
            ),
        )

    def iterate(
        self,
        *,
        sort: types.BountySort | None = None,
        state: types.BountyState | None = None,
        tag: str | None = None,
        prize_min: str | None = None,
        closes_before: str | None = None,
        closes_after: str | None = None,
        mine: bool | None = None,
        entered: bool | None = None,
        q: str | None = None,
    ) -> Iterator[types.BountySummary]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.BountySummary]",
            self._market.all_of(
                "/v1/bounties",
                **requests.sent(
                    {
                        "sort": sort,
                        "state": state,
                        "tag": tag,
                        "prize_min": prize_min,
                        "closes_before": closes_before,
                        "closes_after": closes_after,
                        "mine": mine,
                        "entered": entered,
                        "q": q,
                    }
                ),
            ),
        )

    def create(
        self, body: types.BountyCreate, *, idempotency_key: str | None = None
    ) -> types.Bounty:
        """Create a bounty.

        It begins as a draft that only you and moderators see. Add files and, where it is
        judged by a metric, its hidden test set; then fund it.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                "/v1/bounties",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, bounty_id: str) -> types.Bounty:
        """Get a bounty.

        What it asks for, what it pays, how far it is, and what comes next. Anybody may read
        it once it is funded; before, its owner and moderators. Send its ETag as `If-Match`
        when you update it.
        """
        return cast(
            "types.Bounty", self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}")
        )

    def update(
        self, bounty_id: str, body: types.BountyUpdate, *, if_match: str | None = None
    ) -> types.Bounty:
        """Update a bounty.

        Changes the fields that you send. All of a draft can be changed; once it is funded, no
        prizes, fee or way of judging; once enrollment is open, only texts that bind nobody,
        and dates, which can only be put off. Everybody can read what was changed since it was
        funded. For its owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "PATCH",
                f"/v1/bounties/{requests.part(bounty_id)}",
                headers=requests.sent({"if-match": if_match}),
                json=body,
            ),
        )

    def cancel(
        self, bounty_id: str, body: types.BountyCancellation, *, idempotency_key: str | None = None
    ) -> types.Bounty:
        """Cancel a bounty.

        Ends it without winners, as long as none are named. The prizes go back to its owner,
        the fees to those who paid them. Everybody can read the reason. For its owner, and for
        moderators who have no part in it.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/cancel",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def list_changes(self, bounty_id: str) -> types.BountyChangeList:
        """List the changes of a bounty.

        What its owner changed since it was funded: from what to what, and why. For everybody
        who sees the bounty.
        """
        return cast(
            "types.BountyChangeList",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/changes"),
        )

    def close(self, bounty_id: str, *, idempotency_key: str | None = None) -> types.Bounty:
        """Close a bounty's submissions.

        Now, instead of at `closes_at`. Then entrants are ranked by the metric, or the owner
        names the winners. For its owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/close",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def list_decisions(
        self, bounty_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.DecisionPage:
        """List the decisions about a bounty's winners.

        What was decided and why, newest first: winners named or reordered, and entrants
        disqualified or reinstated. For everybody who sees the bounty.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.DecisionPage",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/decisions",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_decisions(self, bounty_id: str) -> Iterator[types.Decision]:
        """Yield each item of `list_decisions`, page after page."""
        return cast(
            "Iterator[types.Decision]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/decisions", **requests.sent({})
            ),
        )

    def fund(self, bounty_id: str, *, idempotency_key: str | None = None) -> types.Bounty:
        """Fund a bounty.

        Moves the whole prize pool from your balance into escrow; if your balance is too
        small, nothing changes. From now on everybody sees the bounty, and it moves on by its
        dates. Where it is judged by a metric, its test set must have passed its check. For
        its owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/fund",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def open(self, bounty_id: str, *, idempotency_key: str | None = None) -> types.Bounty:
        """Open a bounty's enrollment.

        Now, instead of at `enrolls_at`. For its owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/open",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def pause(
        self, bounty_id: str, body: types.BountyPause, *, idempotency_key: str | None = None
    ) -> types.Bounty:
        """Pause a bounty.

        Nobody can enroll or submit, and its dates stop. It resumes by itself after 90 days.
        Everybody can read the reason. For its owner, and for moderators who have no part in
        it.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/pause",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def reorder(
        self, bounty_id: str, body: types.WinnerOrderUpdate, *, idempotency_key: str | None = None
    ) -> types.Bounty:
        """Change the order of a bounty's winners.

        With a reason that everybody reads, while the bounty is `disputing`. It can be done
        three times at most. Prizes then go by the new order, without sharing among ties, and
        disputes stay open for two more days, or for `dispute_seconds` if that is less. For
        the bounty's owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/reorder",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def resume(self, bounty_id: str, *, idempotency_key: str | None = None) -> types.Bounty:
        """Resume a paused bounty.

        Dates that were still ahead are put off by as long as the pause took. For its owner,
        and for moderators who have no part in it.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/resume",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def reward(
        self, bounty_id: str, body: types.BountyReward, *, idempotency_key: str | None = None
    ) -> types.Bounty:
        """Name the winners of a bounty judged by hand.

        The first place first, with a reason that everybody reads. The bounty is then
        `disputing` for `dispute_seconds`; after that the prizes are paid. For its owner; if
        nobody was named by `judged_by`, for moderators as well who have no part in it.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/reward",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def start(self, bounty_id: str, *, idempotency_key: str | None = None) -> types.Bounty:
        """Start a bounty's submissions.

        Now, instead of at `submits_at`. Enrollment ends, and invitations that nobody answered
        lapse. For its owner.
        """
        return cast(
            "types.Bounty",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/start",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get_timeline(self, bounty_id: str) -> types.Timeline:
        """Get a bounty's timeline.

        Tells what happened to it, when, by whom and why, and what comes next. For everybody
        who sees the bounty.
        """
        return cast(
            "types.Timeline",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/timeline"),
        )


class BrowserSessions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def delete(self) -> None:
        """Sign out in this browser.

        For a page of this marketplace. The session in the cookie ends, its access tokens stop
        working at once, and the cookie goes. The answer is the same where there is none.
        """
        self._market.ask("DELETE", "/v1/sessions/browser")

    def create(self, body: types.BrowserSessionCreate) -> types.BrowserSession:
        """Keep a session in this browser.

        For a page of this marketplace, whose user has just signed in, by whatever way. It
        exchanges the refresh token, and sets the next one as a cookie that no script can read
        (`HttpOnly`, `SameSite=Strict`). The session goes on with `POST
        /v1/sessions/browser/refresh`.
        """
        return cast(
            "types.BrowserSession", self._market.ask("POST", "/v1/sessions/browser", json=body)
        )

    def refresh(self) -> types.BrowserSession:
        """Get a new access token by the cookie.

        For a page of this marketplace in a browser that keeps a session, as when the page is
        loaded anew. It sets the next cookie. Several tabs may ask at once.
        """
        return cast(
            "types.BrowserSession", self._market.ask("POST", "/v1/sessions/browser/refresh")
        )


class Chain:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.Chain:
        """Get the state of the chain.

        For anybody: the vault and its token, up to which block the chain was read, and
        whether deposits are credited and withdrawals paid just now. Admins also read what is
        wrong.
        """
        return cast("types.Chain", self._market.ask("GET", "/v1/payments/chain"))


class Contributions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(
        self, organisation_id: str, body: types.MoneyMoved, *, idempotency_key: str | None = None
    ) -> types.Contribution:
        """Put tokens into an organisation.

        For its members, with a proof of who they are: from your own balance into its balance.
        """
        return cast(
            "types.Contribution",
            self._market.ask(
                "POST",
                f"/v1/organisations/{requests.part(organisation_id)}/contributions",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Credits:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.CreditToApprovePage:
        """List the credits that wait for a second admin.

        For admins, oldest first. A credit that waited for seven days is no longer listed.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.CreditToApprovePage",
            self._market.ask(
                "GET", "/v1/admin/credits", params=requests.sent({"limit": limit, "cursor": cursor})
            ),
        )

    def iterate(self) -> Iterator[types.CreditToApprove]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.CreditToApprove]",
            self._market.all_of("/v1/admin/credits", **requests.sent({})),
        )

    def create(
        self, body: types.CreditCreate, *, idempotency_key: str | None = None
    ) -> types.Credit:
        """Credit a user with tokens.

        For admins, and not for themselves: for tokens that were paid outside this system. If
        a chain is connected, send as many tokens to the vault first. A credit that exceeds
        the operator's limit, alone or with your other credits of the last 24 hours, stays
        `requested` until another admin approves it, for at most seven days. It is written to
        the audit log.
        """
        return cast(
            "types.Credit",
            self._market.ask(
                "POST",
                "/v1/admin/credits",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, credit_id: str) -> types.Credit:
        """Get a credit.

        For admins: how much was credited to whom and why, who asked for it and who decided.
        """
        return cast(
            "types.Credit", self._market.ask("GET", f"/v1/admin/credits/{requests.part(credit_id)}")
        )

    def approve(self, credit_id: str, *, idempotency_key: str | None = None) -> types.Credit:
        """Approve a credit.

        For admins: a credit that is `requested`, that another admin asked for, and that is
        not for yourself. The tokens reach the user's balance at once. It is written to the
        audit log.
        """
        return cast(
            "types.Credit",
            self._market.ask(
                "POST",
                f"/v1/admin/credits/{requests.part(credit_id)}/approve",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def refuse(
        self, credit_id: str, body: types.CreditRefusal, *, idempotency_key: str | None = None
    ) -> types.Credit:
        """Refuse a credit.

        For admins, also for the one who asked for it: a credit that is `requested`. No tokens
        move. It is written to the audit log.
        """
        return cast(
            "types.Credit",
            self._market.ask(
                "POST",
                f"/v1/admin/credits/{requests.part(credit_id)}/refuse",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def reverse(
        self, credit_id: str, body: types.CreditReversal, *, idempotency_key: str | None = None
    ) -> types.Credit:
        """Take back a credit.

        For admins: for a credit that was a mistake, all of it or a part. It is refused if the
        user's balance no longer holds as much. It is written to the audit log.
        """
        return cast(
            "types.Credit",
            self._market.ask(
                "POST",
                f"/v1/admin/credits/{requests.part(credit_id)}/reverse",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class DataExports:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.DataExportPage:
        """List your exports.

        For signed-in users: newest first. Each is kept for a week. They always fit on one
        page.
        """
        return cast("types.DataExportPage", self._market.ask("GET", "/v1/users/me/exports"))

    def create(self, *, idempotency_key: str | None = None) -> types.DataExport:
        """Ask for all that is kept of you.

        For signed-in users. A file is made, which takes from seconds to minutes: an event and
        a mail tell when it is ready. One at a time, and three a day at most.
        """
        return cast(
            "types.DataExport",
            self._market.ask(
                "POST",
                "/v1/users/me/exports",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get(self, export_id: str) -> types.DataExport:
        """Get an export of yours.

        For signed-in users: how far it is.
        """
        return cast(
            "types.DataExport",
            self._market.ask("GET", f"/v1/users/me/exports/{requests.part(export_id)}"),
        )

    def get_file(self, export_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Download an export of yours.

        For its user alone: a ZIP of JSON files, one for each table that has rows of yours.
        Parts of it can be asked for. No personal access token opens it.
        """
        return self._market.bytes_of(
            f"/v1/users/me/exports/{requests.part(export_id)}/file", limit=most_bytes
        )


class DebitLimit:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.DebitLimit:
        """Get your debit limit.

        For signed-in users: the most that jobs and bounties may take from your balance in any
        30 days, and how much of that is used.
        """
        return cast("types.DebitLimit", self._market.ask("GET", "/v1/payments/debit-limit"))

    def set(self, body: types.DebitLimitSet) -> types.DebitLimit:
        """Set your debit limit.

        For signed-in users. A job, a bounty's prizes or an enrollment fee that would take
        more is refused. To lower the limit, or to set the first one, counts at once; to raise
        it, or to have none any more, asks for a proof of who you are.
        """
        return cast(
            "types.DebitLimit", self._market.ask("PUT", "/v1/payments/debit-limit", json=body)
        )


class Demos:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(
        self,
        algorithm_id: str,
        file: Path,
        *,
        media_type: Literal["application/octet-stream", "image/jpeg", "image/png", "image/webp"],
        version_id: str | None = None,
        labels: int | None = None,
        min_confidence: float | None = None,
    ) -> types.Demo:
        """Try an algorithm on a photo.

        For signed-in users, some times a minute. The body is a photo of at most 16 MiB of any
        kind that agents read; what it is, its bytes say. It is prepared as on a device and
        run in a sandbox, and nothing of it is kept. Its developer may try versions that only
        passed their check.

        `version_id`: Which version. Default: the newest approved one. Its developer and
        moderators may name one that only passed its check.

        `labels`: How many labels to tell, at most.

        `min_confidence`: As of a job: with a lower confidence of its best label an item is
        uncertain.
        """
        return cast(
            "types.Demo",
            self._market.upload(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/demo",
                file,
                media_type,
                params=requests.sent(
                    {"version_id": version_id, "labels": labels, "min_confidence": min_confidence}
                ),
            ),
        )

    def create_by_tensor(
        self,
        algorithm_id: str,
        body: types.DemoTensor,
        *,
        version_id: str | None = None,
        labels: int | None = None,
        min_confidence: float | None = None,
    ) -> types.Demo:
        """Try an algorithm on a tensor.

        As with a photo, and for developers: the body is one item as the model takes it, of at
        most 16 MiB. To see whether a photo is prepared as you expect, compare.

        `version_id`: Which version. Default: the newest approved one. Its developer and
        moderators may name one that only passed its check.

        `labels`: How many labels to tell, at most.

        `min_confidence`: As of a job: with a lower confidence of its best label an item is
        uncertain.
        """
        return cast(
            "types.Demo",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/demo/tensor",
                params=requests.sent(
                    {"version_id": version_id, "labels": labels, "min_confidence": min_confidence}
                ),
                json=body,
            ),
        )


class DeniedAddresses:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.DeniedAddressPage:
        """List the denied addresses.

        For admins: the addresses on the chain that nothing is paid to, in the order of the
        addresses.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.DeniedAddressPage",
            self._market.ask(
                "GET",
                "/v1/admin/denied-addresses",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.DeniedAddress]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.DeniedAddress]",
            self._market.all_of("/v1/admin/denied-addresses", **requests.sent({})),
        )

    def delete(self, address: str) -> None:
        """Allow a denied address again.

        For admins: the address is no longer denied. Withdrawals to it that wait for a review
        still do. It is written to the audit log.
        """
        self._market.ask("DELETE", f"/v1/admin/denied-addresses/{requests.part(address)}")

    def set(self, address: str, body: types.AddressDenial) -> types.DeniedAddress:
        """Deny an address.

        For admins: nothing more is paid to this address. Withdrawals to it that were already
        requested wait for a review. If the address is denied already, the reason is replaced.
        It is written to the audit log.
        """
        return cast(
            "types.DeniedAddress",
            self._market.ask(
                "PUT", f"/v1/admin/denied-addresses/{requests.part(address)}", json=body
            ),
        )


class DepositInstructions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.DepositInstructionsCreate) -> types.DepositInstructions:
        """Create the instructions for a deposit.

        For signed-in users: all that a wallet needs to pay an amount of tokens into your
        balance. There are two transactions, `approve` and then `deposit`, also as links for
        QR codes. Tokens that support it need one transaction only: send `wallet`, have it
        sign `permit`, and send that signature to get `deposit_with_permit`. Nothing is
        stored.
        """
        return cast(
            "types.DepositInstructions",
            self._market.ask("POST", "/v1/payments/deposits/instructions", json=body),
        )

    def get_qr_code(
        self,
        *,
        amount: str,
        step: types.DepositStep | None = None,
        most_bytes: int = requests.FILE_BYTES_MAX,
    ) -> bytes:
        """Get a step of a deposit as a QR code.

        For signed-in users: an SVG image of the link (EIP-681) that wallets read.

        `amount`: How many tokens to pay in.

        `step`: Which transaction to show.
        """
        return self._market.bytes_of(
            "/v1/payments/deposits/qr.svg",
            limit=most_bytes,
            params=requests.sent({"amount": amount, "step": step}),
        )


class Deposits:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list_unclaimed(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.UnclaimedDepositPage:
        """List the deposits that name no user.

        For admins, oldest first: deposits that are final, and that carry an id of no user.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.UnclaimedDepositPage",
            self._market.ask(
                "GET",
                "/v1/admin/deposits/unclaimed",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_unclaimed(self) -> Iterator[types.UnclaimedDeposit]:
        """Yield each item of `list_unclaimed`, page after page."""
        return cast(
            "Iterator[types.UnclaimedDeposit]",
            self._market.all_of("/v1/admin/deposits/unclaimed", **requests.sent({})),
        )

    def assign(
        self, deposit_id: str, body: types.DepositAssignment, *, idempotency_key: str | None = None
    ) -> types.UnclaimedDeposit:
        """Assign an unclaimed deposit to a user.

        For admins: credits the user with a deposit that names no user. It is written to the
        audit log.
        """
        return cast(
            "types.UnclaimedDeposit",
            self._market.ask(
                "POST",
                f"/v1/admin/deposits/{requests.part(deposit_id)}/assign",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.DepositState | None = None,
    ) -> types.DepositPage:
        """List your deposits.

        For signed-in users: newest first, with those that are not final yet.

        `limit`: How many items to return at most.

        `state`: List only deposits in this state. Default: in any.
        """
        return cast(
            "types.DepositPage",
            self._market.ask(
                "GET",
                "/v1/payments/deposits",
                params=requests.sent({"limit": limit, "cursor": cursor, "state": state}),
            ),
        )

    def iterate(self, *, state: types.DepositState | None = None) -> Iterator[types.Deposit]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Deposit]",
            self._market.all_of("/v1/payments/deposits", **requests.sent({"state": state})),
        )

    def get(self, deposit_id: str) -> types.Deposit:
        """Get a deposit of yours.

        For its user. `confirmations` says how many blocks there are since the deposit.
        """
        return cast(
            "types.Deposit",
            self._market.ask("GET", f"/v1/payments/deposits/{requests.part(deposit_id)}"),
        )


class DeveloperAgreements:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get_current(self) -> types.CurrentAgreement:
        """Get the developer agreement.

        For anybody: what whoever uploads a model agrees to, and whether it is asked for here.
        Who has signed in reads whether they have accepted it.
        """
        return cast("types.CurrentAgreement", self._market.ask("GET", "/v1/developer-agreement"))

    def get(self, sha256: str) -> types.DeveloperAgreement:
        """Get an earlier developer agreement.

        For anybody: each text that somebody has accepted is kept.
        """
        return cast(
            "types.DeveloperAgreement",
            self._market.ask("GET", f"/v1/developer-agreements/{requests.part(sha256)}"),
        )

    def list(self) -> types.AgreementAcceptanceList:
        """List the developer agreements that you accepted.

        For signed-in users: which, and when.
        """
        return cast(
            "types.AgreementAcceptanceList",
            self._market.ask("GET", "/v1/users/me/developer-agreements"),
        )

    def agree(
        self, body: types.AgreementAcceptanceCreate, *, idempotency_key: str | None = None
    ) -> types.AgreementAcceptance:
        """Accept the developer agreement.

        For signed-in users who have read it, each in person, also where they act for an
        organisation. Name the version that you read: if there is another one by now, this is
        refused. It is kept which text you accepted, and when.
        """
        return cast(
            "types.AgreementAcceptance",
            self._market.ask(
                "POST",
                "/v1/users/me/developer-agreements",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class DeviceCounts:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self, algorithm_id: str, version_id: str) -> types.DeviceCount:
        """Get how many devices could run a version.

        For signed-in users who may see the version: of how many owners a device has the
        memory and speed that it needs, in steps, as no single device is told of.
        """
        return cast(
            "types.DeviceCount",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/device-count",
            ),
        )


class DeviceLimits:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.DeviceLimits:
        """Get what your devices refuse.

        For signed-in users: the jobs, developers, labels and countries that you refuse on all
        your devices, and how much a job may learn of you.
        """
        return cast("types.DeviceLimits", self._market.ask("GET", "/v1/devices/limits"))

    def replace(self, body: types.DeviceLimitsUpdate) -> types.DeviceLimits:
        """Replace what your devices refuse.

        For signed-in users: the jobs, developers, labels and countries that you refuse on all
        your devices, how much a job may learn of you, and whether they work for answers
        without noise. What you refused before and do not send again is accepted again; that
        you agreed to exact answers, and do not send again, no longer holds.
        `refused_countries` and `max_epsilon`, which older clients do not know, stay as they
        are where they are not sent.
        """
        return cast("types.DeviceLimits", self._market.ask("PUT", "/v1/devices/limits", json=body))


class DeviceNonces:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, device_id: str) -> types.DeviceNonce:
        """Create a nonce for a device to sign.

        For devices, without a token. The device signs the nonce with its key, and exchanges
        the signature for a token.
        """
        return cast(
            "types.DeviceNonce",
            self._market.ask("POST", f"/v1/devices/{requests.part(device_id)}/nonce"),
        )


class DeviceTokens:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, device_id: str, body: types.DeviceTokenCreate) -> types.DeviceToken:
        """Create a token for a device.

        For devices: exchanges a nonce that the device has signed with its registered key for
        an access token. The token is valid for minutes; then the device signs a new nonce.
        """
        return cast(
            "types.DeviceToken",
            self._market.ask("POST", f"/v1/devices/{requests.part(device_id)}/token", json=body),
        )


class Devices:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.DevicePage:
        """List your devices.

        For signed-in users: newest first, with those that were revoked.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.DevicePage",
            self._market.ask(
                "GET", "/v1/devices", params=requests.sent({"limit": limit, "cursor": cursor})
            ),
        )

    def iterate(self) -> Iterator[types.Device]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Device]", self._market.all_of("/v1/devices", **requests.sent({}))
        )

    def create(self, body: types.DeviceCreate) -> types.Device:
        """Register a device.

        For a new device: with a pairing code and its own public key. The device then belongs
        to the user who created the code. If the answer was lost, send the same request again.
        """
        return cast("types.Device", self._market.ask("POST", "/v1/devices", json=body))

    def get_self(self) -> types.Device:
        """Get this device itself.

        For devices: the device that asks, as its owner sees it.
        """
        return cast("types.Device", self._market.ask("GET", "/v1/devices/self"))

    def update_self(self, body: types.DeviceSelfUpdate) -> types.Device:
        """Update this device itself.

        For devices: what the device says about itself, such as its memory and kinds of data.
        Fields that are not sent stay as they are. What its owner set is not changed.
        """
        return cast("types.Device", self._market.ask("PATCH", "/v1/devices/self", json=body))

    def get_own_earnings(self) -> types.DeviceEarnings:
        """Get this device's own earnings.

        How many results of the device that asks were paid, and what its owner earned with
        them. For devices.
        """
        return cast("types.DeviceEarnings", self._market.ask("GET", "/v1/devices/self/earnings"))

    def get_own_limits(self) -> types.DeviceLimits:
        """Get what this device refuses.

        For devices: what their owner refuses on all devices, so that the device refuses it,
        too.
        """
        return cast("types.DeviceLimits", self._market.ask("GET", "/v1/devices/self/limits"))

    def list_own_receipts(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.ReceiptPage:
        """List this device's own receipts.

        Of each result of the device that asks which was accepted, newest first: what left,
        and what it cost of its owner's privacy budget, signed by this server. For devices.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.ReceiptPage",
            self._market.ask(
                "GET",
                "/v1/devices/self/receipts",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_own_receipts(self) -> Iterator[types.Receipt]:
        """Yield each item of `list_own_receipts`, page after page."""
        return cast(
            "Iterator[types.Receipt]",
            self._market.all_of("/v1/devices/self/receipts", **requests.sent({})),
        )

    def list_own_work(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.AssignmentPage:
        """List this device's own work.

        The assignments of the device that asks, newest first, each with exactly what left the
        device. For devices.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.AssignmentPage",
            self._market.ask(
                "GET",
                "/v1/devices/self/work",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_own_work(self) -> Iterator[types.Assignment]:
        """Yield each item of `list_own_work`, page after page."""
        return cast(
            "Iterator[types.Assignment]",
            self._market.all_of("/v1/devices/self/work", **requests.sent({})),
        )

    def get(self, device_id: str) -> types.Device:
        """Get a device of yours.

        For its owner. To update the device safely, send this answer's `ETag` as `If-Match`.
        """
        return cast(
            "types.Device", self._market.ask("GET", f"/v1/devices/{requests.part(device_id)}")
        )

    def update(
        self, device_id: str, body: types.DeviceUpdate, *, if_match: str | None = None
    ) -> types.Device:
        """Update a device of yours.

        For its owner: the name, and the kinds of data that models may process on this device.
        Fields that are not sent stay as they are.
        """
        return cast(
            "types.Device",
            self._market.ask(
                "PATCH",
                f"/v1/devices/{requests.part(device_id)}",
                headers=requests.sent({"if-match": if_match}),
                json=body,
            ),
        )

    def get_earnings(self, device_id: str) -> types.DeviceEarnings:
        """Get a device's earnings.

        How many of its results were paid, and what you earned with them. For the device's
        owner.
        """
        return cast(
            "types.DeviceEarnings",
            self._market.ask("GET", f"/v1/devices/{requests.part(device_id)}/earnings"),
        )

    def list_receipts(
        self, device_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.ReceiptPage:
        """List a device's receipts.

        Of each of its results which was accepted, newest first: what left, and what it cost
        of your privacy budget, signed by this server. Signed anew each time, and the same as
        long as nothing has changed but what is left. For the device's owner.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.ReceiptPage",
            self._market.ask(
                "GET",
                f"/v1/devices/{requests.part(device_id)}/receipts",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_receipts(self, device_id: str) -> Iterator[types.Receipt]:
        """Yield each item of `list_receipts`, page after page."""
        return cast(
            "Iterator[types.Receipt]",
            self._market.all_of(
                f"/v1/devices/{requests.part(device_id)}/receipts", **requests.sent({})
            ),
        )

    def revoke(self, device_id: str, *, idempotency_key: str | None = None) -> types.Device:
        """Revoke a device of yours.

        For its owner. The device gets no more work from then on, its tokens stop working at
        once, and its leases end. It stays in the list. A revoked device has to be paired
        again, with a new key.
        """
        return cast(
            "types.Device",
            self._market.ask(
                "POST",
                f"/v1/devices/{requests.part(device_id)}/revoke",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def list_work(
        self, device_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.AssignmentPage:
        """List a device's work.

        Its assignments, newest first, each with exactly what left the device. For the
        device's owner.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.AssignmentPage",
            self._market.ask(
                "GET",
                f"/v1/devices/{requests.part(device_id)}/work",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_work(self, device_id: str) -> Iterator[types.Assignment]:
        """Yield each item of `list_work`, page after page."""
        return cast(
            "Iterator[types.Assignment]",
            self._market.all_of(
                f"/v1/devices/{requests.part(device_id)}/work", **requests.sent({})
            ),
        )


class Disputes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, bounty_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.DisputePage:
        """List a bounty's disputes.

        What entrants say against the result, newest first. For everybody who sees the bounty.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.DisputePage",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/disputes",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, bounty_id: str) -> Iterator[types.Dispute]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Dispute]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/disputes", **requests.sent({})
            ),
        )

    def create(
        self, bounty_id: str, body: types.DisputeCreate, *, idempotency_key: str | None = None
    ) -> types.Dispute:
        """Dispute a bounty's result.

        Say in public what is wrong with it, while the bounty is `disputing`. Nothing follows
        by itself: its owner may reorder the winners, and moderators may disqualify an
        entrant. For those who took part, five times at most for each entrant.
        """
        return cast(
            "types.Dispute",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/disputes",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Distributions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(
        self, organisation_id: str, body: types.MoneyMoved, *, idempotency_key: str | None = None
    ) -> types.Contribution:
        """Take tokens out of an organisation.

        For its owners, with a proof of who they are: from its balance into your own, from
        which you withdraw them as ever.
        """
        return cast(
            "types.Contribution",
            self._market.ask(
                "POST",
                f"/v1/organisations/{requests.part(organisation_id)}/distributions",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class EmailChanges:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.EmailChangeCreate) -> types.LinkMailed:
        """Ask to have another address.

        For signed-in users, with a proof of who they are. A link is mailed to the new
        address; once it is used, the account has that address, and a mail to the old one says
        so. The answer is the same whether another account has the address or not.
        """
        return cast(
            "types.LinkMailed", self._market.ask("POST", "/v1/users/me/email-changes", json=body)
        )


class EmailConfirmations:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.EmailConfirmationCreate) -> None:
        """Confirm an address by its link.

        For whoever has the link, once: it verifies an account's address, or gives it the new
        one.
        """
        self._market.ask("POST", "/v1/users/email-confirmations", json=body)


class EmailVerifications:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self) -> types.LinkMailed:
        """Ask for a link that verifies your address.

        For signed-in users whose address is not verified yet.
        """
        return cast(
            "types.LinkMailed", self._market.ask("POST", "/v1/users/me/email-verifications")
        )


class Enrollments:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, bounty_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.EnrollmentPage:
        """List a bounty's entrants.

        In the order in which they enrolled. It is not told which users they are. For
        everybody who sees the bounty.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.EnrollmentPage",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, bounty_id: str) -> Iterator[types.Enrollment]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Enrollment]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments", **requests.sent({})
            ),
        )

    def create(
        self, bounty_id: str, body: types.EnrollmentCreate, *, idempotency_key: str | None = None
    ) -> types.EnrollmentDetails:
        """Enroll in a bounty.

        Alone, or as the captain of a team whose other members you invite. You accept the
        rules, and the fee moves from your balance into escrow. While enrollment is open, for
        every person but the bounty's owner; where that is an organisation, for none who acts
        for it, or did within 30 days.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_mine(self, bounty_id: str) -> types.MyEnrollment:
        """Get your enrollment in a bounty.

        The entrant that you belong to, with its members and their shares, and the invitations
        that wait for your answer.
        """
        return cast(
            "types.MyEnrollment",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/enrollments/mine"),
        )

    def get(self, bounty_id: str, enrollment_id: str) -> types.Enrollment:
        """Get an entrant of a bounty.

        As everybody sees it: it is not told which users belong to it. For everybody who sees
        the bounty.
        """
        return cast(
            "types.Enrollment",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}",
            ),
        )

    def agree(
        self,
        bounty_id: str,
        enrollment_id: str,
        body: types.InvitationAcceptance,
        *,
        idempotency_key: str | None = None,
    ) -> types.EnrollmentDetails:
        """Accept a team's invitation.

        You join the team with the share of the prize that it offers, and accept the bounty's
        rules. For the invited user, while enrollment is open.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}/agree",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def disqualify(
        self,
        bounty_id: str,
        enrollment_id: str,
        body: types.EnrollmentDisqualification,
        *,
        idempotency_key: str | None = None,
    ) -> types.EnrollmentDetails:
        """Disqualify an entrant.

        It leaves the leaderboard, and the places behind it move up. Everybody can read the
        reason. For moderators who have no part in the bounty, until its prizes are paid.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}/disqualify",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def leave(
        self, bounty_id: str, enrollment_id: str, *, idempotency_key: str | None = None
    ) -> types.EnrollmentDetails:
        """Leave a team, or decline its invitation.

        Before submissions begin. Your share goes to the captain. For members and invited
        users; a captain withdraws the whole team instead.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}/leave",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def reinstate(
        self,
        bounty_id: str,
        enrollment_id: str,
        body: types.EnrollmentReinstatement,
        *,
        idempotency_key: str | None = None,
    ) -> types.EnrollmentDetails:
        """Reinstate a disqualified entrant.

        It takes its place again. Everybody can read the reason. For moderators who have no
        part in the bounty, until its prizes are paid.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}/reinstate",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def withdraw(
        self, bounty_id: str, enrollment_id: str, *, idempotency_key: str | None = None
    ) -> types.EnrollmentDetails:
        """Withdraw an enrollment.

        Before submissions begin. The fee goes back, and all members are free to enroll again.
        For the captain of the team.
        """
        return cast(
            "types.EnrollmentDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/enrollments/{requests.part(enrollment_id)}/withdraw",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )


class Events:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        *,
        types_: str | None = None,
        subject: str | None = None,
        all_: bool | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> types.EventPage:
        """List what happened.

        What you may see of the event log, oldest first, from any position: what concerns you,
        and what everyone may see. No event is missed and none comes twice if you go on from
        the `position` of the page before, at any later time. For signed-in users; `all` is
        for admins.

        `types_`: Only events of these types, with commas between:
        `job.completed,withdrawal.paid`, or all of one kind, `job.*`.

        `subject`: Only events about this thing: its kind, a colon and its id.

        `all_`: What happens to everybody. For admins.

        `after`: A position: the `id` of an event that you have read, or the `position` of a
        page. Default: the oldest event that is kept.

        `limit`: How many events to return at most.
        """
        return cast(
            "types.EventPage",
            self._market.ask(
                "GET",
                "/v1/events",
                params=requests.sent(
                    {
                        "types": types_,
                        "subject": subject,
                        "all": all_,
                        "after": after,
                        "limit": limit,
                    }
                ),
            ),
        )

    def watch(
        self,
        *,
        types_: str | None = None,
        subject: str | None = None,
        all_: bool | None = None,
        after: str | None = None,
    ) -> Iterator[requests.Event]:
        """Watch what happens.

        Server-sent events, each as `events.list` shows it, with its type and its id: send the
        last one as `Last-Event-ID` when you connect again, and nothing is missed. The first
        event is `position`, with an id and no data. The stream ends with `refused` and a
        problem document once your session or token is no longer valid, and with `dropped` if
        you read too slowly.

        `types_`: Only events of these types, with commas between:
        `job.completed,withdrawal.paid`, or all of one kind, `job.*`.

        `subject`: Only events about this thing: its kind, a colon and its id.

        `all_`: What happens to everybody. For admins.

        `after`: As the header `Last-Event-ID`, for who cannot send one. Default: now.
        """
        return self._market.events("/v1/events/stream", requests.STREAM_SECONDS)


class Evidence:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self, bounty_id: str) -> types.Evidence:
        """Get the evidence of a bounty's ranking.

        All that is needed to compute the final ranking again: the test set, each entry's
        predictions, and the salts of the commitments that were published before. It is public
        once the ranking is out; a bounty that is judged by hand has none.
        """
        return cast(
            "types.Evidence",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/evidence"),
        )

    def get_file(
        self, bounty_id: str, sha256: str, *, most_bytes: int = requests.FILE_BYTES_MAX
    ) -> bytes:
        """Download a file of a ranking's evidence.

        The test set, or an entry's predictions in their canonical form, by the SHA-256 that
        the evidence names. It is public once the ranking is out.
        """
        return self._market.bytes_of(
            f"/v1/bounties/{requests.part(bounty_id)}/evidence/{requests.part(sha256)}",
            limit=most_bytes,
        )


class Factors:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.Factors:
        """Get your second factors.

        For signed-in users: whether an authenticator app is enrolled, and how many recovery
        codes are left.
        """
        return cast("types.Factors", self._market.ask("GET", "/v1/users/me/factors"))


class FileLinks:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, algorithm_id: str, version_id: str) -> types.FileLink:
        """Create a link to a version's model.

        For some minutes whoever has the link can download the file, without signing in:
        another program of yours, say, to which you would not give a token. For its developer
        and moderators.
        """
        return cast(
            "types.FileLink",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/file-links",
            ),
        )

    def get_file(
        self,
        algorithm_id: str,
        version_id: str,
        *,
        expires: int,
        signature: str,
        most_bytes: int = requests.FILE_BYTES_MAX,
    ) -> bytes:
        """Download a version's model by a link.

        For whoever has a link to it that is still good; no token is asked for. Parts of the
        file can be asked for, as long as the link is good.

        `expires`: When the link ends, in Unix seconds.

        `signature`: What proves that the link was made here.
        """
        return self._market.bytes_of(
            f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/linked-file",
            limit=most_bytes,
            params=requests.sent({"expires": expires, "signature": signature}),
        )


class Graph:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def ask(self, body: types.GraphQuestion) -> types.GraphAnswer:
        """Ask the graph.

        A query or mutation in GraphQL: what `docs/api/schema.graphql` names, and a browser
        shows at this path. Each field of it is an operation of this API, with its rules, and
        `errors` tell what its problem document would. Anybody may ask; who sends a token may
        see more.
        """
        return cast("types.GraphAnswer", self._market.ask("POST", "/graphql", json=body))


class Health:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.Health:
        """Check that the process is alive.

        For anybody. If there is no answer, restart the process.
        """
        return cast("types.Health", self._market.ask("GET", "/healthz"))

    def get_readiness(self) -> types.Readiness:
        """Check that requests can be served.

        For anybody. It answers `200` if this process can serve requests, and else `503`; the
        body says how each part does.
        """
        return cast("types.Readiness", self._market.ask("GET", "/readyz"))


class Identities:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.IdentityPage:
        """List your ways to sign in.

        For signed-in users: oldest first. They always fit on one page.
        """
        return cast("types.IdentityPage", self._market.ask("GET", "/v1/users/me/identities"))

    def create_openid(self, body: types.OpenidIdentityCreate) -> types.Identity:
        """Link a login at a provider.

        For signed-in users who came back with a code, with a proof of who they are. From then
        on they sign in by that login, too. To unlink it, revoke the identity.
        """
        return cast(
            "types.Identity", self._market.ask("POST", "/v1/users/me/identities/openid", json=body)
        )

    def create_by_wallet(self, body: types.WalletIdentityCreate) -> types.Identity:
        """Add a wallet as a way to sign in.

        For signed-in users, with a proof of who they are, and a message from `POST
        /v1/wallets/challenges` (`purpose: sign_in`) that the wallet has signed. A wallet that
        you linked is no way to sign in before that. A mail to your address, if you have
        confirmed one, tells you of it.
        """
        return cast(
            "types.Identity", self._market.ask("POST", "/v1/users/me/identities/wallets", json=body)
        )

    def revoke(self, identity_id: str, body: types.IdentityRevoke) -> None:
        """Revoke a way to sign in.

        For signed-in users, with a proof of who they are. Nobody signs in by it any more;
        sessions that are open stay. The last way to sign in cannot be revoked. A mail to your
        address says so.
        """
        self._market.ask(
            "POST", f"/v1/users/me/identities/{requests.part(identity_id)}/revoke", json=body
        )


class Invitations:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, organisation_id: str) -> types.InvitationList:
        """List invitations.

        For owners: those that can still be accepted, newest first.
        """
        return cast(
            "types.InvitationList",
            self._market.ask(
                "GET", f"/v1/organisations/{requests.part(organisation_id)}/invitations"
            ),
        )

    def create(
        self,
        organisation_id: str,
        body: types.OrganisationInvitationCreate,
        *,
        idempotency_key: str | None = None,
    ) -> types.InvitationCreated:
        """Invite somebody to act for an organisation.

        For owners; to invite an owner takes a proof of who you are. A code is mailed, good
        once within seven days, for the account whose proven address this is. The answer does
        not tell whether there is one. An earlier invitation to the same address ends.
        """
        return cast(
            "types.InvitationCreated",
            self._market.ask(
                "POST",
                f"/v1/organisations/{requests.part(organisation_id)}/invitations",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def revoke(self, organisation_id: str, invitation_id: str) -> None:
        """Revoke an invitation.

        For owners. Its code does nothing any more.
        """
        self._market.ask(
            "DELETE",
            f"/v1/organisations/{requests.part(organisation_id)}/invitations/{requests.part(invitation_id)}",
        )


class JobQuotes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.JobCreate) -> types.JobQuote:
        """Get the price of a job before you create it.

        For signed-in users, some times a minute: what the same body would cost at `POST
        /v1/jobs` now, about how many owners could take part, when their results should be in,
        and how precise the answer should be. Nothing is stored. Fees may change until you
        create the job: send the `cost` as its `max_total`.
        """
        return cast("types.JobQuote", self._market.ask("POST", "/v1/jobs/quotes", json=body))


class Jobs:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.JobState | None = None,
    ) -> types.JobPage:
        """List your jobs.

        The jobs that you have created, newest first.

        `limit`: How many items to return at most.

        `state`: Only jobs in this state.
        """
        return cast(
            "types.JobPage",
            self._market.ask(
                "GET",
                "/v1/jobs",
                params=requests.sent({"limit": limit, "cursor": cursor, "state": state}),
            ),
        )

    def iterate(self, *, state: types.JobState | None = None) -> Iterator[types.Job]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Job]",
            self._market.all_of("/v1/jobs", **requests.sent({"state": state})),
        )

    def create(self, body: types.JobCreate, *, idempotency_key: str | None = None) -> types.Job:
        """Create a job.

        Orders an algorithm to be run on up to `max_devices` devices. Its whole cost,
        `max_devices` × (`reward` + `device_fee` + `platform_fee`), moves from your balance
        into escrow; if your balance is too small, no job is created. Each result that counts
        is paid from the escrow, and what is left in the end comes back to you. Its answer is
        `noisy`, unless you order an `exact` one.
        """
        return cast(
            "types.Job",
            self._market.ask(
                "POST",
                "/v1/jobs",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, job_id: str) -> types.Job:
        """Get a job.

        Tells what it may cost, what it has cost so far, and how far it is. For its customer
        and admins. To raise it safely, send this answer's `ETag` as `If-Match`.
        """
        return cast("types.Job", self._market.ask("GET", f"/v1/jobs/{requests.part(job_id)}"))

    def list_archives(
        self, job_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.JobArchivePage:
        """List the archives of a job.

        When a job has ended, what its devices sent is moved into files that only the operator
        can read. Their hashes are listed here, oldest first, so that nobody can change them
        afterwards unnoticed. The results stay where they are. For the job's customer and
        admins.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.JobArchivePage",
            self._market.ask(
                "GET",
                f"/v1/jobs/{requests.part(job_id)}/archives",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_archives(self, job_id: str) -> Iterator[types.JobArchive]:
        """Yield each item of `list_archives`, page after page."""
        return cast(
            "Iterator[types.JobArchive]",
            self._market.all_of(f"/v1/jobs/{requests.part(job_id)}/archives", **requests.sent({})),
        )

    def close(
        self,
        job_id: str,
        body: types.JobClosure | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> types.Job:
        """Close a job.

        Ends it before its deadline. It is `settling` while results of work that has begun
        still come in, count and are paid; then what is left in escrow goes back to the
        customer. For its customer, and for moderators, who give a reason that the customer
        reads.
        """
        return cast(
            "types.Job",
            self._market.ask(
                "POST",
                f"/v1/jobs/{requests.part(job_id)}/close",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def watch(self, job_id: str) -> Iterator[requests.Event]:
        """Watch a job's results as they change.

        Server-sent events: `results` at once and with each change, holding what
        `jobs.get_results` answers; then `end` when the job has ended. The stream ends with
        `refused` and a problem document once your session or token is no longer valid, and
        with `dropped` if you read too slowly. For the job's customer and admins.
        """
        return self._market.events(
            f"/v1/jobs/{requests.part(job_id)}/events", requests.STREAM_SECONDS
        )

    def get_manifest(self, job_id: str) -> types.JobManifest:
        """Get a job's manifest.

        For anybody: all that the job may learn, as a document that never changes. It is
        canonical JSON (RFC 8785); the SHA-256 of these very bytes is the `manifest_sha256` of
        the job and of each assignment. Who ordered the job is not in it.
        """
        return cast(
            "types.JobManifest",
            self._market.ask("GET", f"/v1/jobs/{requests.part(job_id)}/manifest"),
        )

    def pause(self, job_id: str, *, idempotency_key: str | None = None) -> types.Job:
        """Pause a job.

        Devices get no new work for it; results of work that has begun still count and are
        paid. The deadline stays. For its customer and admins.
        """
        return cast(
            "types.Job",
            self._market.ask(
                "POST",
                f"/v1/jobs/{requests.part(job_id)}/pause",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def publish(
        self,
        job_id: str,
        body: types.JobPublication | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> types.PublishedJob:
        """Publish a job's answer.

        Shows everybody the counts of an ended job of yours, as they were shown to you, in the
        list of its algorithm's published jobs. Sent again, it changes the title. For its
        customer, who can take it back at any time.
        """
        return cast(
            "types.PublishedJob",
            self._market.ask(
                "POST",
                f"/v1/jobs/{requests.part(job_id)}/publish",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def raise_terms(
        self,
        job_id: str,
        body: types.JobRaise,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> types.Job:
        """Raise a job's reward, places or deadline.

        While it is open or paused, for its customer. What it costs more moves from your
        balance into escrow at once. A higher reward is that of every result: who was paid
        before gets the difference, so that nobody gains by waiting. Nothing of a job goes
        down. To raise it safely, send the `ETag` that you read as `If-Match`.
        """
        return cast(
            "types.Job",
            self._market.ask(
                "POST",
                f"/v1/jobs/{requests.part(job_id)}/raise",
                headers=requests.sent({"Idempotency-Key": idempotency_key, "if-match": if_match}),
                json=body,
            ),
        )

    def get_results(self, job_id: str) -> types.JobResults:
        """Get a job's results.

        The counts so far. They are published in steps, each of which sums up at least
        `min_owners` owners, so that nobody can be told from the others; before the first step
        they are `null`. The counts of a `noisy` answer carry noise: `intervals` says how sure
        each is. For the job's customer and admins.
        """
        return cast(
            "types.JobResults", self._market.ask("GET", f"/v1/jobs/{requests.part(job_id)}/results")
        )

    def export_results(self, job_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Export a job's results as CSV.

        The counts so far, with the columns `month`, `label` and `items`; for a `noisy` answer
        also `low` and `high`, between which the count lies 95 times of 100. `month` is
        `undated` for items without a date, and `other` for months that too few owners had.
        The last lines, without a month, hold the items labelled `(uncertain)` and `(other)`.
        For the job's customer and admins.
        """
        return self._market.bytes_of(
            f"/v1/jobs/{requests.part(job_id)}/results.csv", limit=most_bytes
        )

    def resume(self, job_id: str, *, idempotency_key: str | None = None) -> types.Job:
        """Resume a paused job.

        Devices get work for it again. For its customer and admins.
        """
        return cast(
            "types.Job",
            self._market.ask(
                "POST",
                f"/v1/jobs/{requests.part(job_id)}/resume",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get_timeline(self, job_id: str) -> types.Timeline:
        """Get a job's timeline.

        Tells what happened to it, when, by whom and why, and what comes next. For its
        customer and admins.
        """
        return cast(
            "types.Timeline", self._market.ask("GET", f"/v1/jobs/{requests.part(job_id)}/timeline")
        )

    def unpublish(
        self,
        job_id: str,
        body: types.JobUnpublishing | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        """Take a job's answer back from public view.

        For its customer, who may publish it again; and for moderators, who give a reason, and
        then it stays so.
        """
        self._market.ask(
            "POST",
            f"/v1/jobs/{requests.part(job_id)}/unpublish",
            headers=requests.sent({"Idempotency-Key": idempotency_key}),
            json=body,
        )


class Keys:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> dict[str, Any]:
        """List the public keys that tokens are signed with.

        For anybody: a JWK set (RFC 7517), with which others can check tokens of this
        marketplace. A key is listed ten minutes before it signs anything, so five may be gone
        by what was read.
        """
        return cast("dict[str, Any]", self._market.ask("GET", "/.well-known/jwks.json"))


class Leaderboards:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(
        self,
        bounty_id: str,
        *,
        part: types.LeaderboardPart | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> types.Leaderboard:
        """Get a bounty's leaderboard.

        The best first; entrants who withdrew or were disqualified are not on it. While
        submissions are open it shows public scores, and an entrant's score changes only where
        a submission is better than the best before by more than chance explains. Once there
        is a final ranking, it shows that, unless you ask for the part `public`. For everybody
        who sees the bounty.

        `part`: What to show. Default: the final ranking, as soon as there is one.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.Leaderboard",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/leaderboard",
                params=requests.sent({"part": part, "limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(
        self, bounty_id: str, *, part: types.LeaderboardPart | None = None
    ) -> Iterator[types.LeaderboardRow]:
        """Yield each item of `get`, page after page."""
        return cast(
            "Iterator[types.LeaderboardRow]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/leaderboard",
                **requests.sent({"part": part}),
            ),
        )

    def export(
        self,
        bounty_id: str,
        *,
        part: types.LeaderboardPart | None = None,
        most_bytes: int = requests.FILE_BYTES_MAX,
    ) -> bytes:
        """Export a bounty's leaderboard as CSV.

        All rows, with the fields of `leaderboards.get` as columns. No cell is taken for a
        formula by a spreadsheet. For everybody who sees the bounty.

        `part`: What to show. Default: the final ranking, as soon as there is one.
        """
        return self._market.bytes_of(
            f"/v1/bounties/{requests.part(bounty_id)}/leaderboard.csv",
            limit=most_bytes,
            params=requests.sent({"part": part}),
        )


class Members:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, organisation_id: str) -> types.MemberList:
        """List who acts for an organisation.

        For its members: owners first.
        """
        return cast(
            "types.MemberList",
            self._market.ask("GET", f"/v1/organisations/{requests.part(organisation_id)}/members"),
        )

    def delete(self, organisation_id: str, user_id: str) -> None:
        """Remove a member, or leave.

        For owners, and for whoever leaves. It counts at once. For 30 days more they cannot
        judge, or take part in, what is the organisation's. The last owner cannot leave.
        """
        self._market.ask(
            "DELETE",
            f"/v1/organisations/{requests.part(organisation_id)}/members/{requests.part(user_id)}",
        )

    def update(self, organisation_id: str, user_id: str, body: types.MemberUpdate) -> None:
        """Give a member another role.

        For owners; to make somebody an owner takes a proof of who you are. One owner is
        always left.
        """
        self._market.ask(
            "PATCH",
            f"/v1/organisations/{requests.part(organisation_id)}/members/{requests.part(user_id)}",
            json=body,
        )


class OpenidProviders:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.OpenidProviderPage:
        """List the providers by which you can sign in.

        For anybody: those that the operator has set up, such as Google or GitHub. They always
        fit on one page.
        """
        return cast("types.OpenidProviderPage", self._market.ask("GET", "/v1/sessions/openid"))


class Organisations:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.OrganisationList:
        """List the organisations that you act for.

        For signed-in users: newest first.
        """
        return cast("types.OrganisationList", self._market.ask("GET", "/v1/organisations"))

    def create(
        self, body: types.OrganisationCreate, *, idempotency_key: str | None = None
    ) -> types.Organisation:
        """Found an organisation.

        For signed-in users: a name that several users act for. You are its first owner.
        """
        return cast(
            "types.Organisation",
            self._market.ask(
                "POST",
                "/v1/organisations",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, organisation_id: str) -> types.Organisation:
        """Get an organisation.

        For its members. What everybody may know of it is in `GET /v1/users/{user_id}`, by the
        same id.
        """
        return cast(
            "types.Organisation",
            self._market.ask("GET", f"/v1/organisations/{requests.part(organisation_id)}"),
        )

    def update(self, organisation_id: str, body: types.OrganisationUpdate) -> types.Organisation:
        """Rename an organisation.

        For its owners.
        """
        return cast(
            "types.Organisation",
            self._market.ask(
                "PATCH", f"/v1/organisations/{requests.part(organisation_id)}", json=body
            ),
        )

    def close(self, organisation_id: str, body: types.OrganisationClosing) -> None:
        """Close an organisation.

        For owners, with a proof of who they are. It holds no tokens, and nothing of it runs:
        else the refusal names what is in the way. Its name goes, and nobody acts for it any
        more; its books stay, with an id that names nobody. It cannot be undone.
        """
        self._market.ask(
            "POST", f"/v1/organisations/{requests.part(organisation_id)}/close", json=body
        )

    def join(
        self, body: types.InvitationAccept, *, idempotency_key: str | None = None
    ) -> types.Organisation:
        """Accept an invitation.

        For the user whose proven address the code was mailed to. Once.
        """
        return cast(
            "types.Organisation",
            self._market.ask(
                "POST",
                "/v1/users/me/organisations",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Pages:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get_home(self, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Show the marketplace as a web page.

        HTML for people: what this marketplace is, the newest listed models and open bounties,
        and the ways in. It shows nothing that `algorithms.list` and `bounties.list` do not
        tell everybody.
        """
        return self._market.bytes_of("/", limit=most_bytes)

    def list_algorithms(
        self,
        *,
        q: str | None = None,
        tag: str | None = None,
        developer_id: str | None = None,
        sort: types.PageSort | None = None,
        after: str | None = None,
        most_bytes: int = requests.FILE_BYTES_MAX,
    ) -> bytes:
        """Show the models on offer as a web page.

        HTML for people: a search and a list, twenty at a time. Programs ask `algorithms.list`
        and `algorithms.search`, which have more filters.

        `q`: Words of title, tags, summary or model card, as in a web search: `digits
        -letters`, `"skin lesion"`, `cat or dog`.

        `tag`: Only algorithms with this tag.

        `developer_id`: Only algorithms of this developer.

        `sort`: What to sort by: words by how well they fit, all else newest first.

        `after`: The `next_cursor` of the page before this one. Default: the first page.
        """
        return self._market.bytes_of(
            "/algorithms",
            limit=most_bytes,
            params=requests.sent(
                {"q": q, "tag": tag, "developer_id": developer_id, "sort": sort, "after": after}
            ),
        )

    def get_algorithm(self, slug: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Show an algorithm as a web page.

        HTML for people: what it does, its model card, what its newest version takes and
        gives, what running it takes, and what to type to use it. Of one that is suspended or
        archived it says that alone, unless its developer or a moderator asks.
        """
        return self._market.bytes_of(f"/algorithms/{requests.part(slug)}", limit=most_bytes)

    def list_bounties(self, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Show the newest bounties as a web page.

        HTML for people. Programs ask `bounties.list`, which has filters and pages.
        """
        return self._market.bytes_of("/bounties", limit=most_bytes)

    def get_bounty(self, bounty_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Show a bounty as a web page.

        HTML for people: the bounty, its leaderboard and records, and what was decided and
        disputed. It shows nothing that the bounty's JSON does not. Anybody may read it once
        the bounty is funded; before, its owner and moderators.
        """
        return self._market.bytes_of(f"/bounties/{requests.part(bounty_id)}", limit=most_bytes)

    def get_graph(self, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Show the graph as a web page.

        HTML for people: GraphiQL, in which queries are written and tried. Programs send a
        query by `POST` (`graph.ask`). To `Accept: text/event-stream` it answers as
        `graph.ask` does, what the query string asks by `query`, `variables`, `operationName`
        and `extensions`: no mutation.
        """
        return self._market.bytes_of("/graphql", limit=most_bytes)


class PairingCodes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, *, idempotency_key: str | None = None) -> types.PairingCode:
        """Create a pairing code.

        For signed-in users: a code to type into a new device, which then belongs to you. It
        works for one device and for ten minutes.
        """
        return cast(
            "types.PairingCode",
            self._market.ask(
                "POST",
                "/v1/devices/pairing-codes",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )


class PasskeyChallenges:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create_for_session(self) -> types.PasskeyRequestOptions:
        """Create a challenge to sign in with a passkey.

        For anybody: options for `navigator.credentials.get`. They name no passkey, so the
        browser offers those that it finds, and no name has to be typed. Send what it gives to
        `POST /v1/sessions/passkey`, within five minutes.
        """
        return cast(
            "types.PasskeyRequestOptions",
            self._market.ask("POST", "/v1/sessions/passkey-challenges"),
        )

    def create(self) -> types.PasskeyCreationOptions:
        """Create a challenge to add a passkey.

        For signed-in users: options for `navigator.credentials.create`. Send what it gives to
        `POST /v1/users/me/passkeys`, within five minutes.
        """
        return cast(
            "types.PasskeyCreationOptions",
            self._market.ask("POST", "/v1/users/me/passkeys/challenges"),
        )

    def create_for_proof(self) -> types.PasskeyRequestOptions:
        """Create a challenge to prove who you are by a passkey.

        For signed-in users: options for `navigator.credentials.get`, which name your
        passkeys. What it gives is the `credential` of a proof of the kind `passkey`, within
        five minutes and once.
        """
        return cast(
            "types.PasskeyRequestOptions",
            self._market.ask("POST", "/v1/users/me/passkeys/proof-challenges"),
        )

    def create_for_sign_up(
        self, body: types.PasskeySignUpChallenge
    ) -> types.PasskeyCreationOptions:
        """Create a challenge to open an account with a passkey.

        For anybody: options for `navigator.credentials.create`. Send what it gives to `POST
        /v1/users/passkey`, within five minutes; until then nothing is kept.
        """
        return cast(
            "types.PasskeyCreationOptions",
            self._market.ask("POST", "/v1/users/passkey-challenges", json=body),
        )


class Passkeys:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.PasskeyPage:
        """List your passkeys.

        For signed-in users: oldest first. They always fit on one page.
        """
        return cast("types.PasskeyPage", self._market.ask("GET", "/v1/users/me/passkeys"))

    def create(self, body: types.PasskeyCreate) -> types.Passkey:
        """Add a passkey.

        For signed-in users who have just made one, with a proof of who they are. From then on
        they sign in by it, too, without anything else. A mail to your address, if it is
        confirmed, says so.
        """
        return cast("types.Passkey", self._market.ask("POST", "/v1/users/me/passkeys", json=body))

    def update(self, passkey_id: str, body: types.PasskeyUpdate) -> types.Passkey:
        """Rename a passkey.

        For the user whose it is. Its authenticator calls it as before.
        """
        return cast(
            "types.Passkey",
            self._market.ask(
                "PATCH", f"/v1/users/me/passkeys/{requests.part(passkey_id)}", json=body
            ),
        )

    def revoke(self, passkey_id: str, body: types.PasskeyRevoke) -> None:
        """Revoke a passkey.

        For the user whose it is, with a proof of who they are. Nobody signs in by it any
        more; sessions that are open stay. The last way to sign in cannot be revoked. A mail
        to your address says so. What the authenticator keeps of it, the user deletes there.
        """
        self._market.ask(
            "POST", f"/v1/users/me/passkeys/{requests.part(passkey_id)}/revoke", json=body
        )


class PasswordResets:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.PasswordResetCreate) -> types.LinkMailed:
        """Ask for a link to choose another password.

        For anybody. It is mailed if the address has an account. The answer is the same for
        every address.
        """
        return cast(
            "types.LinkMailed", self._market.ask("POST", "/v1/users/password-resets", json=body)
        )

    def confirm(self, body: types.PasswordResetConfirm) -> None:
        """Choose another password by a link.

        For whoever has the link, once. Every session ends, as does every personal access
        token, and all other links of the account are void.
        """
        self._market.ask("POST", "/v1/users/password-resets/confirm", json=body)


class Passwords:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def set(self, body: types.PasswordSet) -> None:
        """Set your password.

        For signed-in users, with a proof of who they are. Your other sessions end, and your
        address is told. The account needs an address, to sign in with beside the password.
        """
        self._market.ask("PUT", "/v1/users/me/password", json=body)


class Photos:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def delete_as_admin(self, user_id: str, *, reason: str) -> None:
        """Delete a user's photo.

        For admins: for one that nobody should see. The user can read the reason, and may set
        another.

        `reason`: Why. The user can see it, and it is kept in the audit log.
        """
        self._market.ask(
            "DELETE",
            f"/v1/admin/users/{requests.part(user_id)}/photo",
            params=requests.sent({"reason": reason}),
        )

    def delete(self) -> None:
        """Delete your photo.

        For signed-in users. It is shown no more, and deleted; copies in the caches of others
        last a day at most. Without a photo, nothing happens.
        """
        self._market.ask("DELETE", "/v1/users/me/photo")

    def replace(
        self, file: Path, *, media_type: Literal["image/jpeg", "image/png", "image/webp"]
    ) -> types.Photo:
        """Set your photo.

        For signed-in users. The body is a JPEG, PNG or WebP of at most 5 MiB and 16
        megapixels, which is not animated; what it is, its bytes say, and not its type.
        Everybody can see it. What is kept is made anew: upright, without any metadata, as a
        WebP of 512 pixels at most and a thumbnail of 96. It replaces the photo before, which
        is deleted.
        """
        return cast(
            "types.Photo", self._market.upload("PUT", "/v1/users/me/photo", file, media_type)
        )

    def get(self, user_id: str, sha256: str, *, most_bytes: int = requests.FILE_BYTES_MAX) -> bytes:
        """Get a user's photo or thumbnail.

        For anybody, at the `url` or `thumbnail_url` of a public profile. A path gives one
        picture, which never changes: it can be kept for a day without asking.
        """
        return self._market.bytes_of(
            f"/v1/users/{requests.part(user_id)}/photos/{requests.part(sha256)}", limit=most_bytes
        )


class PrivacyBudget:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self) -> types.PrivacyBudget:
        """Get your privacy budget.

        For signed-in users: how much all jobs together may learn of you in any 30 days, from
        whichever of your devices, and how much of that is used.
        """
        return cast("types.PrivacyBudget", self._market.ask("GET", "/v1/privacy/budget"))

    def set(self, body: types.PrivacyBudgetSet) -> types.PrivacyBudget:
        """Set your privacy budget.

        For signed-in users: a smaller one than the operator's, or a larger one within the
        operator's bounds; or pause it, and your devices get no work for noisy answers. Work
        that has begun goes on.
        """
        return cast("types.PrivacyBudget", self._market.ask("PUT", "/v1/privacy/budget", json=body))


class Prizes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.WonPrizePage:
        """List what a user won.

        For anybody, beside the public profile, where the user has chosen to show it
        (`shows_prizes`); else the list is empty. Prizes of bounties that are over, the newest
        entries first.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.WonPrizePage",
            self._market.ask(
                "GET",
                f"/v1/users/{requests.part(user_id)}/prizes",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, user_id: str) -> Iterator[types.WonPrize]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.WonPrize]",
            self._market.all_of(f"/v1/users/{requests.part(user_id)}/prizes", **requests.sent({})),
        )


class Problems:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.ProblemTypes:
        """List all problems that an answer of this API may name.

        For anybody. Who prefers HTML, as browsers do, gets a page.
        """
        return cast("types.ProblemTypes", self._market.ask("GET", "/problems"))

    def get(self, code: str) -> types.ProblemType:
        """Get the explanation of a problem.

        For anybody. The `type` of every problem document leads here. Who prefers HTML, as
        browsers do, gets a page.
        """
        return cast(
            "types.ProblemType", self._market.ask("GET", f"/problems/{requests.part(code)}")
        )


class Processes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.ProcessPage:
        """List the processes that are alive.

        For admins: APIs, workers and chain processes of all machines, in the order of their
        names. A process that has said nothing for ten seconds is not listed.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.ProcessPage",
            self._market.ask(
                "GET",
                "/v1/admin/processes",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.Process]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Process]",
            self._market.all_of("/v1/admin/processes", **requests.sent({})),
        )


class Profiles:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.ProfilePage:
        """List the profiles.

        For admins, newest first.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.ProfilePage",
            self._market.ask(
                "GET",
                "/v1/admin/profiles",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.Profile]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Profile]",
            self._market.all_of("/v1/admin/profiles", **requests.sent({})),
        )

    def create(
        self, body: types.ProfileCreate, *, idempotency_key: str | None = None
    ) -> types.Profile:
        """Profile a process.

        For admins. The process hears of it within two seconds, is profiled for as long as you
        say, and goes on serving meanwhile, a little slower. Then its files are made, which
        takes some seconds. One process can be profiled at a time. The last 20 profiles are
        kept, for a week. It is written to the audit log.
        """
        return cast(
            "types.Profile",
            self._market.ask(
                "POST",
                "/v1/admin/profiles",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, profile_id: str) -> types.Profile:
        """Get a profile.

        For admins: how far it is, and how large its files are.
        """
        return cast(
            "types.Profile",
            self._market.ask("GET", f"/v1/admin/profiles/{requests.part(profile_id)}"),
        )

    def get_flame_graph(
        self, profile_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX
    ) -> bytes:
        """Download a profile's flame graph.

        For admins: one HTML page, to be saved and opened in a browser. The wider a function
        is, the more time or memory it took with all that it called.
        """
        return self._market.bytes_of(
            f"/v1/admin/profiles/{requests.part(profile_id)}/flame-graph", limit=most_bytes
        )

    def get_speedscope(self, profile_id: str) -> dict[str, Any]:
        """Download a profile for speedscope.

        For admins: JSON in the format of speedscope, which other viewers read, too.
        """
        return cast(
            "dict[str, Any]",
            self._market.ask("GET", f"/v1/admin/profiles/{requests.part(profile_id)}/speedscope"),
        )


class PublishedJobs:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, algorithm_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.PublishedJobPage:
        """List an algorithm's published jobs.

        For anybody: the answers of jobs that ran it which their customers made public, as
        they were shown to them. Those published last come first.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.PublishedJobPage",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/published-jobs",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, algorithm_id: str) -> Iterator[types.PublishedJob]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.PublishedJob]",
            self._market.all_of(
                f"/v1/algorithms/{requests.part(algorithm_id)}/published-jobs", **requests.sent({})
            ),
        )

    def get(self, publication_id: str) -> types.PublishedJob:
        """Get a published job.

        For anybody.
        """
        return cast(
            "types.PublishedJob",
            self._market.ask("GET", f"/v1/published-jobs/{requests.part(publication_id)}"),
        )

    def get_results(self, publication_id: str) -> types.JobResults:
        """Get a published job's results.

        For anybody: all of the counts, by month, as its customer sees them.
        """
        return cast(
            "types.JobResults",
            self._market.ask("GET", f"/v1/published-jobs/{requests.part(publication_id)}/results"),
        )


class Ratings:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def delete(self, algorithm_id: str) -> None:
        """Delete your rating of an algorithm.

        For its author, unless a moderator hid it. The developer's reply goes, too.
        """
        self._market.ask("DELETE", f"/v1/algorithms/{requests.part(algorithm_id)}/rating")

    def get_own(self, algorithm_id: str) -> types.Rating:
        """Get your rating of an algorithm.

        For signed-in users. Where a moderator hid it, `hidden_reason` says why.
        """
        return cast(
            "types.Rating",
            self._market.ask("GET", f"/v1/algorithms/{requests.part(algorithm_id)}/rating"),
        )

    def set(self, algorithm_id: str, body: types.RatingCreate) -> types.Rating:
        """Rate an algorithm.

        For customers of whose jobs one has run it, and ended with an answer that they were
        shown; not for its developer, nor for who acts for the same organisation. Everybody
        sees your name beside it. You have one rating of each algorithm, which another one
        replaces.
        """
        return cast(
            "types.Rating",
            self._market.ask(
                "PUT", f"/v1/algorithms/{requests.part(algorithm_id)}/rating", json=body
            ),
        )

    def list(
        self,
        algorithm_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        hidden: bool | None = None,
    ) -> types.RatingPage:
        """List an algorithm's ratings.

        For anybody, newest first, each with the developer's reply. Moderators may list those
        that were hidden.

        `limit`: How many items to return at most.

        `hidden`: Those that moderators have hidden, instead. For moderators.
        """
        return cast(
            "types.RatingPage",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/ratings",
                params=requests.sent({"limit": limit, "cursor": cursor, "hidden": hidden}),
            ),
        )

    def iterate(self, algorithm_id: str, *, hidden: bool | None = None) -> Iterator[types.Rating]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Rating]",
            self._market.all_of(
                f"/v1/algorithms/{requests.part(algorithm_id)}/ratings",
                **requests.sent({"hidden": hidden}),
            ),
        )

    def hide(
        self,
        algorithm_id: str,
        rating_id: str,
        body: types.RatingHiding,
        *,
        idempotency_key: str | None = None,
    ) -> types.Rating:
        """Hide a rating.

        It is neither shown nor counted any more. For moderators, except whose own the rating
        or the algorithm is.
        """
        return cast(
            "types.Rating",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/ratings/{requests.part(rating_id)}/hide",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def delete_reply(self, algorithm_id: str, rating_id: str) -> None:
        """Delete your reply to a rating.

        For the algorithm's developer.
        """
        self._market.ask(
            "DELETE",
            f"/v1/algorithms/{requests.part(algorithm_id)}/ratings/{requests.part(rating_id)}/reply",
        )

    def set_reply(
        self, algorithm_id: str, rating_id: str, body: types.RatingReplyCreate
    ) -> types.Rating:
        """Reply to a rating.

        For the algorithm's developer: one reply to each rating, which another one replaces.
        """
        return cast(
            "types.Rating",
            self._market.ask(
                "PUT",
                f"/v1/algorithms/{requests.part(algorithm_id)}/ratings/{requests.part(rating_id)}/reply",
                json=body,
            ),
        )

    def restore(
        self,
        algorithm_id: str,
        rating_id: str,
        body: types.RatingRestoration,
        *,
        idempotency_key: str | None = None,
    ) -> types.Rating:
        """Restore a hidden rating.

        It is shown and counted again. For moderators, except whose own the rating or the
        algorithm is.
        """
        return cast(
            "types.Rating",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/ratings/{requests.part(rating_id)}/restore",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Records:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, bounty_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.RecordPage:
        """List a bounty's records.

        Each time that the best public score of all was beaten, by whom and when, newest
        first. For everybody who sees the bounty.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.RecordPage",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/records",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, bounty_id: str) -> Iterator[types.Record]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Record]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/records", **requests.sent({})
            ),
        )


class RecoveryCodes:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.RecoveryCodesCreate) -> types.RecoveryCodes:
        """Create new recovery codes.

        For signed-in users with a second factor, and a proof by that. The old ones are void.
        The new ones are shown this once. A mail to your address confirms it.
        """
        return cast(
            "types.RecoveryCodes",
            self._market.ask("POST", "/v1/users/me/recovery-codes", json=body),
        )


class ReviewReasons:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.ReviewReasons:
        """List the ready reasons.

        Why moderators approve, reject, recall or suspend, each with its code and in the words
        that developers read. For anybody: a developer may look before publishing.
        """
        return cast("types.ReviewReasons", self._market.ask("GET", "/v1/moderation/reasons"))


class Sessions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create_by_openid(self, body: types.OpenidSessionCreate) -> types.SessionTokens:
        """Sign in by a login at a provider.

        For whoever came back with a code. Who never signed in by this login gets an account
        without a password, with the address that the provider has verified, or none. Where an
        account has that address already, this is refused: its owner signs in to it and links
        the login.
        """
        return cast(
            "types.SessionTokens", self._market.ask("POST", "/v1/sessions/openid", json=body)
        )

    def create_by_passkey(self, body: types.PasskeySessionCreate) -> types.SessionTokens:
        """Sign in with a passkey.

        For whoever has one of an account, and had it sign a challenge. It opens a session,
        and asks for no second factor: a passkey that has verified its user is two at once.
        """
        return cast(
            "types.SessionTokens", self._market.ask("POST", "/v1/sessions/passkey", json=body)
        )

    def create_by_wallet(self, body: types.WalletSessionCreate) -> types.WalletSession:
        """Sign in with a wallet.

        For whoever has signed a message from `POST /v1/sessions/wallet-challenges`. It opens
        a session of the account that this wallet signs in to. Where there is none it opens an
        account, which has no e-mail address, unless the operator has closed that door.
        """
        return cast(
            "types.WalletSession", self._market.ask("POST", "/v1/sessions/wallet", json=body)
        )

    def create(self, body: types.SessionCreate) -> types.SessionTokens:
        """Sign in with e-mail address and password.

        For anybody with an account. It opens a session and returns its first two tokens: an
        access token for `Authorization: Bearer`, and a refresh token with which to get the
        next ones. Where the account has a second factor, the answer is a refusal with a
        `ticket` instead, for `POST /v1/users/authenticate/confirm`.
        """
        return cast(
            "types.SessionTokens", self._market.ask("POST", "/v1/users/authenticate", json=body)
        )

    def confirm(self, body: types.SessionConfirm) -> types.SessionTokens:
        """Sign in with a second factor.

        For whoever gave the right password (`POST /v1/users/authenticate`) and got a
        `ticket`, once. It opens the session and returns its first two tokens. A wrong code
        can be corrected a few times with the same ticket.
        """
        return cast(
            "types.SessionTokens",
            self._market.ask("POST", "/v1/users/authenticate/confirm", json=body),
        )

    def delete(self, body: types.SessionDelete) -> None:
        """Sign out.

        For whoever holds a refresh token of the session. The session ends, and its access
        tokens stop working at once. The answer is the same if the token is unknown, or its
        session has already ended.
        """
        self._market.ask("POST", "/v1/users/logout", json=body)

    def revoke_others(self) -> None:
        """Revoke all your other sessions.

        For signed-in users. Only the session that asks goes on.
        """
        self._market.ask("DELETE", "/v1/users/me/sessions")

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.SessionPage:
        """List your sessions.

        For signed-in users: where you are signed in, newest first. Each has a device and a
        network as far as either is known, from when it was opened or refreshed last.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.SessionPage",
            self._market.ask(
                "GET",
                "/v1/users/me/sessions",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.Session]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Session]",
            self._market.all_of("/v1/users/me/sessions", **requests.sent({})),
        )

    def revoke(self, session_id: str) -> None:
        """Revoke a session of yours.

        For signed-in users, such as for a device that was lost. Its access tokens stop
        working at once.
        """
        self._market.ask("DELETE", f"/v1/users/me/sessions/{requests.part(session_id)}")

    def refresh(self, body: types.SessionRefresh) -> types.SessionTokens:
        """Exchange a refresh token for new tokens.

        For whoever holds the newest refresh token of a session. If the answer was lost, send
        the same request again within a few seconds: it returns the same refresh token. A
        token that is used later than that, or after the one that followed it, ends the
        session, because it may be stolen.
        """
        return cast("types.SessionTokens", self._market.ask("POST", "/v1/users/refresh", json=body))


class SignUps:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.SignUpCreate) -> types.LinkMailed:
        """Ask for a link to open an account.

        For anybody. It is mailed to the address; if that has an account, the mail says so.
        The answer is the same for every address.
        """
        return cast("types.LinkMailed", self._market.ask("POST", "/v1/users/sign-ups", json=body))

    def confirm(self, body: types.SignUpConfirm) -> types.User:
        """Open an account by its link.

        For whoever has the link, once. The account's address is verified by that.
        """
        return cast("types.User", self._market.ask("POST", "/v1/users/sign-ups/confirm", json=body))


class Submissions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        bounty_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        mine: bool | None = None,
        state: types.SubmissionState | None = None,
        enrollment_id: str | None = None,
    ) -> types.SubmissionPage:
        """List a bounty's submissions.

        Newest first, with what is left of your limits. Members of an entrant get their
        team's; the owner and moderators, unless they have entered, get everybody's.

        `limit`: How many items to return at most.

        `mine`: Only your own team's. It changes nothing for those who see no others.

        `state`: Only submissions in this state.

        `enrollment_id`: Only submissions of this entrant.
        """
        return cast(
            "types.SubmissionPage",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions",
                params=requests.sent(
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "mine": mine,
                        "state": state,
                        "enrollment_id": enrollment_id,
                    }
                ),
            ),
        )

    def iterate(
        self,
        bounty_id: str,
        *,
        mine: bool | None = None,
        state: types.SubmissionState | None = None,
        enrollment_id: str | None = None,
    ) -> Iterator[types.Submission]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Submission]",
            self._market.all_of(
                f"/v1/bounties/{requests.part(bounty_id)}/submissions",
                **requests.sent({"mine": mine, "state": state, "enrollment_id": enrollment_id}),
            ),
        )

    def create(
        self,
        bounty_id: str,
        file: Path,
        *,
        media_type: Literal[
            "application/octet-stream",
            "application/onnx",
            "application/vnd.apache.parquet",
            "text/csv",
        ],
        name: str | None = None,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
    ) -> types.SubmissionDetails:
        """Create a submission.

        The body is a file of predictions or a model, as its `Content-Type` says. It is
        checked first, which costs none of your limits if it fails; then it is scored, or with
        `dry_run` only checked. The same file sent again is the same submission, unless that
        one failed, was cancelled, or was only checked. For members of an entrant, while
        submissions are open.

        `name`: What you call it, to find it again.

        `dry_run`: Only check the file: it ends as `valid` or `failed`, and is not scored.
        """
        return cast(
            "types.SubmissionDetails",
            self._market.upload(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions",
                file,
                media_type,
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                params=requests.sent({"name": name, "dry_run": dry_run}),
            ),
        )

    def get(self, bounty_id: str, submission_id: str) -> types.SubmissionDetails:
        """Get a submission.

        With its place in the queue and what is left of its team's limits. For its team, and
        for the bounty's owner and moderators unless they have entered.
        """
        return cast(
            "types.SubmissionDetails",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}",
            ),
        )

    def cancel(
        self, bounty_id: str, submission_id: str, *, idempotency_key: str | None = None
    ) -> types.SubmissionDetails:
        """Cancel a submission.

        As long as it is not scored. It does not count against your limits. For its team.
        """
        return cast(
            "types.SubmissionDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}/cancel",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def choose(
        self, bounty_id: str, submission_id: str, *, idempotency_key: str | None = None
    ) -> types.SubmissionDetails:
        """Choose your team's final submission.

        This scored submission is ranked in the end, in place of the one with your best public
        score. You can choose another one until submissions close. For its team.
        """
        return cast(
            "types.SubmissionDetails",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}/choose",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get_file(
        self, bounty_id: str, submission_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX
    ) -> bytes:
        """Download a submission's file.

        As it was submitted. For its team always; for the bounty's owner and moderators once
        the bounty is `disputing`, or `evaluating` where it is judged by hand. A file that
        came to nothing is kept for a limited time only.
        """
        return self._market.bytes_of(
            f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}/file",
            limit=most_bytes,
        )

    def publish(
        self,
        bounty_id: str,
        submission_id: str,
        body: types.SubmissionPublication,
        *,
        idempotency_key: str | None = None,
    ) -> types.Version:
        """Publish a submitted model as a version.

        Makes it a new version of an algorithm of yours, with the bounty as its `origin`. It
        is checked and reviewed like any uploaded version. For the submitter and the captain
        of the team, once the bounty is finished.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}/publish",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_timeline(self, bounty_id: str, submission_id: str) -> types.Timeline:
        """Get a submission's timeline.

        Tells what happened to it, when, by whom and why, and what comes next. For its team,
        and for the bounty's owner and moderators unless they have entered.
        """
        return cast(
            "types.Timeline",
            self._market.ask(
                "GET",
                f"/v1/bounties/{requests.part(bounty_id)}/submissions/{requests.part(submission_id)}/timeline",
            ),
        )


class TestSets:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def get(self, bounty_id: str) -> types.TestSet:
        """Get a bounty's test set.

        What its check found, without the file. For the bounty's owner and moderators, unless
        they have entered.
        """
        return cast(
            "types.TestSet",
            self._market.ask("GET", f"/v1/bounties/{requests.part(bounty_id)}/test-set"),
        )

    def replace(
        self,
        bounty_id: str,
        file: Path,
        *,
        media_type: Literal["application/vnd.apache.parquet", "text/csv"],
        id_column: str | None = None,
        target_column: str | None = None,
    ) -> types.TestSet:
        """Upload a bounty's hidden test set.

        The body is the file; it replaces the one that is there. It is encrypted before it is
        stored and checked at once: its state must be `checked` before the bounty can be
        funded. For the owner of a draft that is judged by a metric.

        `id_column`: The column that names each row.

        `target_column`: The column that is to be predicted.
        """
        return cast(
            "types.TestSet",
            self._market.upload(
                "PUT",
                f"/v1/bounties/{requests.part(bounty_id)}/test-set",
                file,
                media_type,
                params=requests.sent({"id_column": id_column, "target_column": target_column}),
            ),
        )


class Tokens:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.TokenPage:
        """List your personal access tokens.

        For signed-in users: newest first, without their secrets. One that has expired is
        listed for a month.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.TokenPage",
            self._market.ask(
                "GET",
                "/v1/users/me/tokens",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.Token]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Token]", self._market.all_of("/v1/users/me/tokens", **requests.sent({}))
        )

    def create(self, body: types.TokenCreate) -> types.TokenWithSecret:
        """Create a personal access token.

        For who has signed in, and for no other such token; where it may do more than read,
        with a proof of who you are. A program sends it as `Authorization: Bearer …`, and may
        do what its scopes name until it expires or is revoked. It is shown this once: if the
        answer is lost, revoke it and create another.
        """
        return cast(
            "types.TokenWithSecret", self._market.ask("POST", "/v1/users/me/tokens", json=body)
        )

    def revoke(self, token_id: str) -> None:
        """Revoke a personal access token.

        For the user who created it. It stops working at once.
        """
        self._market.ask("DELETE", f"/v1/users/me/tokens/{requests.part(token_id)}")


class Totp:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create(self, body: types.TotpCreate) -> types.NewTotp:
        """Enroll an authenticator app.

        For signed-in users without one, with a proof of who they are, and a confirmed e-mail
        address if they have one: the mailbox of another could undo it. The secret is shown
        this once, and counts once a first code has confirmed it (`POST
        /v1/users/me/totp/confirm`). To ask again makes another secret.
        """
        return cast("types.NewTotp", self._market.ask("POST", "/v1/users/me/totp", json=body))

    def confirm(self, body: types.TotpConfirm) -> types.RecoveryCodes:
        """Confirm your authenticator app by its first code.

        For signed-in users who have just enrolled it. From now on signing in asks for its
        code, as does whatever asks for a proof. The answer has recovery codes, which are
        shown this once. A mail to your address confirms it.
        """
        return cast(
            "types.RecoveryCodes", self._market.ask("POST", "/v1/users/me/totp/confirm", json=body)
        )

    def revoke(self, body: types.TotpRevoke) -> None:
        """Revoke your authenticator app.

        For signed-in users, with a proof by the second factor itself: a code of the app, or a
        recovery code. The recovery codes are void with it. A mail to your address confirms
        it.
        """
        self._market.ask("POST", "/v1/users/me/totp/revoke", json=body)


class Transfers:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def export(
        self,
        *,
        from_: str | None = None,
        until: str | None = None,
        most_bytes: int = requests.FILE_BYTES_MAX,
    ) -> bytes:
        """Export your transfers as CSV.

        For signed-in users: every transfer into and out of your balance in a period, oldest
        first, with the balance after each. The first row is the balance before the period
        (`opening_balance`). Cells are safe to open in a spreadsheet.

        `from_`: Export transfers from this time on. Default: from the first transfer on.

        `until`: Export transfers before this time. Default: until now.
        """
        return self._market.bytes_of(
            "/v1/payments/statement.csv",
            limit=most_bytes,
            params=requests.sent({"from": from_, "until": until}),
        )

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> types.TransferPage:
        """List your transfers.

        For signed-in users: every movement of tokens into and out of your balance, newest
        first.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.TransferPage",
            self._market.ask(
                "GET",
                "/v1/payments/transfers",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self) -> Iterator[types.Transfer]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Transfer]",
            self._market.all_of("/v1/payments/transfers", **requests.sent({})),
        )


class Uploads:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, algorithm_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.UploadPage:
        """List an algorithm's uploads.

        Newest first: those under way, and for a while those that were completed. For its
        developer.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.UploadPage",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, algorithm_id: str) -> Iterator[types.Upload]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Upload]",
            self._market.all_of(
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads", **requests.sent({})
            ),
        )

    def create(
        self, algorithm_id: str, body: types.UploadCreate, *, idempotency_key: str | None = None
    ) -> types.UploadDetails:
        """Announce a model that comes in parts.

        For large models, and for lines that break: say its size and SHA-256 first, then send
        its bytes in as many requests as you like, and complete the upload, which makes it a
        version. So much room is set aside for it among your files until then. For the
        algorithm's developer, who has accepted the developer agreement.
        """
        return cast(
            "types.UploadDetails",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def delete(self, algorithm_id: str, upload_id: str) -> None:
        """Give an upload up.

        What was sent of it is deleted, and its room is free again. For the algorithm's
        developer.
        """
        self._market.ask(
            "DELETE",
            f"/v1/algorithms/{requests.part(algorithm_id)}/uploads/{requests.part(upload_id)}",
        )

    def get(self, algorithm_id: str, upload_id: str) -> types.UploadDetails:
        """Get an upload.

        Tells how many bytes have come, from which the next part begins. For the algorithm's
        developer.
        """
        return cast(
            "types.UploadDetails",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads/{requests.part(upload_id)}",
            ),
        )

    def append(
        self,
        algorithm_id: str,
        upload_id: str,
        file: Path,
        *,
        media_type: Literal["application/partial-upload"] = "application/partial-upload",
        upload_offset: int,
    ) -> types.Upload:
        """Send the next bytes of an upload.

        The body is the file from `Upload-Offset` on, to its end or as far as you like. Where
        the line breaks, `GET` the upload and go on from its `offset`: what that counts need
        not be sent again. The request that began last may send, and one before it is refused.
        For the algorithm's developer.
        """
        return cast(
            "types.Upload",
            self._market.upload(
                "PATCH",
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads/{requests.part(upload_id)}",
                file,
                media_type,
                headers=requests.sent({"Upload-Offset": upload_offset}),
            ),
        )

    def complete(self, algorithm_id: str, upload_id: str) -> types.Version:
        """Complete an upload.

        All that was sent is read and compared with the announced size and SHA-256. It becomes
        a version of the algorithm, whose file is then checked in a sandbox; or the upload
        ends, and nothing of it is kept. Again, it is the same version. For the algorithm's
        developer.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/uploads/{requests.part(upload_id)}/complete",
            ),
        )


class Users:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        query: str | None = None,
        role: types.Role | None = None,
        state: types.UserState | None = None,
    ) -> types.ManagedUserPage:
        """List users.

        For admins: newest first. Search by a part of the e-mail address or name, or by the
        id.

        `limit`: How many items to return at most.

        `query`: Only users whose e-mail address or name has this in it, in whatever case; or
        the one with this id.

        `role`: Only users with this role.

        `state`: Only users who are active, suspended or erased.
        """
        return cast(
            "types.ManagedUserPage",
            self._market.ask(
                "GET",
                "/v1/admin/users",
                params=requests.sent(
                    {"limit": limit, "cursor": cursor, "query": query, "role": role, "state": state}
                ),
            ),
        )

    def iterate(
        self,
        *,
        query: str | None = None,
        role: types.Role | None = None,
        state: types.UserState | None = None,
    ) -> Iterator[types.ManagedUser]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.ManagedUser]",
            self._market.all_of(
                "/v1/admin/users", **requests.sent({"query": query, "role": role, "state": state})
            ),
        )

    def get_as_admin(self, user_id: str) -> types.ManagedUser:
        """Get a user's account.

        For admins. What the user owns and moved is in `GET /v1/admin/users/{user_id}/books`.
        """
        return cast(
            "types.ManagedUser",
            self._market.ask("GET", f"/v1/admin/users/{requests.part(user_id)}"),
        )

    def set_role(self, user_id: str, body: types.RoleUpdate) -> types.User:
        """Set a user's role.

        For admins. The user is a member, a moderator or an admin from then on. The last admin
        cannot be made anything else, and an organisation is none of these.
        """
        return cast(
            "types.User",
            self._market.ask("PATCH", f"/v1/admin/users/{requests.part(user_id)}", json=body),
        )

    def restore(
        self, user_id: str, body: types.UserRestoration, *, idempotency_key: str | None = None
    ) -> types.ManagedUser:
        """Restore a suspended user.

        For admins. The user can sign in again, and their devices get work. Jobs that the
        suspension paused stay so until their customer resumes them.
        """
        return cast(
            "types.ManagedUser",
            self._market.ask(
                "POST",
                f"/v1/admin/users/{requests.part(user_id)}/restore",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def suspend(
        self, user_id: str, body: types.UserSuspension, *, idempotency_key: str | None = None
    ) -> types.ManagedUser:
        """Suspend a user.

        For admins, and not for themselves. The user's sessions end at once, and they cannot
        sign in: with the right password, the refusal says why. Their devices get no more work
        and their leases end, their open jobs are paused, and withdrawals that are not on
        their way to the chain are called off. Their balance stays, and so do their algorithms
        and bounties.
        """
        return cast(
            "types.ManagedUser",
            self._market.ask(
                "POST",
                f"/v1/admin/users/{requests.part(user_id)}/suspend",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def create(self, body: types.UserCreate) -> types.User:
        """Create an account.

        For anybody. The new user is a member and signs in with this e-mail address and
        password (`POST /v1/users/authenticate`). Where the operator has accounts opened by a
        link in a mail, this is refused: ask for the link (`POST /v1/users/sign-ups`).
        """
        return cast("types.User", self._market.ask("POST", "/v1/users", json=body))

    def get_me(self) -> types.User:
        """Get your own account.

        For signed-in users. To update the account safely, send this answer's `ETag` as
        `If-Match`.
        """
        return cast("types.User", self._market.ask("GET", "/v1/users/me"))

    def update_me(self, body: types.UserUpdate, *, if_match: str | None = None) -> types.User:
        """Update your own account.

        For signed-in users: the profile, and the kinds of data that models may process on
        your devices. Fields that are not sent stay as they are.
        """
        return cast(
            "types.User",
            self._market.ask(
                "PATCH", "/v1/users/me", headers=requests.sent({"if-match": if_match}), json=body
            ),
        )

    def erase_me(self, body: types.UserErasure) -> None:
        """Erase your account.

        For signed-in users, with a proof of who they are; it cannot be undone. All that names
        you is erased, and what stays in the books stays under an id that names nobody. You
        are signed out everywhere, your devices are revoked, and your address is free again.
        What keeps it from being done (tokens in your balance, jobs or bounties under way) is
        named in one answer.
        """
        self._market.ask("POST", "/v1/users/me/erase", json=body)

    def create_by_passkey(self, body: types.PasskeyUserCreate) -> types.SessionTokens:
        """Open an account with a passkey.

        For whoever has just made one for this. It is the only way to sign in to the account,
        which has no password and no e-mail address; its user may add both, and other
        passkeys. Who loses the last way in has lost the account.
        """
        return cast("types.SessionTokens", self._market.ask("POST", "/v1/users/passkey", json=body))

    def get(self, user_id: str) -> types.PublicUser:
        """Get a user's public profile.

        For anybody. It holds only what everybody may know of a user.
        """
        return cast(
            "types.PublicUser", self._market.ask("GET", f"/v1/users/{requests.part(user_id)}")
        )


class Versions:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self, algorithm_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> types.VersionPage:
        """List an algorithm's versions.

        Newest first. Its developer and moderators get all of them, everybody else those that
        were approved, and those recalled later.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.VersionPage",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate(self, algorithm_id: str) -> Iterator[types.Version]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Version]",
            self._market.all_of(
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions", **requests.sent({})
            ),
        )

    def create(
        self,
        algorithm_id: str,
        file: Path,
        input_spec: types.InputSpec,
        *,
        idempotency_key: str | None = None,
    ) -> types.Version:
        """Upload a version of an algorithm.

        Send an ONNX model and its input spec as a form. The file is checked at once in a
        sandbox, which takes seconds: its state then changes from `uploaded` to `checked` or
        `refused`. The same model and spec sent again are the same version, unless it was
        turned down. For the algorithm's developer, who has accepted the developer agreement
        (`GET /v1/developer-agreement`), and can have one file checked at a time.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                **requests.form(
                    {
                        "input_spec": input_spec,
                    },
                    {
                        "file": file,
                    },
                ),
            ),
        )

    def delete(self, algorithm_id: str, version_id: str) -> None:
        """Delete a version's file.

        For the developer, and for versions that were turned down or not yet sent to review.
        The version itself remains, in the state `deleted`, with what its check and its review
        found.
        """
        self._market.ask(
            "DELETE",
            f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}",
        )

    def get(self, algorithm_id: str, version_id: str) -> types.Version:
        """Get a version of an algorithm.

        With what its check and its review found. Approved and recalled versions of a listed
        algorithm are public; others are for its developer and moderators.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}",
            ),
        )

    def appeal(
        self,
        algorithm_id: str,
        version_id: str,
        body: types.AppealCreate,
        *,
        idempotency_key: str | None = None,
    ) -> types.Appeal:
        """Appeal against a rejection or a recall.

        Asks that another moderator looks at it. Once for each decision; against a rejection
        while the file is kept, which it then is until that is decided. For the developer.
        """
        return cast(
            "types.Appeal",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/appeal",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def approve(
        self,
        algorithm_id: str,
        version_id: str,
        body: types.VersionApproval | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> types.Version:
        """Approve a version.

        From now on everybody can create jobs that run it. The first approved version of an
        algorithm lists the algorithm. For moderators, except those who developed it.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/approve",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_file(
        self, algorithm_id: str, version_id: str, *, most_bytes: int = requests.FILE_BYTES_MAX
    ) -> bytes:
        """Download a version's model.

        The ONNX file as it was uploaded. For its developer and moderators. The file of a
        version that was turned down is kept for a limited time only.
        """
        return self._market.bytes_of(
            f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/file",
            limit=most_bytes,
        )

    def recall(
        self,
        algorithm_id: str,
        version_id: str,
        body: types.VersionRecall,
        *,
        idempotency_key: str | None = None,
    ) -> types.Version:
        """Recall an approved version.

        Stops it at once: no device gets the model any more, and no result of it is accepted.
        Jobs that run it end, and what they have not spent goes back to their customers.
        Everybody can read the reason. Its developer may appeal once. For moderators.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/recall",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def reject(
        self,
        algorithm_id: str,
        version_id: str,
        body: types.VersionRejection,
        *,
        idempotency_key: str | None = None,
    ) -> types.Version:
        """Reject a version.

        Turns it down; the developer reads the reason, and may upload another version, or
        appeal once. For moderators, except those who developed it.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/reject",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def submit(
        self, algorithm_id: str, version_id: str, *, idempotency_key: str | None = None
    ) -> types.Version:
        """Submit a version for review.

        For the developer of a version that passed its check. It waits `in_review` until a
        moderator approves or rejects it.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/submit",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get_timeline(self, algorithm_id: str, version_id: str) -> types.Timeline:
        """Get a version's timeline.

        Tells what happened to it, when, by whom and why, and what comes next. For its
        developer and moderators.
        """
        return cast(
            "types.Timeline",
            self._market.ask(
                "GET",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/timeline",
            ),
        )

    def withdraw(
        self, algorithm_id: str, version_id: str, *, idempotency_key: str | None = None
    ) -> types.Version:
        """Withdraw a version from review.

        For the developer. It is `checked` again: submit it once more, or delete it.
        """
        return cast(
            "types.Version",
            self._market.ask(
                "POST",
                f"/v1/algorithms/{requests.part(algorithm_id)}/versions/{requests.part(version_id)}/withdraw",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def list_to_review(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.VersionState | None = None,
        developer_id: str | None = None,
    ) -> types.VersionToReviewPage:
        """List versions to review.

        Versions of all developers, those that have waited longest first, each with its
        passport, its twins, and whether you may judge it. Without `state`, those that wait
        for a review. For moderators.

        `limit`: How many items to return at most.

        `state`: Only versions in this state.

        `developer_id`: Only versions of this developer.
        """
        return cast(
            "types.VersionToReviewPage",
            self._market.ask(
                "GET",
                "/v1/moderation/versions",
                params=requests.sent(
                    {"limit": limit, "cursor": cursor, "state": state, "developer_id": developer_id}
                ),
            ),
        )

    def iterate_to_review(
        self, *, state: types.VersionState | None = None, developer_id: str | None = None
    ) -> Iterator[types.VersionToReview]:
        """Yield each item of `list_to_review`, page after page."""
        return cast(
            "Iterator[types.VersionToReview]",
            self._market.all_of(
                "/v1/moderation/versions",
                **requests.sent({"state": state, "developer_id": developer_id}),
            ),
        )

    def get_to_review(self, version_id: str) -> types.VersionReview:
        """Get a version to review.

        What the list says of it, and how it answers four fixed pictures: each as the model
        saw it, with the labels that it named. In any state. For moderators.
        """
        return cast(
            "types.VersionReview",
            self._market.ask("GET", f"/v1/moderation/versions/{requests.part(version_id)}"),
        )


class WalletChallenges:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def create_for_session(self, body: types.WalletSignInChallenge) -> types.WalletChallenge:
        """Create a message for a wallet to sign in with.

        For anybody: signed by the wallet, it opens a session (`POST /v1/sessions/wallet`). It
        is valid for ten minutes, and once.
        """
        return cast(
            "types.WalletChallenge",
            self._market.ask("POST", "/v1/sessions/wallet-challenges", json=body),
        )

    def create(
        self, body: types.WalletChallengeCreate, *, idempotency_key: str | None = None
    ) -> types.WalletChallenge:
        """Create a message for a wallet to sign.

        For signed-in users: the signed message proves that the wallet is yours, for one
        purpose: to link it (`POST /v1/wallets`), to add it as a way to sign in (`POST
        /v1/users/me/identities/wallets`), or as a proof of who you are. It is valid for ten
        minutes.
        """
        return cast(
            "types.WalletChallenge",
            self._market.ask(
                "POST",
                "/v1/wallets/challenges",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )


class Wallets:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.WalletPage:
        """List your linked wallets.

        For signed-in users: oldest first. They always fit on one page.
        """
        return cast("types.WalletPage", self._market.ask("GET", "/v1/wallets"))

    def create(
        self, body: types.WalletCreate, *, idempotency_key: str | None = None
    ) -> types.Wallet:
        """Link a wallet.

        For signed-in users, with a proof of who they are, and a message from `POST
        /v1/wallets/challenges` that the wallet has signed. From then on you can withdraw
        tokens to it. A mail to your address, if you have confirmed one, tells you of it.
        """
        return cast(
            "types.Wallet",
            self._market.ask(
                "POST",
                "/v1/wallets",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get(self, wallet_id: str) -> types.Wallet:
        """Get a linked wallet of yours.

        For the user who linked it.
        """
        return cast(
            "types.Wallet", self._market.ask("GET", f"/v1/wallets/{requests.part(wallet_id)}")
        )

    def choose_primary(
        self, wallet_id: str, body: types.WalletChange, *, idempotency_key: str | None = None
    ) -> types.Wallet:
        """Make a linked wallet your primary one.

        For the user who linked it, with a proof of who they are. It is the one that is meant
        where none is named, as by `dml withdraw`.
        """
        return cast(
            "types.Wallet",
            self._market.ask(
                "POST",
                f"/v1/wallets/{requests.part(wallet_id)}/make-primary",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def delete(
        self, wallet_id: str, body: types.WalletChange, *, idempotency_key: str | None = None
    ) -> None:
        """Unlink a wallet.

        For the user who linked it, with a proof of who they are. Withdrawals to it that were
        already requested are still paid.
        """
        self._market.ask(
            "POST",
            f"/v1/wallets/{requests.part(wallet_id)}/unlink",
            headers=requests.sent({"Idempotency-Key": idempotency_key}),
            json=body,
        )


class WebhookDeliveries:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.DeliveryState | None = None,
    ) -> types.WebhookDeliveryPage:
        """List what was sent to a webhook, and what waits.

        For the user who created it: newest first, each with how its last attempt went. Kept
        for 30 days.

        `limit`: How many items to return at most.

        `state`: Only deliveries in this state.
        """
        return cast(
            "types.WebhookDeliveryPage",
            self._market.ask(
                "GET",
                f"/v1/webhooks/{requests.part(webhook_id)}/deliveries",
                params=requests.sent({"limit": limit, "cursor": cursor, "state": state}),
            ),
        )

    def iterate(
        self, webhook_id: str, *, state: types.DeliveryState | None = None
    ) -> Iterator[types.WebhookDelivery]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.WebhookDelivery]",
            self._market.all_of(
                f"/v1/webhooks/{requests.part(webhook_id)}/deliveries",
                **requests.sent({"state": state}),
            ),
        )


class Webhooks:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list(self) -> types.WebhookPage:
        """List your webhooks.

        For signed-in users: oldest first. They always fit on one page.
        """
        return cast("types.WebhookPage", self._market.ask("GET", "/v1/webhooks"))

    def create(
        self, body: types.WebhookCreate, *, idempotency_key: str | None = None
    ) -> types.WebhookWithSecret:
        """Create a webhook.

        From now on its URL is called with each event that you may see and that is of its
        types: by POST, with the event as JSON, signed as Standard Webhooks says. Answer with
        a status of 2xx within 10 seconds; anything else is tried again for three days, after
        which the webhook is disabled. Events about one thing come in their order, and each at
        least once. The secret is shown this once.
        """
        return cast(
            "types.WebhookWithSecret",
            self._market.ask(
                "POST",
                "/v1/webhooks",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook.

        For the user who created it. Nothing more is sent to it.
        """
        self._market.ask("DELETE", f"/v1/webhooks/{requests.part(webhook_id)}")

    def get(self, webhook_id: str) -> types.Webhook:
        """Get a webhook of yours.

        For the user who created it.
        """
        return cast(
            "types.Webhook", self._market.ask("GET", f"/v1/webhooks/{requests.part(webhook_id)}")
        )

    def update(self, webhook_id: str, body: types.WebhookUpdate) -> types.Webhook:
        """Update a webhook: its URL, its types, whether it is paused.

        For the user who created it. While it is paused, events wait. One that was disabled
        goes on with those that waited; replay what happened meanwhile.
        """
        return cast(
            "types.Webhook",
            self._market.ask("PATCH", f"/v1/webhooks/{requests.part(webhook_id)}", json=body),
        )

    def replay(
        self, webhook_id: str, body: types.WebhookReplay, *, idempotency_key: str | None = None
    ) -> types.WebhookReplayed:
        """Send events to a webhook once more.

        For the user who created it: the event of one delivery, or all that it takes after a
        position or since a time. A thousand events are looked through at once: go on while
        `has_more`. Each comes with the `webhook-id` that it had.
        """
        return cast(
            "types.WebhookReplayed",
            self._market.ask(
                "POST",
                f"/v1/webhooks/{requests.part(webhook_id)}/replay",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def rotate_secret(
        self, webhook_id: str, *, idempotency_key: str | None = None
    ) -> types.WebhookWithSecret:
        """Give a webhook a new secret.

        For the user who created it. For 24 hours each call has two signatures, one by the
        secret before: meanwhile, teach your server the new one, which is shown this once.
        """
        return cast(
            "types.WebhookWithSecret",
            self._market.ask(
                "POST",
                f"/v1/webhooks/{requests.part(webhook_id)}/rotate-secret",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def test(self, webhook_id: str, *, idempotency_key: str | None = None) -> None:
        """Send a test event to a webhook.

        For the user who created it. `webhook.test` is sent within seconds, by the way that
        all events go; its deliveries show what came of it.
        """
        self._market.ask(
            "POST",
            f"/v1/webhooks/{requests.part(webhook_id)}/test",
            headers=requests.sent({"Idempotency-Key": idempotency_key}),
        )


class Withdrawals:
    def __init__(self, market: Marketplace) -> None:
        self._market = market

    def list_to_review(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> types.WithdrawalToReviewPage:
        """List the withdrawals that wait for a review.

        For admins, oldest first. They are paid only after an admin has approved them.

        `limit`: How many items to return at most.
        """
        return cast(
            "types.WithdrawalToReviewPage",
            self._market.ask(
                "GET",
                "/v1/admin/withdrawals",
                params=requests.sent({"limit": limit, "cursor": cursor}),
            ),
        )

    def iterate_to_review(self) -> Iterator[types.WithdrawalToReview]:
        """Yield each item of `list_to_review`, page after page."""
        return cast(
            "Iterator[types.WithdrawalToReview]",
            self._market.all_of("/v1/admin/withdrawals", **requests.sent({})),
        )

    def approve(
        self,
        withdrawal_id: str,
        body: types.WithdrawalApproval,
        *,
        idempotency_key: str | None = None,
    ) -> types.ReviewedWithdrawal:
        """Approve a withdrawal.

        For admins, and not for their own: a withdrawal that waits for a review. It is paid
        with the next batch. A large one needs two admins: after the first approval it still
        waits, and `first_approved_by` says who gave it. It is written to the audit log.
        """
        return cast(
            "types.ReviewedWithdrawal",
            self._market.ask(
                "POST",
                f"/v1/admin/withdrawals/{requests.part(withdrawal_id)}/approve",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def refuse(
        self,
        withdrawal_id: str,
        body: types.WithdrawalRefusal,
        *,
        idempotency_key: str | None = None,
    ) -> types.ReviewedWithdrawal:
        """Refuse a withdrawal.

        For admins: a withdrawal that waits for a review. Its amount and fee return to the
        user's balance, and the user reads the reason. It is written to the audit log.
        """
        return cast(
            "types.ReviewedWithdrawal",
            self._market.ask(
                "POST",
                f"/v1/admin/withdrawals/{requests.part(withdrawal_id)}/refuse",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: types.WithdrawalState | None = None,
    ) -> types.WithdrawalPage:
        """List your withdrawals.

        For signed-in users: newest first.

        `limit`: How many items to return at most.

        `state`: List only withdrawals in this state. Default: in any.
        """
        return cast(
            "types.WithdrawalPage",
            self._market.ask(
                "GET",
                "/v1/payments/withdrawals",
                params=requests.sent({"limit": limit, "cursor": cursor, "state": state}),
            ),
        )

    def iterate(self, *, state: types.WithdrawalState | None = None) -> Iterator[types.Withdrawal]:
        """Yield each item of `list`, page after page."""
        return cast(
            "Iterator[types.Withdrawal]",
            self._market.all_of("/v1/payments/withdrawals", **requests.sent({"state": state})),
        )

    def create(
        self, body: types.WithdrawalCreate, *, idempotency_key: str | None = None
    ) -> types.Withdrawal:
        """Create a withdrawal.

        For signed-in users, with a proof of who they are: pays tokens to one of your linked
        wallets. Amount and fee leave your balance at once. The withdrawal is paid with others
        in one batch; a large one waits until an admin has approved it.
        """
        return cast(
            "types.Withdrawal",
            self._market.ask(
                "POST",
                "/v1/payments/withdrawals",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
                json=body,
            ),
        )

    def get_terms(self) -> types.WithdrawalTerms:
        """Get the terms of withdrawals.

        For signed-in users: what a withdrawal costs, how much you can still withdraw within
        24 hours, and how soon it is paid.
        """
        return cast(
            "types.WithdrawalTerms", self._market.ask("GET", "/v1/payments/withdrawals/terms")
        )

    def get(self, withdrawal_id: str) -> types.WithdrawalDetails:
        """Get a withdrawal of yours.

        For its user: the withdrawal, its batch, its transactions on the chain, and its
        timeline.
        """
        return cast(
            "types.WithdrawalDetails",
            self._market.ask("GET", f"/v1/payments/withdrawals/{requests.part(withdrawal_id)}"),
        )

    def cancel(self, withdrawal_id: str, *, idempotency_key: str | None = None) -> types.Withdrawal:
        """Cancel a withdrawal.

        For its user, while it is `requested`: amount and fee return to your balance.
        """
        return cast(
            "types.Withdrawal",
            self._market.ask(
                "POST",
                f"/v1/payments/withdrawals/{requests.part(withdrawal_id)}/cancel",
                headers=requests.sent({"Idempotency-Key": idempotency_key}),
            ),
        )

    def get_timeline(self, withdrawal_id: str) -> types.Timeline:
        """Get a withdrawal's timeline.

        For its user: what happened to the withdrawal, and what happens next.
        """
        return cast(
            "types.Timeline",
            self._market.ask(
                "GET", f"/v1/payments/withdrawals/{requests.part(withdrawal_id)}/timeline"
            ),
        )


class Operations:
    """What both the marketplace and its API can do, by tag."""

    def __init__(self, market: Marketplace) -> None:
        self.agreements = Agreements(market)
        self.algorithms = Algorithms(market)
        self.appeals = Appeals(market)
        self.assignments = Assignments(market)
        self.attachments = Attachments(market)
        self.balance = Balance(market)
        self.books = Books(market)
        self.bounties = Bounties(market)
        self.browser_sessions = BrowserSessions(market)
        self.chain = Chain(market)
        self.contributions = Contributions(market)
        self.credits = Credits(market)
        self.data_exports = DataExports(market)
        self.debit_limit = DebitLimit(market)
        self.demos = Demos(market)
        self.denied_addresses = DeniedAddresses(market)
        self.deposit_instructions = DepositInstructions(market)
        self.deposits = Deposits(market)
        self.developer_agreements = DeveloperAgreements(market)
        self.device_counts = DeviceCounts(market)
        self.device_limits = DeviceLimits(market)
        self.device_nonces = DeviceNonces(market)
        self.device_tokens = DeviceTokens(market)
        self.devices = Devices(market)
        self.disputes = Disputes(market)
        self.distributions = Distributions(market)
        self.email_changes = EmailChanges(market)
        self.email_confirmations = EmailConfirmations(market)
        self.email_verifications = EmailVerifications(market)
        self.enrollments = Enrollments(market)
        self.events = Events(market)
        self.evidence = Evidence(market)
        self.factors = Factors(market)
        self.file_links = FileLinks(market)
        self.graph = Graph(market)
        self.health = Health(market)
        self.identities = Identities(market)
        self.invitations = Invitations(market)
        self.job_quotes = JobQuotes(market)
        self.jobs = Jobs(market)
        self.keys = Keys(market)
        self.leaderboards = Leaderboards(market)
        self.members = Members(market)
        self.openid_providers = OpenidProviders(market)
        self.organisations = Organisations(market)
        self.pages = Pages(market)
        self.pairing_codes = PairingCodes(market)
        self.passkey_challenges = PasskeyChallenges(market)
        self.passkeys = Passkeys(market)
        self.password_resets = PasswordResets(market)
        self.passwords = Passwords(market)
        self.photos = Photos(market)
        self.privacy_budget = PrivacyBudget(market)
        self.prizes = Prizes(market)
        self.problems = Problems(market)
        self.processes = Processes(market)
        self.profiles = Profiles(market)
        self.published_jobs = PublishedJobs(market)
        self.ratings = Ratings(market)
        self.records = Records(market)
        self.recovery_codes = RecoveryCodes(market)
        self.review_reasons = ReviewReasons(market)
        self.sessions = Sessions(market)
        self.sign_ups = SignUps(market)
        self.submissions = Submissions(market)
        self.test_sets = TestSets(market)
        self.tokens = Tokens(market)
        self.totp = Totp(market)
        self.transfers = Transfers(market)
        self.uploads = Uploads(market)
        self.users = Users(market)
        self.versions = Versions(market)
        self.wallet_challenges = WalletChallenges(market)
        self.wallets = Wallets(market)
        self.webhook_deliveries = WebhookDeliveries(market)
        self.webhooks = Webhooks(market)
        self.withdrawals = Withdrawals(market)
