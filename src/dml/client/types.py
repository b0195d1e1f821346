# Generated from docs/api/openapi.json by `make openapi` (clients/generate.py): edit neither.
# Why it is generated, and by code of ours: docs/decisions/0030.
"""What the API takes and answers, as JSON: a TypedDict for each object."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

AlgorithmKind: TypeAlias = Literal["image"]
"""What a model takes as input."""
AlgorithmSort: TypeAlias = Literal[
    "created_at",
    "-created_at",
    "device_fee",
    "-device_fee",
    "runs",
    "-runs",
    "weighted_rating",
    "-weighted_rating",
]
"""By what a list is sorted: the smallest or earliest first, with `-` the largest or latest."""
AlgorithmState: TypeAlias = Literal["draft", "announced", "listed", "suspended", "archived"]
"""Whether an algorithm can be used. `draft`: none of its versions was approved yet. `announced`:
neither, and everybody can see that it is coming. `listed`: everybody can use it. `suspended`:
its developer or a moderator took it off the list for now. `archived`: it is off the list for
good.
"""
Answers: TypeAlias = Literal["noisy", "exact"]
"""What an answer may tell of one owner. `noisy`: as much as its `epsilon` allows; each number
carries noise, and says how sure it is. `exact`: sums of what enough owners counted, without
noise, of those who agreed to that.
"""
AppealState: TypeAlias = Literal["open", "upheld", "overturned", "settled"]
"""How an appeal ended. `open`: it waits for another moderator than the one who decided.
`upheld`: the decision stays. `overturned`: it was taken back. `settled`: what it was about is
over, as the version was deleted, or the algorithm archived or resumed.
"""
AppealedDecision: TypeAlias = Literal["rejection", "recall", "suspension"]
"""Against what a developer appeals."""
AssignmentState: TypeAlias = Literal["leased", "accepted", "released", "expired"]
"""What became of an assignment. `leased`: the device works on it. `accepted`: its result came.
`released`: the device gave it back. `expired`: its lease ran out.
"""
AttachmentKind: TypeAlias = Literal["data", "image", "thumbnail", "cover"]
"""What a file of a bounty is for. `data`: to download. `image`: to show in texts. `thumbnail`
and `cover`: a small and a large image of the bounty, one of each.
"""
BountySort: TypeAlias = Literal[
    "created_at", "-created_at", "closes_at", "-closes_at", "prize_pool", "-prize_pool"
]
"""By what a list is sorted: the smallest or earliest first, with `-` the largest or latest."""
BountyState: TypeAlias = Literal[
    "draft", "funded", "enrolling", "submitting", "evaluating", "disputing", "finished", "cancelled"
]
"""How far a bounty is. `draft`: its owner prepares it. `funded`: its prizes are in escrow.
`enrolling`: people can enroll. `submitting`: entrants can submit. `evaluating`: winners are
being found. `disputing`: there is an order of winners, which can be disputed. `finished`: the
prizes are paid. `cancelled`: all the money went back.
"""
ChallengePurpose: TypeAlias = Literal["link", "sign_in", "proof"]
"""What a signed message is for: to `link` the wallet, so that tokens can be paid to it; to add
it as a way to `sign_in`; or as a `proof` of who you are, with something that asks for one.
"""
CreditState: TypeAlias = Literal["requested", "credited", "refused"]
"""`requested`: waits for a second admin; `credited`: in the user's balance; `refused`: nothing
moved.
"""
DataExportState: TypeAlias = Literal["preparing", "ready", "failed"]
"""How far an export is. `preparing`: its file is being made. `ready`: it can be downloaded.
`failed`: no file could be made, by no fault of the user's.
"""
DataKind: TypeAlias = Literal["photo", "text", "sms", "contacts", "location", "audio", "tabular"]
"""A kind of data on devices. Models process only the kinds that the device's owner permits."""
DeliveryState: TypeAlias = Literal["waiting", "delivered", "failed"]
"""`waiting`: for its turn or its next attempt; `delivered`: the URL took it; `failed`: it was
given up.
"""
DepositState: TypeAlias = Literal["seen", "credited", "unclaimed", "orphaned"]
"""`seen`: in a block that is not final; `credited`: final, and in the user's balance;
`unclaimed`: final, and naming no user; `orphaned`: its block was dropped, and it may come
again in another one.
"""
DepositStep: TypeAlias = Literal["approve", "deposit"]
"""`approve` lets the vault take the tokens; then `deposit` has it take them."""
EducationLevel: TypeAlias = Literal[
    "none", "primary", "secondary", "bachelor", "master", "doctorate"
]
"""A level of education: the main levels of ISCED 2011."""
EnrollmentState: TypeAlias = Literal[
    "enrolled", "winner", "not_placed", "withdrawn", "disqualified"
]
"""What an entrant is. `enrolled`: it takes part. `withdrawn`: its captain withdrew it before
submissions began. `disqualified`: a moderator excluded it. When the bounty is finished, it is
a `winner` with a prize, or `not_placed` without one.
"""
Gender: TypeAlias = Literal["female", "male", "other", "undisclosed"]
"""A user's gender, as they state it."""
IdentityKind: TypeAlias = Literal["password", "wallet", "openid", "passkey"]
"""By what somebody signs in: an e-mail address and `password`, a `wallet`'s signature, an
`openid` provider, or a `passkey`.
"""
InputColor: TypeAlias = Literal["grey", "rgb", "bgr"]
"""One channel, or three: red, green, blue; or blue, green, red, as OpenCV has them. `mean` and
`std` are in that order.
"""
InputDecode: TypeAlias = Literal["whole", "fast"]
"""fast reads JPEGs at a half, a quarter or an eighth of their size, as far as each number of the
tensor is still the mean of two pixels by two: in less time, with slightly other numbers. Then
JPEGs of up to 268 megapixels are read, and else of up to 89.
"""
InputLayout: TypeAlias = Literal["NCHW", "NHWC", "NHW", "flat"]
"""Order of the tensor's axes; NHW is for grey, without an axis for it; flat is NHWC in one row
for each item.
"""
InputResize: TypeAlias = Literal["stretch", "fit", "fill", "crop"]
"""stretch forgets proportions; fit keeps everything, centred on black; fill keeps the largest
centred part of the target's proportions; crop resizes the shorter side to `shortest_edge` and
keeps the centre.
"""
InputType: TypeAlias = Literal["float32", "uint8"]
"""Of the tensor's numbers. uint8 takes pixels as they are, rounded: `scale` and `std` are 1, and
`mean` is 0.
"""
JobState: TypeAlias = Literal["open", "paused", "settling", "completed", "cancelled", "expired"]
"""How far a job is. `open`: devices get work. `paused`: they get none for now. `settling`: it
has ended, and results under way still come in. Then it is settled: `completed` (all places
were taken, or it is as precise as was asked for), `cancelled` (it was closed before) or
`expired` (at its deadline).
"""
Judging: TypeAlias = Literal["metric", "manual"]
"""How winners are found. `metric`: by a metric on a hidden test set. `manual`: the owner names
them.
"""
LeaderboardPart: TypeAlias = Literal["public", "final"]
"""What a leaderboard shows. `public`: the public scores, from the first submission on. `final`:
the final ranking.
"""
MemberRole: TypeAlias = Literal["owner", "member"]
"""What somebody may do for an organisation: a `member` does its work, an `owner` also decides
about members and money.
"""
MetricName: TypeAlias = Literal[
    "accuracy.v1",
    "balanced_accuracy.v1",
    "macro_f1.v1",
    "log_loss.v1",
    "roc_auc.v1",
    "average_precision.v1",
    "quadratic_kappa.v1",
    "rmse.v1",
    "mae.v1",
    "r2.v1",
]
"""A metric, with its version: what a version computes never changes."""
OutputActivation: TypeAlias = Literal["none", "softmax", "sigmoid"]
"""What turns that output into probabilities: none where it holds them already, as where the
model ends in Softmax or Sigmoid.
"""
PageSort: TypeAlias = Literal["-relevance", "-created_at", "-runs", "device_fee"]
"""How the page is sorted; `-relevance` has first what fits the words best."""
Platform: TypeAlias = Literal["android", "ios", "linux", "macos", "windows", "other"]
"""The operating system of a device."""
ProfileFailure: TypeAlias = Literal[
    "process_ended", "no_answer", "not_installed", "not_permitted", "too_large", "tool_failed"
]
"""`process_ended`: it was told to end meanwhile; `no_answer`: it said no more, as it was killed
or hangs; `not_installed`: py-spy or memray is missing there; `not_permitted`: its container
or system forbids to look into a process; `too_large`: its files would be; `tool_failed`: its
log says why.
"""
ProfileKind: TypeAlias = Literal["cpu", "memory"]
"""`cpu`: which code runs, as py-spy samples it a hundred times a second; `memory`: which code
allocates what is not freed again at once, as memray traces it.
"""
ProfileState: TypeAlias = Literal["requested", "running", "finished", "failed"]
"""`requested`: the process hears of it within seconds; `running`: it is profiled, and its files
are made; `finished`: they are there; `failed`: there are none, and `failure` says why.
"""
ReasonCode: TypeAlias = Literal[
    "as_described",
    "card_incomplete",
    "data_not_named",
    "labels_unclear",
    "wrong_input_spec",
    "not_as_described",
    "copy",
    "too_heavy",
    "misleading",
    "identifies_people",
    "labels_single_out",
    "unlawful_data",
    "rights_claimed",
]
"""Why a moderator decided so. `GET /v1/moderation/reasons` has the words."""
ReviewDecision: TypeAlias = Literal["approve", "reject", "recall", "suspend"]
"""What a moderator may decide about a version, or about its algorithm."""
Role: TypeAlias = Literal["member", "moderator", "admin"]
"""What a user may do: a `moderator` also reviews and intervenes, an `admin` also handles money
and roles.
"""
Scope: TypeAlias = Literal[
    "account:read",
    "account:write",
    "models:read",
    "models:write",
    "jobs:read",
    "jobs:write",
    "devices:read",
    "devices:write",
    "bounties:read",
    "bounties:write",
    "money:read",
    "money:write",
    "events:read",
    "events:write",
    "admin:read",
    "admin:write",
]
"""A part of what its user may do. No scope lets anybody do more than their role does."""
SearchSort: TypeAlias = Literal[
    "-relevance",
    "created_at",
    "-created_at",
    "device_fee",
    "-device_fee",
    "runs",
    "-runs",
    "weighted_rating",
    "-weighted_rating",
]
"""By what a search is sorted; `-relevance` has first what fits the words best."""
SubmissionKind: TypeAlias = Literal["csv", "parquet", "onnx", "file"]
"""What a submitted file is. `csv` and `parquet`: predictions. `onnx`: a model. `file`: anything,
for bounties that are judged by hand.
"""
SubmissionState: TypeAlias = Literal[
    "validating", "queued", "evaluating", "valid", "scored", "failed", "cancelled"
]
"""How far a submission is. `validating`: it is checked. `queued`: it waits to be scored.
`evaluating`: it is being scored. `scored`: it counts. `valid`: it was only to be checked, and
passed. `failed`: the check or the scoring refused it. `cancelled`: its team cancelled it, or
the bounty ended.
"""
SuspendedBy: TypeAlias = Literal["developer", "moderator"]
"""Who took an algorithm off the list for now, and so may list it again."""
TestSetState: TypeAlias = Literal["uploaded", "checked", "refused"]
"""How far a test set is. `uploaded`: it is being checked. `checked`: it passed its check.
`refused`: it did not.
"""
Ties: TypeAlias = Literal["share", "order"]
"""What becomes of the prizes of tied places. `share`: they are added up and divided equally.
`order`: each place gets its own.
"""
TimelineActor: TypeAlias = Literal["you", "owner", "moderator", "system"]
"""Who acted: you, the owner or somebody of the team, a moderator or admin, or the system."""
TransferCode: TypeAlias = Literal[
    "deposit",
    "job_escrow",
    "device_reward",
    "developer_fee",
    "platform_fee",
    "job_refund",
    "bounty_escrow",
    "enrollment_fee",
    "prize",
    "bounty_refund",
    "deposit_claim",
    "deposit_reversal",
    "credit_reversal",
    "contribution",
    "distribution",
    "payout_booking",
    "withdrawal",
    "withdrawal_fee",
    "withdrawal_reversal",
]
"""Why tokens moved. `deposit`: paid in, or credited by an admin; `deposit_claim`: an unclaimed
deposit was assigned to its user. `job_escrow`, `bounty_escrow`: set aside for a job or a
bounty; `job_refund`, `bounty_refund`: what was left returned. `device_reward`,
`developer_fee`, `platform_fee`: paid for results of a job. `enrollment_fee`, `prize`: paid to
enter a bounty, and to its winners. `withdrawal`: set aside to be paid out, and paid out;
`withdrawal_fee`: what that costs; `withdrawal_reversal`: both returned. `deposit_reversal`,
`credit_reversal`: taken back. `contribution`, `distribution`: put into an organisation by a
member, taken out by an owner. `payout_booking`: booked by an operator, for a payout that no
withdrawal explains.
"""
UserKind: TypeAlias = Literal["person", "organisation"]
"""Whether a user is a person, or an organisation that persons act for."""
UserState: TypeAlias = Literal["active", "suspended", "erased"]
"""Whether a user can sign in: one who is `suspended` can't, until an admin restores them; one
who erased their account is gone, and only an id is left.
"""
VersionState: TypeAlias = Literal[
    "uploaded", "checked", "refused", "in_review", "approved", "rejected", "recalled", "deleted"
]
"""How far a version is. `uploaded`: its file is being checked. `checked` and `refused`: the file
passed its check, or did not. `in_review`: it waits for a moderator, who makes it `approved`
or `rejected`. `recalled`: it was approved, and nobody may run it any more. `deleted`: its
file is gone.
"""
WalletKind: TypeAlias = Literal["key", "contract"]
"""How a wallet signs: with a key of its own (EIP-191), or as a contract (EIP-1271)."""
WebhookState: TypeAlias = Literal["active", "paused", "disabled"]
"""`active`: events are sent; `paused`: they wait; `disabled`: it failed for too long, or
answered 410, and events are neither sent nor kept for it.
"""
WithdrawalState: TypeAlias = Literal["requested", "authorised", "paid", "reversed", "cancelled"]
"""`requested`: waits for a review or a batch; `authorised`: in a batch, and can no longer be
cancelled; `paid`: in a final block; `reversed`: could not be paid, so its tokens returned;
`cancelled`: by its user or by an admin, so its tokens returned.
"""


class AddressDenial(TypedDict):
    reason: str
    """Why nothing may be paid there. Only admins can read it."""


class Agreement(TypedDict):
    """Two entrants of a bounty whose predictions agree suspiciously well."""

    agreement: float
    """How well their final predictions agree: 1 where they are the same."""
    bounty_id: str
    """The bounty that both entered."""
    created_at: str
    """When it was found."""
    first_id: str
    """One entrant."""
    first_name: str
    """The name of that entrant."""
    second_id: str
    """The other entrant."""
    second_name: str
    """The name of that entrant."""


class AgreementAcceptance(TypedDict):
    """An agreement that you accepted."""

    accepted_at: str
    """When you accepted it."""
    sha256: str
    """The digest of its text: `GET /v1/developer-agreements/{sha256}` has that."""
    title: str
    version: str
    """What that version is called."""


class AgreementAcceptanceCreate(TypedDict):
    version: str
    """The version that you have read: the current one."""


class AgreementAcceptanceList(TypedDict):
    """All that a user accepted."""

    items: list[AgreementAcceptance]
    """The newest first: 100 at most."""


class AgreementPage(TypedDict):
    """A page of pairs of entrants."""

    items: list[Agreement]
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Algorithm(TypedDict):
    """A model that developers offer, and jobs run on devices."""

    approved_version: ApprovedVersion | None
    """The newest approved version; `null` where there is none."""
    created_at: str
    data_kind: DataKind
    """The kind of data on a device that its model is run over."""
    developer_id: str
    """The user who offers it."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    device_fee: str
    """What its developer earns for each result of a device, in tokens."""
    id: str
    kind: AlgorithmKind
    """What its model takes as input."""
    labels: list[str]
    """The names of the model's output columns, in their order."""
    model_card: str
    """What the model was trained on, and how good it is. Markdown."""
    rating: float | None
    """The mean of its ratings, from 1 to 5 stars, to two digits; `null` without any."""
    rating_count: int
    """How many customers have rated it, of those whose jobs have run it."""
    runs: int
    """How many devices the answers of ended jobs show that ran it, as far as those may be shown."""
    slug: str
    """Its title and the end of its id, for a path that people read."""
    state: AlgorithmState
    summary: str
    """What it does, in a sentence or two."""
    suspended_by: SuspendedBy | None
    """Who suspended it: its `developer` or a `moderator`; `null` where it is not suspended."""
    tags: list[str]
    """Words to find it by."""
    title: str
    updated_at: str
    """When it was last edited, or its state changed."""
    weighted_rating: int
    """What lists are sorted by: the mean of its ratings and of five more of 3 stars, in
    thousandths of a star. So a few ratings move it little.
    """


class AlgorithmArchival(TypedDict):
    """Why an algorithm is archived."""

    reason: NotRequired[str | None]
    """Shown to the developer and moderators."""


class AlgorithmCreate(TypedDict):
    data_kind: NotRequired[DataKind]
    """The kind of data on a device that its model is run over."""
    device_fee: str
    """What you earn for each result of a device, in tokens: at most 1000000."""
    kind: AlgorithmKind
    """What its model takes as input."""
    labels: list[str]
    """The names of the model's output columns, in their order."""
    model_card: str
    """What the model was trained on, and how good it is: Markdown of at most 20,000 bytes. On
    its page raw HTML shows as text, and a picture as its description.
    """
    summary: str
    """What it does, in a sentence or two."""
    tags: NotRequired[list[str]]
    """Words to find it by."""
    title: str


class AlgorithmFacets(TypedDict):
    """How many there are, and what they could be narrowed by."""

    corrected_q: str | None
    """The words that were looked for instead, where nothing has those of `q`; else `null`."""
    count: int
    """At most 1000: of more, the 1000 most-run are counted."""
    data_kinds: list[Facet]
    """The values of `data_kind`."""
    fee_max: str | None
    """The highest."""
    fee_min: str | None
    """The lowest device fee, in tokens; `null` where there is none."""
    has_more: bool
    """Whether there are more: to be shown as `1000+`."""
    kinds: list[Facet]
    """The values of `kind`."""
    tags: list[Facet]
    """The 20 most frequent tags."""


class AlgorithmResumption(TypedDict):
    """Why an algorithm is listed again."""

    reason: str
    """Shown to the developer."""


class AlgorithmSearchPage(TypedDict):
    """A page of what a search found."""

    corrected_q: str | None
    """The words that were looked for instead, where nothing has those of `q`; else `null`."""
    items: list[AlgorithmSummary]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class AlgorithmStatistics(TypedDict):
    """What became of an algorithm, by version and by day, in the steps of its jobs."""

    algorithm_id: str
    """The algorithm."""
    days: list[DayStatistics]
    """By day, the earliest first; those of which there is nothing are left out."""
    first_day: str
    """The first day of which it tells."""
    last_day: str
    """The last one."""
    total: StatisticsTotal
    """Of all these days."""
    versions: list[VersionStatistics]
    """By version, the newest first; those of which there is nothing are left out."""


class AlgorithmSummary(TypedDict):
    """An algorithm in a list: without its model card and its labels."""

    approved_version: ApprovedVersion | None
    """The newest approved version; `null` where there is none."""
    created_at: str
    data_kind: DataKind
    """The kind of data on a device that its model is run over."""
    developer_id: str
    """The user who offers it."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    device_fee: str
    """What its developer earns for each result of a device, in tokens."""
    id: str
    kind: AlgorithmKind
    """What its model takes as input."""
    rating: float | None
    """The mean of its ratings, from 1 to 5 stars, to two digits; `null` without any."""
    rating_count: int
    """How many customers have rated it, of those whose jobs have run it."""
    runs: int
    """How many devices the answers of ended jobs show that ran it, as far as those may be shown."""
    slug: str
    """Its title and the end of its id, for a path that people read."""
    state: AlgorithmState
    summary: str
    """What it does, in a sentence or two."""
    tags: list[str]
    """Words to find it by."""
    title: str
    updated_at: str
    """When it was last edited, or its state changed."""
    weighted_rating: int
    """What lists are sorted by: the mean of its ratings and of five more of 3 stars, in
    thousandths of a star. So a few ratings move it little.
    """


class AlgorithmSummaryPage(TypedDict):
    items: list[AlgorithmSummary]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class AlgorithmSuspension(TypedDict):
    """Why an algorithm is suspended."""

    reason: NotRequired[str | None]
    """Shown to the developer; without it, the words of the ready reason."""
    reason_code: NotRequired[ReasonCode | None]
    """The code of a ready reason, which the developer is told, too."""


class AlgorithmUpdate(TypedDict):
    """What is to change: a field that is not sent stays as it is."""

    device_fee: NotRequired[str | None]
    """What you earn for each result of a device, in tokens: at most 1000000. Jobs that were
    ordered keep their price.
    """
    model_card: NotRequired[str | None]
    """What the model was trained on, and how good it is: Markdown of at most 20,000 bytes. On
    its page raw HTML shows as text, and a picture as its description.
    """
    summary: NotRequired[str | None]
    """What it does, in a sentence or two."""
    tags: NotRequired[list[str] | None]
    """Words to find it by."""
    title: NotRequired[str | None]
    """What it is called."""


class AlgorithmUsage(TypedDict):
    """How much an algorithm is used."""

    algorithm_id: str
    """The algorithm."""
    jobs: str
    """How many jobs of it have ended, in bands: `0`, `1-9`, `10-99`, `100-999` or `1000+`."""
    rating: float | None
    """The mean of its ratings, from 1 to 5 stars, to two digits; `null` without any."""
    rating_count: int
    """How many customers have rated it, of those whose jobs have run it."""
    runs: int
    """How many devices the answers of ended jobs show that ran it, as far as those may be shown."""


class Appeal(TypedDict):
    """A developer's word against a decision, and what another moderator said."""

    algorithm_id: str
    """The algorithm that it is about."""
    algorithm_title: str
    """The title of the algorithm."""
    created_at: str
    decided_at: str
    """When that was decided."""
    decided_code: str | None
    """The code of the ready reason, if one was named."""
    decided_reason: str | None
    """What the moderator said."""
    decision: AppealedDecision
    developer_id: str
    """The user who appealed."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    id: str
    resolution: str | None
    """What the other moderator said, or why it is settled; `null` while it is open."""
    resolved_at: str | None
    """When it was decided, or settled."""
    state: AppealState
    text: str
    """What the developer says against it."""
    version_id: str | None
    """The version that was rejected or recalled; `null` for a suspension."""
    version_number: int | None
    """The number of that version."""


class AppealCreate(TypedDict):
    """What a developer says against a decision."""

    text: str
    """Why the decision is wrong. Moderators read it, and nobody else."""


class AppealPage(TypedDict):
    items: list[Appeal]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class AppealResolution(TypedDict):
    """Why a moderator upholds or overturns a decision."""

    reason: str
    """Shown to the developer; where a version is approved by it, to everybody."""


class ApprovedVersion(TypedDict):
    """A version that jobs can run."""

    id: str
    number: int
    """Versions of an algorithm are numbered from 1 on."""


class Assignment(TypedDict):
    """The work of a device for a job, as the device's owner sees it."""

    created_at: str
    earned: str
    """What the owner earned with it, in tokens."""
    id: str
    job_id: str
    """The job that the work is for."""
    job_title: str
    """The title of the job."""
    labels: list[str]
    """The labels that the job counts by."""
    paid: bool
    """Whether its result was counted and paid."""
    result: dict[str, Any] | None
    """Exactly what left the device, in the form of `ResultCreate`; `null` where nothing did."""
    state: AssignmentState
    tries: int
    """How often the device got this assignment."""


class AssignmentClaim(TypedDict):
    """How much work a device asks for."""

    max: NotRequired[int]
    """How many assignments to hold at most, with those that the device has already."""


class AssignmentPage(TypedDict):
    items: list[Assignment]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Attachment(TypedDict):
    """A file of a bounty that everybody who sees the bounty may read."""

    bounty_id: str
    """The bounty that the file belongs to."""
    created_at: str
    id: str
    kind: AttachmentKind
    """What the file is for."""
    media_type: str
    """The `Content-Type` that it is sent with."""
    name: str
    """The name of the file."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    size: int
    """Size of the file, in bytes."""
    url: str
    """Where to download it: a path of this API."""


class AttachmentList(TypedDict):
    """All files of a bounty."""

    items: list[Attachment]
    """Oldest first: 50 at most."""


class Balance(TypedDict):
    """What a user has, in tokens."""

    available: str
    """Tokens that can be spent now."""
    pending: str
    """Tokens of deposits that are in a block which is not final yet."""
    reserved: str
    """Tokens that running jobs, bounties and withdrawals hold."""
    total: str
    """The sum of the other three."""


class Books(TypedDict):
    """How many tokens rest in each kind of account of the ledger."""

    chain: str
    """The account of the outside world: minus the tokens that are in the system. It is negative
    or zero.
    """
    escrows: str
    """Tokens that running jobs and bounties hold."""
    payouts: str
    """Tokens that withdrawals hold until they are paid."""
    revenue: str
    """Tokens that the platform earned as fees."""
    sum: str
    """The sum of all accounts. It is zero; any other value is a fault in the ledger."""
    unclaimed: str
    """Tokens of deposits that name no user."""
    wallets: str
    """Tokens in the balances of all users."""


class Bounty(TypedDict):
    """A contest with prizes, and how far it is."""

    closes_at: str
    """When submissions end."""
    counts: BountyCounts
    cover_url: str | None
    """Its large image: a path of this API."""
    created_at: str
    data: str
    """What the data is. Markdown."""
    description: str
    """What is asked for, and why. Markdown."""
    dispute_seconds: int
    """How many seconds the order of the winners can be disputed before it is paid."""
    disputes_until: str | None
    """When the time for disputes ends, once winners are found."""
    end_reason: str | None
    """Why it was cancelled."""
    ended_at: str | None
    """When it was finished or cancelled."""
    enrollment_fee: str
    """What an entrant pays to enroll, in tokens."""
    enrolls_at: str
    """When enrollment opens."""
    escrow: BountyEscrow
    evaluation: str
    """How submissions are judged. Markdown."""
    funded_at: str | None
    """When its prizes were put into escrow; `null`: not yet."""
    id: str
    judged_by: str
    """By when winners must be found. If none are by then, it is put off once, by a day for a
    metric and by 7 days where it is judged by hand; after that the bounty is cancelled.
    """
    judging: Judging
    """How winners are found."""
    limits: SubmissionLimits
    metric: str | None
    """The metric, with its version; `null` where it is judged by hand."""
    name: str
    """What it is called, in one line."""
    next: list[UpcomingAction]
    """What comes next. Empty where nothing does."""
    organisation: str
    """Who offers the prizes, in one line."""
    owner_id: str
    """The user who offers the prizes."""
    owner_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    paused_at: str | None
    """Since when it is paused; `null`: it is not."""
    prize_pool: str
    """The sum of the prizes, in tokens."""
    prizes: list[Prize]
    """By place, the first one first."""
    rules: str
    """What each entrant must accept. Markdown."""
    rules_sha256: str
    """SHA-256 of `rules` in UTF-8, to send when you enroll."""
    state: BountyState
    submits_at: str
    """When submissions begin, and enrollment ends."""
    subtitle: str
    """What is to be done, in one line."""
    tags: list[str]
    """Words to find it by."""
    team_size_max: int
    """How many people one entrant may be, with the captain."""
    test_set: TestSetSummary | None
    """`null` where it is judged by hand, where none passed its check, and for others than its
    owner and moderators until enrollment opens.
    """
    thumbnail_url: str | None
    """Its small image: a path of this API."""
    ties: Ties
    """What becomes of the prizes of tied places."""


class BountyCancellation(TypedDict):
    """Why a bounty is cancelled."""

    reason: str
    """Shown to everybody."""


class BountyChange(TypedDict):
    """One update of a bounty."""

    at: str
    """When it was made."""
    changes: dict[str, Any]
    """By the name of the field, its value `before` and `after`."""
    reason: str | None
    """Why, in the owner's words."""


class BountyChangeList(TypedDict):
    """All updates of a bounty since it was funded."""

    items: list[BountyChange]
    """Oldest first: 100 at most."""


class BountyCounts(TypedDict):
    """How many took part so far."""

    entrants: int
    """Without those who withdrew."""
    submissions: int
    """Those that were scored; where it is judged by hand, those that were sent."""


class BountyCreate(TypedDict):
    closes_at: str
    """When submissions end."""
    data: NotRequired[str]
    """What the data is. Markdown."""
    description: str
    """What is asked for, and why. Markdown."""
    dispute_seconds: NotRequired[int]
    """How many seconds the order of the winners can be disputed before it is paid."""
    enrollment_fee: NotRequired[str]
    """What an entrant pays to enroll, in tokens: at most 1000000."""
    enrolls_at: str
    """When enrollment opens."""
    evaluation: NotRequired[str]
    """How submissions are judged. Markdown."""
    judged_by: NotRequired[str | None]
    """By when winners must be found. If none are by then, it is put off once, by a day for a
    metric and by 7 days where it is judged by hand; after that the bounty is cancelled.
    Without it: 2 days after `closes_at` for a metric, 14 days where it is judged by hand.
    """
    judging: Judging
    """How winners are found."""
    limits: NotRequired[SubmissionLimitsUpdate]
    """How many submissions of one entrant are scored."""
    metric: NotRequired[MetricName | None]
    """The metric, with its version, where `judging` is `metric`; otherwise left out."""
    name: str
    """What it is called, in one line."""
    organisation: str
    """Who offers the prizes, in one line."""
    prize_total: NotRequired[str | None]
    """A check: if it is sent, the prizes must sum to it. In tokens."""
    prizes: list[PrizeCreate]
    """For each place from 1 on, in any order."""
    rules: str
    """What each entrant must accept. Markdown."""
    submits_at: str
    """When submissions begin, and enrollment ends."""
    subtitle: NotRequired[str]
    """What is to be done, in one line."""
    tags: NotRequired[list[str]]
    """Words to find it by."""
    team_size_max: NotRequired[int]
    """How many people one entrant may be, with the captain."""
    ties: NotRequired[Ties]
    """What becomes of the prizes of tied places."""


class BountyEscrow(TypedDict):
    """What is held in escrow at this moment."""

    fees: str
    """Of the enrollment fees, in tokens."""
    prizes: str
    """Of the prizes, in tokens."""


class BountyPause(TypedDict):
    """Why a bounty is paused."""

    reason: str
    """Shown to everybody."""


class BountyReward(TypedDict):
    """Who won a bounty that is judged by hand, and why."""

    reason: str
    """Shown to everybody."""
    winners: list[str]
    """The winning entrants, the first place first. Empty: nobody won."""


class BountySummary(TypedDict):
    """A contest with prizes, and how far it is, as lists show it: without its long texts."""

    closes_at: str
    """When submissions end."""
    counts: BountyCounts
    cover_url: str | None
    """Its large image: a path of this API."""
    created_at: str
    dispute_seconds: int
    """How many seconds the order of the winners can be disputed before it is paid."""
    disputes_until: str | None
    """When the time for disputes ends, once winners are found."""
    end_reason: str | None
    """Why it was cancelled."""
    ended_at: str | None
    """When it was finished or cancelled."""
    enrollment_fee: str
    """What an entrant pays to enroll, in tokens."""
    enrolls_at: str
    """When enrollment opens."""
    escrow: BountyEscrow
    funded_at: str | None
    """When its prizes were put into escrow; `null`: not yet."""
    id: str
    judged_by: str
    """By when winners must be found. If none are by then, it is put off once, by a day for a
    metric and by 7 days where it is judged by hand; after that the bounty is cancelled.
    """
    judging: Judging
    """How winners are found."""
    limits: SubmissionLimits
    metric: str | None
    """The metric, with its version; `null` where it is judged by hand."""
    name: str
    """What it is called, in one line."""
    next: list[UpcomingAction]
    """What comes next. Empty where nothing does."""
    organisation: str
    """Who offers the prizes, in one line."""
    owner_id: str
    """The user who offers the prizes."""
    owner_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    paused_at: str | None
    """Since when it is paused; `null`: it is not."""
    prize_pool: str
    """The sum of the prizes, in tokens."""
    prizes: list[Prize]
    """By place, the first one first."""
    state: BountyState
    submits_at: str
    """When submissions begin, and enrollment ends."""
    subtitle: str
    """What is to be done, in one line."""
    tags: list[str]
    """Words to find it by."""
    team_size_max: int
    """How many people one entrant may be, with the captain."""
    thumbnail_url: str | None
    """Its small image: a path of this API."""
    ties: Ties
    """What becomes of the prizes of tied places."""


class BountySummaryPage(TypedDict):
    items: list[BountySummary]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class BountyUpdate(TypedDict):
    """What is to change: a field that is not sent stays as it is."""

    closes_at: NotRequired[str | None]
    """When submissions end."""
    data: NotRequired[str | None]
    """What the data is. Markdown."""
    description: NotRequired[str | None]
    """What is asked for, and why. Markdown."""
    dispute_seconds: NotRequired[int | None]
    """How many seconds the order of the winners can be disputed before it is paid."""
    enrollment_fee: NotRequired[str | None]
    """What an entrant pays to enroll, in tokens: at most 1000000."""
    enrolls_at: NotRequired[str | None]
    """When enrollment opens."""
    evaluation: NotRequired[str | None]
    """How submissions are judged. Markdown."""
    judged_by: NotRequired[str | None]
    """By when winners must be found. If none are by then, it is put off once, by a day for a
    metric and by 7 days where it is judged by hand; after that the bounty is cancelled.
    """
    judging: NotRequired[Judging | None]
    """How winners are found."""
    limits: NotRequired[SubmissionLimitsUpdate | None]
    """Those of the limits that are to change."""
    metric: NotRequired[MetricName | None]
    """The metric, with its version; `null` where it is judged by hand."""
    name: NotRequired[str | None]
    """What it is called, in one line."""
    organisation: NotRequired[str | None]
    """Who offers the prizes, in one line."""
    prize_total: NotRequired[str | None]
    """A check: if it is sent, the prizes must sum to it. In tokens."""
    prizes: NotRequired[list[PrizeCreate] | None]
    """All prizes anew: one for each place from 1 on, in any order."""
    reason: NotRequired[str | None]
    """Why, shown to everybody. Needed once enrollment is open."""
    rules: NotRequired[str | None]
    """What each entrant must accept. Markdown."""
    submits_at: NotRequired[str | None]
    """When submissions begin, and enrollment ends."""
    subtitle: NotRequired[str | None]
    """What is to be done, in one line."""
    tags: NotRequired[list[str] | None]
    """Words to find it by."""
    team_size_max: NotRequired[int | None]
    """How many people one entrant may be, with the captain."""
    ties: NotRequired[Ties | None]
    """What becomes of the prizes of tied places."""


class BrowserSession(TypedDict):
    """What a page needs of its session. The refresh token is in the cookie alone."""

    access_token: str
    """For the header `Authorization: Bearer …`."""
    expires_in: int
    """Seconds until the access token expires."""
    token_type: NotRequired[Literal["Bearer"]]
    """How to send the access token."""
    user_id: str
    """Who has signed in."""


class BrowserSessionCreate(TypedDict):
    """The session of who has just signed in, by its refresh token."""

    refresh_token: str
    """The newest refresh token of the session."""


class Chain(TypedDict):
    """The vault, its token, and how far the chain was read."""

    chain_id: int
    """The number of the chain (EIP-155)."""
    comparison: VaultComparison
    """The last comparison of the vault with the ledger."""
    faults: ChainFaults | None
    """What is wrong. Only admins see it; `null` for everybody else."""
    final_block: int
    """The newest block of the chain that is final."""
    halted_at: str | None
    """Since when no deposits are credited, because a final block changed; `null` if they are
    credited.
    """
    head_block: int
    """The newest block of the chain."""
    indexed_block: int
    """The block up to which all is read, and all deposits are credited."""
    lag_blocks: int
    """How many final blocks are not read yet."""
    payouts_paused_reason: str | None
    """Why no withdrawals are paid just now; `null` if they are."""
    read_at: str | None
    """When the chain was last read without a fault; `null` if it never was."""
    readable: bool
    """Whether the chain could be read the last time."""
    token: ChainToken
    """The token that the vault holds."""
    vault: str
    """The address of the vault."""


class ChainFaults(TypedDict):
    """What is wrong, in an operator's words."""

    difference: str | None
    """How the vault and the ledger differ; `null` if they agree."""
    paying: str | None
    """Why nothing is paid out; `null` if nothing is wrong."""
    reading: str | None
    """Why the chain could not be read the last time; `null` if it could."""


class ChainToken(TypedDict):
    """The token's contract on the chain (ERC-20)."""

    address: str
    """The address of the contract."""
    decimals: int
    """How many decimals a whole token has in the contract's units."""
    name: str
    """The name that the contract gives."""
    symbol: str
    """The symbol that the contract gives."""


class ClaimedAssignments(TypedDict):
    """The work that a device has."""

    items: list[Lease]
    """Those that the device held already, then new ones. Empty: there is no work."""
    reason: str | None
    """Why there is no work, where the device's owner can change that."""
    retry_after_seconds: int
    """When to ask again, where there is no work."""


class Contribution(TypedDict):
    """What a member put in, or an owner took out."""

    amount: str
    """How many tokens."""
    at: str
    """When."""
    organisation_id: str
    """Whose balance it came into, or left."""
    reference: str
    """By which the lists of transfers of both name it."""


class Credit(TypedDict):
    """Tokens that an admin credited to a user, or asked to credit."""

    amount: str
    """How many tokens."""
    asked_at: str
    """When it was asked for."""
    asked_by: str | None
    """The admin who asked for it; `null` if it was done at the command line."""
    decided_by: str | None
    """The admin who approved or refused it; `null` while nobody has, or if no second admin was
    needed.
    """
    id: str
    reason: str
    """Where the tokens come from."""
    reversed: str
    """How many of its tokens were taken back."""
    state: CreditState
    """Where the credit stands."""
    user_id: str
    """The user who is credited."""


class CreditCreate(TypedDict):
    amount: str
    """How many tokens to credit."""
    reason: str
    """Where the tokens come from. It is kept in the audit log."""
    user_id: str
    """The user to credit."""


class CreditRefusal(TypedDict):
    reason: str
    """Why the credit is refused. It is kept in the audit log."""


class CreditReversal(TypedDict):
    amount: NotRequired[str | None]
    """How many tokens to take back. Default: all that were not taken back yet."""
    reason: str
    """Why the credit is taken back. It is kept in the audit log."""


class CreditToApprove(TypedDict):
    """A credit that waits for a second admin, with whose it is and who asked for it."""

    amount: str
    """How many tokens."""
    asked_at: str
    """When it was asked for."""
    asked_by: str | None
    """The admin who asked for it; `null` if it was done at the command line."""
    asked_by_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    decided_by: str | None
    """The admin who approved or refused it; `null` while nobody has, or if no second admin was
    needed.
    """
    id: str
    reason: str
    """Where the tokens come from."""
    reversed: str
    """How many of its tokens were taken back."""
    state: CreditState
    """Where the credit stands."""
    user_id: str
    """The user who is credited."""
    user_name: str | None
    """The name in that user's public profile; `null` where it tells none."""


class CreditToApprovePage(TypedDict):
    items: list[CreditToApprove]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class CurrentAgreement(TypedDict):
    """What developers agree to now, and what else is asked of them."""

    accepted_at: str | None
    """When you accepted this text; `null`: you have not, or have not signed in."""
    is_required: bool
    """Whether it must be accepted before a version of a model is uploaded."""
    needs_github: bool
    """Whether a GitHub account must be linked, too."""
    sha256: str
    """SHA-256 of the text in UTF-8, in hexadecimal digits."""
    text: str
    """Markdown."""
    title: str
    version: str
    """What this version is called."""


class DailyQuota(TypedDict):
    """What is left of the limit of a day."""

    limit: int
    """How many submissions there may be."""
    remaining: int
    """How many more there may be."""
    resets_at: str
    """When the next day begins, in UTC."""


class DataExport(TypedDict):
    """A file with all that is kept of you."""

    created_at: str
    expires_at: str
    """When it is deleted, a week after it was asked for."""
    id: str
    ready_at: str | None
    """Since when it can be downloaded."""
    size: int | None
    """Of its file, in bytes; `null` until it is ready."""
    state: DataExportState


class DataExportPage(TypedDict):
    items: list[DataExport]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class DayStatistics(TypedDict):
    """The same of one day."""

    day: str
    """The day, in UTC."""
    devices: int
    """How many devices' results were shown to customers."""
    earned: str
    """What the developer was paid for them, in tokens."""
    rating: float | None
    """The mean of those ratings' stars; `null` where there is none."""
    rating_count: int
    """How many ratings were first given then that are shown now."""


class DebitLimit(TypedDict):
    """The most that jobs and bounties may take from your balance in any 30 days."""

    changed_at: str | None
    """When it was set. `null`: never."""
    left: str | None
    """What they may take now. `null`: there is no limit."""
    limit: str | None
    """In tokens. `null`: there is no limit."""
    taken: str
    """What they took in the last 30 days, whatever of it came back."""


class DebitLimitSet(TypedDict):
    limit: str | None
    """In tokens. `null`: no limit."""
    proof: NotRequired[
        PasswordProof
        | WalletProof
        | OpenidProof
        | PasskeyProof
        | TotpProof
        | RecoveryCodeProof
        | None
    ]
    """What proves that the account is yours: needed to raise the limit."""


class Decision(TypedDict):
    """What somebody decided about a bounty's winners."""

    action: str
    """What was decided: `rewarded`, `reordered`, `disqualified` or `reinstated`."""
    created_at: str
    id: str
    reason: str
    """Why, in the words of whoever decided it."""
    winners: list[str]
    """The entrants that it is about; where winners were named or reordered, the first place
    first.
    """


class DecisionPage(TypedDict):
    items: list[Decision]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Demo(TypedDict):
    """What a version made of a sample."""

    counted_as: str | None
    """The label under which a device would count it; `null`: it would be uncertain."""
    input: str | None
    """What the model saw: a PNG of the pixels that it was given, as a `data:` URL. `null` where
    its input spec makes the same number of every pixel.
    """
    labels: list[DemoLabel]
    """The most probable labels, the best first."""
    prepare_milliseconds: float
    """How long it took to read the sample."""
    run_milliseconds: float
    """How long it took to load and run the model."""
    version_id: str
    """The version that was run."""
    version_number: int
    """Versions of an algorithm are numbered from 1 on."""


class DemoLabel(TypedDict):
    """A label, and how sure the model is of it."""

    confidence: float
    """The probability that the model gives it, from 0 to 1."""
    label: str
    """One of the algorithm's labels."""


class DemoTensor(TypedDict):
    """One item, as the version's input spec says."""

    tensor: list[float] | list[list[float]] | list[list[list[float]]]
    """Numbers, in lists within lists: the item's shape, without the axis of the batch."""


class DeniedAddress(TypedDict):
    """An address on the chain that nothing is paid to."""

    address: str
    """The address, with the capitals of its checksum (EIP-55)."""
    denied_at: str
    """When it was denied."""
    denied_by: str | None
    """The admin who denied it."""
    reason: str
    """Why nothing may be paid there."""


class DeniedAddressPage(TypedDict):
    items: list[DeniedAddress]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Deposit(TypedDict):
    """Tokens that were paid into the vault on the chain, for a user."""

    amount: str
    """How many tokens were paid in."""
    block_number: int
    """The block that holds the transaction."""
    chain_id: int
    """The number of the chain (EIP-155)."""
    confirmations: int | None
    """How many blocks there are from that block on, itself included; `null` if the deposit is
    `orphaned`.
    """
    final_at: str | None
    """When its block was final, so that it was credited; `null` before that."""
    id: str
    seen_at: str
    """When it was first read from the chain."""
    sender: str
    """The address that paid."""
    state: DepositState
    """Where the deposit stands."""
    tx_hash: str
    """The transaction that paid."""
    vault: str
    """The address of the vault."""


class DepositAssignment(TypedDict):
    reason: str
    """How you know whose deposit it is. It is kept in the audit log."""
    user_id: str
    """The user to credit."""


class DepositInstructions(TypedDict):
    """All that a wallet needs to pay tokens in for you."""

    amount: str
    """How many tokens to pay in."""
    approve: UnsignedTransaction
    """The first transaction: lets the vault take the tokens from the wallet."""
    approve_link: str
    """The transaction `approve` as a link (EIP-681)."""
    chain_id: int
    """The number of the chain (EIP-155)."""
    deposit: UnsignedTransaction
    """The second transaction: has the vault take the tokens for you."""
    deposit_link: str
    """The transaction `deposit` as a link (EIP-681)."""
    deposit_with_permit: UnsignedTransaction | None
    """The only transaction that is needed if a signed `permit` was sent; else `null`."""
    permit: dict[str, Any] | None
    """Typed data (EIP-712) to sign with `eth_signTypedData_v4`, in place of the transaction
    `approve`. `null` if no `wallet` was sent, or the token supports no permits.
    """
    token: ChainToken
    """The token to pay with."""
    units: str
    """The same amount in the smallest units of the token's contract."""
    user_id: str
    """Your id as the deposit carries it: 16 bytes, in hexadecimal digits after `0x`."""
    vault: str
    """The address of the vault."""


class DepositInstructionsCreate(TypedDict):
    amount: str
    """How many tokens to pay in."""
    permit: NotRequired[SignedPermit | None]
    """The signed permit. Send it to get `deposit_with_permit`."""
    wallet: NotRequired[str | None]
    """The address that will pay. Send it to get a `permit` to sign, in place of an approval."""


class DepositPage(TypedDict):
    items: list[Deposit]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class DeveloperAgreement(TypedDict):
    """What developers agree to."""

    sha256: str
    """SHA-256 of the text in UTF-8, in hexadecimal digits."""
    text: str
    """Markdown."""
    title: str
    version: str
    """What this version is called."""


class Device(TypedDict):
    country: str | None
    """The country that the device is in: two letters (ISO 3166-1 alpha-2)."""
    created_at: str
    id: str
    kinds: list[DataKind]
    """The kinds of data that are on the device."""
    last_seen_at: str | None
    """When the device last sent a request, to the minute; `null` if it never did."""
    memory_mib: int | None
    """The memory in MiB that the device gives to one model; `null` if it is not known. No model
    that needs more is offered to it.
    """
    name: str
    """What the owner calls the device."""
    owner_id: str
    """The user whom the device belongs to."""
    permitted_kinds: list[DataKind] | None
    """The kinds of data that models may process on this device, of those that its owner permits
    on all devices; `null`: all of those.
    """
    platform: Platform
    """The operating system of the device."""
    revoked_at: str | None
    """When its owner revoked it; `null` if that was not done."""
    speed: int | None
    """How fast the device is: million multiplications and additions of `float32` numbers in a
    second, on one core; `null` if it is not known. No model that needs more is offered to it.
    """


class DeviceCount(TypedDict):
    """How many could run a version, so that nobody learns of single ones."""

    least_memory_mib: int | None
    """The memory in MiB that a device needs; `null`: not known."""
    least_speed: int | None
    """The `speed` that a device needs; `null`: not known."""
    owners: int | None
    """At least so many owners have a device that could run it, seen in the last 30 days: 5, 10,
    50, 100, 500 or 1000; `null`: fewer than are told of.
    """


class DeviceCreate(TypedDict):
    code: str
    """The pairing code. Case, dashes and spaces do not matter."""
    country: NotRequired[str | None]
    """The country that the device is in: two letters (ISO 3166-1 alpha-2)."""
    kinds: list[DataKind]
    """The kinds of data that are on the device."""
    memory_mib: NotRequired[int | None]
    """The memory in MiB that the device gives to one model; `null` if it is not known. No model
    that needs more is offered to it.
    """
    name: str
    """What the owner calls the device."""
    platform: Platform
    """The operating system of the device."""
    public_key: str
    """A raw Ed25519 public key of 32 bytes, in base64url."""
    speed: NotRequired[int | None]
    """How fast the device is: million multiplications and additions of `float32` numbers in a
    second, on one core; `null` if it is not known. No model that needs more is offered to it.
    """


class DeviceEarnings(TypedDict):
    """What the owner of a device earned with it."""

    device_id: str
    """The device."""
    earned: str
    """What its owner earned with them, in tokens."""
    results_paid: int
    """How many of its results were paid."""


class DeviceLimits(TypedDict):
    """What a user refuses on all their devices."""

    allows_exact: bool
    """Whether your devices may work for answers without noise, where the operator allows that.
    Such an answer tells sums of a few owners as they are, and you alone are not hidden by
    chance.
    """
    max_epsilon: float | None
    """Your devices get no work of a job that may learn more of you than this, the epsilon of
    differential privacy; `null`: of any that your privacy budget covers.
    """
    refused_countries: list[str]
    """Your devices get no work of jobs that ask for one of these countries."""
    refused_developers: list[str]
    """Your devices get no models of these users."""
    refused_jobs: list[str]
    """Your devices get no work of these jobs."""
    refused_labels: list[str]
    """Your devices get no models that look for one of these labels."""


class DeviceLimitsUpdate(TypedDict):
    """What you refuse on all your devices, in place of what you refused before."""

    allows_exact: NotRequired[bool]
    """Whether your devices may work for answers without noise, where the operator allows that.
    Such an answer tells sums of a few owners as they are, and you alone are not hidden by
    chance.
    """
    max_epsilon: NotRequired[float | None]
    """Your devices get no work of a job that may learn more of you than this, the epsilon of
    differential privacy; `null`: of any that your privacy budget covers.
    """
    refused_countries: NotRequired[list[str]]
    """Your devices get no work of jobs that ask for one of these countries."""
    refused_developers: list[str]
    """Your devices get no models of these users."""
    refused_jobs: list[str]
    """Your devices get no work of these jobs."""
    refused_labels: list[str]
    """Your devices get no models that look for one of these labels."""


class DeviceNonce(TypedDict):
    expires_in_seconds: NotRequired[int]
    """Seconds until the nonce expires."""
    nonce: str
    """The text to sign, as the claim `nonce`. It works once."""


class DevicePage(TypedDict):
    items: list[Device]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class DeviceSelfUpdate(TypedDict):
    """Fields that are not sent stay as they are; `null` empties a field."""

    country: NotRequired[str | None]
    """The country that the device is in: two letters (ISO 3166-1 alpha-2)."""
    kinds: NotRequired[list[DataKind]]
    """The kinds of data that are on the device."""
    memory_mib: NotRequired[int | None]
    """The memory in MiB that the device gives to one model; `null` if it is not known. No model
    that needs more is offered to it.
    """
    platform: NotRequired[Platform]
    """The operating system of the device."""
    speed: NotRequired[int | None]
    """How fast the device is: million multiplications and additions of `float32` numbers in a
    second, on one core; `null` if it is not known. No model that needs more is offered to it.
    """


class DeviceToken(TypedDict):
    access_token: str
    """For the header `Authorization: Bearer …`."""
    expires_in: int
    """Seconds until the token expires."""
    token_type: NotRequired[Literal["Bearer"]]
    """How to send the access token."""


class DeviceTokenCreate(TypedDict):
    assertion: str
    """A JWS in compact form (`alg`: `Ed25519` or `EdDSA`), signed with the registered key, with
    the claims `iss` and `sub` (the device's id), `aud` (`devices`) and `nonce`. Claims with
    times are ignored.
    """
    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    """How the device proves itself (RFC 7523)."""


class DeviceUpdate(TypedDict):
    """Fields that are not sent stay as they are."""

    name: NotRequired[str]
    """What the owner calls the device."""
    permitted_kinds: NotRequired[list[DataKind] | None]
    """The kinds of data that models may process on this device, of those that you permit on all
    your devices; `null`: all of those.
    """


class DirectUpload(TypedDict):
    """Where the whole file may be put by one request, past this API."""

    expires_at: str
    """When that request must have begun."""
    url: str
    """Send the file with `PUT`, its `Content-Length`, and no token, in one request. Whoever has
    the URL can do that.
    """


class Dispute(TypedDict):
    """What an entrant says against a result."""

    created_at: str
    enrollment_id: str
    """The entrant who disputes the result."""
    id: str
    name: str
    """The name of the entrant."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    text: str
    """What is wrong, in the entrant's words."""


class DisputeCreate(TypedDict):
    """What is wrong with a result."""

    text: str
    """Shown to everybody."""


class DisputePage(TypedDict):
    items: list[Dispute]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class EmailChangeCreate(TypedDict):
    email: str
    """Where to mail the link."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class EmailConfirmationCreate(TypedDict):
    token: str
    """What follows `token=` in the mailed link."""


class Enrollment(TypedDict):
    """An entrant of a bounty, as everybody sees it."""

    bounty_id: str
    """The bounty that it has entered."""
    created_at: str
    id: str
    name: str
    """What the leaderboard calls it."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    state: EnrollmentState
    state_reason: str | None
    """Why it was disqualified, if it was."""
    team_size: int
    """How many people belong to it."""


class EnrollmentCreate(TypedDict):
    """Who enters a bounty."""

    accept_rules: bool
    """Must be `true`: you have read the bounty's rules, and accept them."""
    name: NotRequired[str | None]
    """What the leaderboard calls you. Without it: `Entrant` and your number."""
    rules_sha256: NotRequired[str | None]
    """The bounty's `rules_sha256`, as you read them: if the rules have changed since, you are
    refused (`409`).
    """
    team: NotRequired[list[InvitationCreate]]
    """The other members of your team. They are invited, and belong to it once they accept."""


class EnrollmentDetails(TypedDict):
    """An entrant of a bounty, as those see it who belong to it."""

    bounty_id: str
    """The bounty that it has entered."""
    captain_id: str
    """The user who enrolled it."""
    created_at: str
    fee: str
    """What its captain paid to enroll, in tokens."""
    fee_returned_at: str | None
    """When the fee was paid back; `null`: it was not."""
    id: str
    members: list[TeamMember]
    """Who belongs to it or is invited to, without those who left."""
    name: str
    """What the leaderboard calls it."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    place: int | None
    """Its place in the final ranking; `null` where it has none."""
    prize: str | None
    """Its prize in tokens, paid once the bounty is finished; `null` where it has no place."""
    rules_sha256: str
    """SHA-256 of the rules that its captain accepted, in hexadecimal digits."""
    state: EnrollmentState
    state_reason: str | None
    """Why it was disqualified, if it was."""
    team_size: int
    """How many people belong to it."""


class EnrollmentDisqualification(TypedDict):
    """Why an entrant is disqualified."""

    reason: str
    """Shown to everybody."""


class EnrollmentPage(TypedDict):
    items: list[Enrollment]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class EnrollmentReinstatement(TypedDict):
    """Why a disqualified entrant is reinstated."""

    reason: str
    """Shown to everybody."""


class EntryEvidence(TypedDict):
    """How an entrant was ranked, and by which predictions."""

    chance_of_first: float
    """In how many of the `draws` it came first, as a share from 0 to 1."""
    commitment: NotRequired[str | None]
    """SHA-256 of the `salt`'s 32 bytes followed by the predictions, in hexadecimal digits:
    published when the submission was scored.
    """
    enrollment_id: str
    """The entrant."""
    name: str
    """The name of the entrant."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    place: int
    """The place in the ranking; 1 is the first."""
    predictions: PredictionsFile
    prize: str
    """The prize by this ranking, in tokens."""
    salt: NotRequired[str | None]
    """32 bytes in hexadecimal digits."""
    score: float
    """The private score."""
    submission_id: str
    """The submission that was ranked."""
    tied_from: int
    """The first of the places that are tied with this one."""
    tied_to: int
    """The last of the places that are tied with this one."""


class Event(TypedDict):
    """Something that happened."""

    at: str
    """When."""
    by_id: NotRequired[str | None]
    """Who did it in person, where it was done for the organisation that asks. Only in its list
    of events.
    """
    data: dict[str, Any]
    """Ids and amounts: of each type its own, as the list of webhooks shows."""
    from_state: str | None
    """The state before; `null` if none was left."""
    id: str
    """Its place in the log, to go on from (`after`), and to know it again by."""
    reason: str | None
    """Why, in the words of whoever did it."""
    subject: EventSubject
    """To what."""
    to_state: str | None
    """The state after; `null` if none was entered."""
    type: str
    """What happened."""


class EventPage(TypedDict):
    """The next events after a position."""

    has_more: bool
    """Whether there may be more events already."""
    items: list[Event]
    """At most `limit` events, oldest first. There may be fewer, or none, where few of many fit
    what you asked for: go on while `has_more`.
    """
    position: str
    """For `after`, to go on from here, now or later."""


class EventSubject(TypedDict):
    """What an event is about."""

    id: str
    """Its id, by which the API knows it."""
    kind: str
    """What kind of thing it is."""


class Evidence(TypedDict):
    """All that is needed to compute a bounty's ranking again."""

    bounty_id: str
    """The bounty."""
    commitment: str
    """SHA-256 of the `salt`'s 32 bytes followed by the test set, in hexadecimal digits:
    published when enrollment opened.
    """
    created_at: str
    """When the ranking was made."""
    draws: int
    """How often rows of the private part were drawn at random, to tell which places are tied."""
    entries: list[EntryEvidence]
    """By place, the first one first."""
    metric: str
    """The metric, with its version."""
    prizes: list[str]
    """The prizes in tokens, the first place first."""
    salt: str
    """The salt of the test set: 32 bytes in hexadecimal digits."""
    test_set: TestSetEvidence
    ties: Ties
    """What becomes of the prizes of tied places."""


class ExpectedPrecision(TypedDict):
    """How precise the shares of labels should be when all devices have answered: how far, as a
    part of 1, a share may be off to each side, 95 times of 100. As for the noise alone: that
    those who take part are some of many is not in it.
    """

    as_ordered: float
    """For the job as it is ordered."""
    items_of_an_owner: int
    """How many items each owner is taken to add: half of `max_items`. With half as many it is
    twice as wide.
    """
    with_twice_the_devices: float
    """For twice the `max_devices`."""
    with_twice_the_epsilon: float | None
    """For twice the `epsilon`; `null` where no job may have so much."""


class Facet(TypedDict):
    """A value, and how many have it."""

    count: int
    """Of those that were counted."""
    value: str
    """As the list takes it to be narrowed by."""


class Factors(TypedDict):
    """What signs you in besides your password."""

    recovery_codes_left: int
    """How many recovery codes were not used."""
    totp_since: str | None
    """Since when you have an authenticator app, whose code is asked for when you sign in; `null`
    where you have none.
    """


class FileLink(TypedDict):
    """A link to a version's model, good for whoever has it."""

    expires_at: str
    """When the download must have begun."""
    url: str
    """The path to download from, with its signature. No token needed."""


class FileRefusal(TypedDict):
    """One reason why the check of a file refused it."""

    code: str
    """Stable."""
    detail: str
    """What is wrong, where in your file, and what to mend."""


class GraphAnswer(TypedDict):
    """What came of a query. Its `errors` say why a field is `null`."""

    data: NotRequired[dict[str, Any] | None]
    """What was asked for, in its own form."""
    errors: NotRequired[list[GraphError] | None]
    """What went wrong, if anything."""
    extensions: NotRequired[dict[str, Any] | None]
    """`cost`: how many `points` the query cost, how many are `left` in this minute, and in how
    many seconds all are there again (`resetsInSeconds`).
    """


class GraphError(TypedDict):
    """Why a field is `null`, or why nothing was run."""

    extensions: dict[str, Any]
    """What REST's problem document would say: `code`, `status`, `type`, what to do about it as
    `remedy`, and what else comes with the code.
    """
    locations: NotRequired[list[dict[str, int]] | None]
    """Where in the query, by `line` and `column`."""
    message: str
    """What is wrong."""
    path: NotRequired[list[str | int] | None]
    """Which field of the answer."""


class GraphExtensions(TypedDict):
    """What a client adds to a query."""

    persistedQuery: NotRequired[PersistedQuery | None]
    """The query by its hash. Once it was sent with the query, that is kept for a while, and the
    hash is enough.
    """


class GraphQuestion(TypedDict):
    """A query or a mutation, in GraphQL."""

    extensions: NotRequired[GraphExtensions | None]
    """What a client adds."""
    operationName: NotRequired[str | None]
    """Which of its operations to run, where it has several."""
    query: NotRequired[str | None]
    """The document; without it, `extensions` name one that is kept."""
    variables: NotRequired[dict[str, Any] | None]
    """The values of its variables, by their names."""


class Health(TypedDict):
    alive: NotRequired[Literal[True]]
    """This process answers."""
    release: NotRequired[str]
    """The release that it runs."""


class Identity(TypedDict):
    """A way to sign in to your account."""

    address: str | None
    """The address of a wallet; `null` for all else."""
    created_at: str
    """Since when."""
    id: str
    issuer: str | None
    """Who knows you there, listed or not; `null` for all but logins at a provider."""
    kind: IdentityKind
    """By what you sign in."""
    provider: str | None
    """The id of the provider, as `GET /v1/sessions/openid` lists it; `null` for all but logins
    at a provider, and for one that is not listed any more.
    """


class IdentityPage(TypedDict):
    items: list[Identity]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class IdentityRevoke(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class InputSpec(TypedDict):
    """How an item on a device becomes the tensor that the model takes."""

    color: InputColor
    decode: NotRequired[InputDecode]
    height: int
    """Pixels."""
    kind: AlgorithmKind
    layout: InputLayout
    mean: float | list[float]
    """A number, or one for each channel."""
    output: InputSpecOutput
    """Which of the model's outputs is used, and how."""
    resize: InputResize
    scale: float
    """A value is (pixel × scale − mean) ÷ std, pixels from 0 to 255."""
    shortest_edge: NotRequired[int]
    """Pixels that crop resizes the shorter side to; at least `width` and `height`. torchvision's
    default is 256, for 224.
    """
    std: float | list[float]
    """A number, or one for each channel; not zero."""
    type: NotRequired[InputType]
    version: NotRequired[int]
    """What an agent must know to run the model: only devices that name it, or a later one, in
    `Input-Spec-Version` get its jobs. The least is set by itself.
    """
    width: int
    """Pixels."""


class InputSpecOutput(TypedDict):
    """Which of the model's outputs is used, and how."""

    activation: OutputActivation
    name: str
    """The model's output with a column for each label."""


class Invitation(TypedDict):
    """An invitation that can still be accepted."""

    created_at: str
    email: str
    """Where its code was mailed."""
    expires_at: str
    """From when on it cannot be accepted."""
    id: str
    inviter_id: str
    """The owner who sent it."""
    inviter_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    role: MemberRole
    """What they may do for it."""


class InvitationAccept(TypedDict):
    code: str
    """The code in the mail."""


class InvitationAcceptance(TypedDict):
    """The consent of somebody who joins a team."""

    accept_rules: bool
    """Must be `true`: you have read the bounty's rules, and accept them."""
    rules_sha256: NotRequired[str | None]
    """The bounty's `rules_sha256`, as you read them: if the rules have changed since, you are
    refused (`409`).
    """


class InvitationCreate(TypedDict):
    """Somebody who is invited to a team."""

    share_bps: int
    """Their share of the team's prize in basis points: 10000 is all of it. What nobody is given
    is the captain's.
    """
    user_id: str
    """The user who is invited."""


class InvitationCreated(TypedDict):
    """An invitation. Its code is in the mail alone."""

    created_at: str
    email: str
    """Where its code was mailed."""
    expires_at: str
    """From when on it cannot be accepted."""
    id: str
    role: MemberRole
    """What they may do for it."""


class InvitationList(TypedDict):
    """All that can still be accepted."""

    items: list[Invitation]
    """The newest first."""


class Job(TypedDict):
    """An order to run an algorithm on devices, and how far it is."""

    algorithm_id: str
    """The algorithm that devices run."""
    algorithm_title: str
    """The title of the algorithm."""
    answers: Answers
    """Whether the answer carries noise."""
    close_reason: str | None
    """Why the job was closed, where a moderator closed it or its version was recalled."""
    cost: str
    """What the job costs if `max_devices` results are paid, in tokens. It is held in escrow
    until the job ends.
    """
    countries: list[str]
    """Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any."""
    created_at: str
    date_from: str | None
    """Only items from this day on are counted."""
    date_to: str | None
    """Only items before this day are counted."""
    deadline: str
    """When the job ends, if it did not before."""
    device_fee: str
    """What the algorithm's developer earns for each result, in tokens."""
    devices_done: int
    """How many results were published so far; in the end, how many were paid."""
    end_reason: JobState | None
    """The state that the job will have once it is settled: set when it begins to settle."""
    ended_at: str | None
    """When the job was settled."""
    epsilon: float | None
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. `null` for an exact answer.
    """
    id: str
    labels: list[str]
    """The labels that items are counted by, in the order of the model's output."""
    manifest_sha256: str | None
    """SHA-256, in hexadecimal digits, of what `GET /v1/jobs/{id}/manifest` answers; `null`: the
    job is from before there were manifests.
    """
    max_devices: int
    """How many devices are paid for a result, at most."""
    max_devices_per_owner: int
    """How many devices of one owner may take part, at most."""
    max_items: int | None
    """How many items all devices of one owner add, at most; where there are more, they are
    chosen at random. With fewer the answer needs less noise. `null`: any number.
    """
    max_norm: int | None
    """How large the counts of labels are that all devices of one owner add, at most: the root of
    the sum of their squares, what is `uncertain` among them. Where they would be larger,
    items are left out at random. A smaller one needs less noise, and clips more owners.
    `null`: as `max_items` bounds it.
    """
    min_confidence: float
    """An item whose best label has a lower probability is counted as `uncertain`."""
    min_owners: int
    """Results are published in steps, each of at least so many owners; for an exact answer, of
    so many who counted something.
    """
    platform_fee: str
    """What the platform earns for each result, in tokens; fixed when the job was created, or its
    reward was raised.
    """
    precision: float | None
    """The job ends as soon as the answer is so precise: as each label's share is known to so
    much, as a part of 1, to each side, 95 times of 100; what is not spent comes back. `null`:
    it runs to its end.
    """
    reward: str
    """What a device's owner earns for its result, in tokens."""
    spent: str
    """What the results published so far cost, in tokens; in the end, what all results cost."""
    starts_at: str
    """Devices get no work before this moment."""
    state: JobState
    title: str
    version_id: str
    """The version of the algorithm that devices run."""


class JobArchive(TypedDict):
    """A file that keeps what devices sent for a job. Only the operator can read it."""

    chain: str
    """SHA-256 of the `chain` of the archive before and this `sha256`, both as 32 bytes; before
    the first come 32 zero bytes. So the last one proves all files and their order.
    """
    created_at: str
    number: int
    """The archives of a job are numbered from 1 on."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""


class JobArchivePage(TypedDict):
    items: list[JobArchive]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class JobArrival(TypedDict):
    """When a part of a job's results should be in, if owners come as they came lately."""

    at: str | None
    """`null` where that is not known."""
    unknown_because: str | None
    """Why it is not known: a sentence; else `null`."""


class JobClosure(TypedDict):
    """Why a job is closed."""

    reason: NotRequired[str | None]
    """Shown to the job's customer. Moderators who close another's job need one."""


class JobCreate(TypedDict):
    answers: NotRequired[Answers]
    """`noisy`: each number carries noise, as much as hides any one owner. `exact`: none does;
    only devices of owners who agreed to that take part.
    """
    countries: NotRequired[list[str]]
    """Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any."""
    date_from: NotRequired[str | None]
    """Only items from this day on."""
    date_to: NotRequired[str | None]
    """Only items before this day."""
    deadline: str
    """When the job ends, at most 366 days ahead; what is not spent then comes back."""
    epsilon: NotRequired[float | None]
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. Without it: what the operator chose.
    Of a noisy answer alone.
    """
    max_devices: int
    """How many devices are paid for a result, at most."""
    max_devices_per_owner: NotRequired[int]
    """How many devices of one owner may take part, at most."""
    max_items: NotRequired[int | None]
    """How many items all devices of one owner add, at most; where there are more, they are
    chosen at random. With fewer the answer needs less noise. Without it: what the operator
    chose; for an exact answer any number.
    """
    max_norm: NotRequired[int | None]
    """How large the counts of labels are that all devices of one owner add, at most: the root of
    the sum of their squares, what is `uncertain` among them. Where they would be larger,
    items are left out at random. A smaller one needs less noise, and clips more owners.
    Without it: what suits `max_items` and the number of labels. Of a noisy answer alone.
    """
    max_total: NotRequired[str | None]
    """The most that the job may cost in all, in tokens. If fees have risen so that it would cost
    more, it is refused (`409`).
    """
    min_confidence: NotRequired[float]
    """An item whose best label has a lower probability is counted as `uncertain`."""
    precision: NotRequired[float | None]
    """The job ends as soon as the answer is so precise: as each label's share is known to so
    much, as a part of 1, to each side, 95 times of 100; what is not spent comes back. Without
    it, it runs to its end. Of a noisy answer alone.
    """
    reward: str
    """What a device's owner earns for its result, in tokens."""
    starts_at: NotRequired[str | None]
    """Devices get no work before this moment. Without it: now."""
    title: NotRequired[str]
    """What you want to know. Anybody can read it: it is the `purpose` of the job's manifest,
    which never changes.
    """
    version_id: str
    """An approved version of a listed algorithm."""


class JobCrowd(TypedDict):
    """About how many owners could take part: of devices in the job's countries that may process
    its kind of data, seen in the last 30 days.

    They are counted once a day, with noise, so that nobody learns of single ones. What the
    model needs of memory and speed is not looked at.
    """

    at_least: int | None
    """About as many owners or more. `null`: fewer than are told of."""
    below: int | None
    """And about fewer than this. `null`: more than are told apart."""
    counted_at: str | None
    """When they were counted; `null`: they never were."""
    is_enough: bool
    """Whether there are as many as that: if not, the job is refused (`jobs.target_too_small`)."""
    least: int
    """How many there must be for a job in the countries that this one names; 0 where it names
    none.
    """


class JobIntervals(TypedDict):
    """How sure the numbers of a noisy answer are, as for the noise that they carry."""

    clipped: Number | None
    """How many results are as large as `max_items` and `max_norm` allow: their owners may have
    more than was counted, so what they have counts for less here. `null` until the job has
    ended.
    """
    items: Number
    """How many items were counted."""
    labels: dict[str, Number]
    """How many items have each label."""
    months: list[MonthIntervals]
    """The labelled items by month."""
    other_months: dict[str, Number]
    """How many items have each label, of months that are not told."""
    shares: dict[str, Share]
    """Each label's share of all items, those counted as `uncertain` among them."""
    uncertain: Number
    """How many items had no sure label."""
    undated: Number
    """How many labelled items have no date."""


class JobManifest(TypedDict):
    """All that a job may learn. It never changes."""

    answer: ManifestAnswer
    created_at: str
    input_sha256: str
    """SHA-256 of the input spec, as the assignment has it, in canonical JSON (RFC 8785)."""
    job_id: str
    """The job."""
    labels: list[str]
    """The labels that items are counted by."""
    leaves: list[str]
    """What leaves a device: these members of `ResultCreate`, and nothing else."""
    manifest: Literal[1]
    """The number of this form."""
    max_devices_per_owner: int
    """How many devices of one owner may take part; each has an equal part of `max_items` and of
    `max_norm`.
    """
    max_items: int | None
    """How many items all devices of one owner add, at most; where there are more, they are
    chosen at random. With fewer the answer needs less noise. `null`: any number.
    """
    max_norm: int | None
    """How large the counts of labels are that all devices of one owner add, at most: the root of
    the sum of their squares, what is `uncertain` among them. Where they would be larger,
    items are left out at random. A smaller one needs less noise, and clips more owners.
    `null`: as `max_items` bounds it.
    """
    min_confidence: float
    """An item whose best label has a lower probability is counted as `uncertain`."""
    model: ManifestModel
    period: ManifestPeriod | None
    """Only items of these days; `null`: all."""
    purpose: str
    """What it is for, in its customer's words."""
    target: ManifestTarget


class JobPage(TypedDict):
    items: list[Job]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class JobPublication(TypedDict):
    """What a published answer is called."""

    title: NotRequired[str | None]
    """Everybody can read it. Without it: the job's title."""


class JobQuote(TypedDict):
    """What a job would cost, and bring. Each amount but `cost` is for one result."""

    answers: Answers
    """Whether the answer carries noise."""
    cost: str
    """What the job costs if `max_devices` results are paid, in tokens."""
    crowd: JobCrowd
    """About how many owners could take part."""
    device_fee: str
    """What the algorithm's developer earns, in tokens."""
    epsilon: float | None
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. `null` for an exact answer.
    """
    expected_precision: ExpectedPrecision | None
    """How precise shares should be; `null` for an exact answer, without noise."""
    half_in: JobArrival
    """When half of `max_devices` should have answered."""
    least_reward: str
    """The least `reward` that a job may offer here, in tokens."""
    max_items: int | None
    """How many items all devices of one owner add, at most; where there are more, they are
    chosen at random. With fewer the answer needs less noise. `null`: any number.
    """
    max_norm: int | None
    """How large the counts of labels are that all devices of one owner add, at most: the root of
    the sum of their squares, what is `uncertain` among them. Where they would be larger,
    items are left out at random. A smaller one needs less noise, and clips more owners.
    `null`: as `max_items` bounds it.
    """
    min_owners: int
    """Results are published in steps, each of at least so many owners."""
    most_in: JobArrival
    """When nine tenths of them should have answered."""
    platform_fee: str
    """What the platform earns, in tokens."""
    precision: float | None
    """The job ends as soon as the answer is so precise: as each label's share is known to so
    much, as a part of 1, to each side, 95 times of 100; what is not spent comes back. `null`:
    it does not.
    """
    reward: str
    """What a device's owner earns, in tokens."""
    within: int
    """When the job has ended, the total of a label is at most so far from what was counted, 95
    times of 100.
    """


class JobRaise(TypedDict):
    """What a job offers from now on: each only more than before. What is left out stays."""

    deadline: NotRequired[str | None]
    """When the job ends, at most 366 days ahead."""
    max_devices: NotRequired[int | None]
    """How many devices are paid for a result, at most."""
    max_total: NotRequired[str | None]
    """The most that the job may then cost in all, in tokens. If it would cost more, it is
    refused (`409`) and stays as it was.
    """
    reward: NotRequired[str | None]
    """What a device's owner earns for its result, in tokens. Who was paid before gets the
    difference.
    """


class JobResults(TypedDict):
    """A job's results, as far as they are published. Counts are `null` before the first step.

    In an exact answer, each number is a sum over at least `min_owners` owners who counted
    something. Counts of fewer owners wait for more of them; in the end they are in
    `other_months` and `other`. In a noisy answer each number carries noise, months come when
    the job has ended, and counts that noise alone could make are in `other_months`. `items`
    is the sum of `labels`, `uncertain` and `other`.
    """

    answers: Answers
    """Whether the counts carry noise."""
    devices_done: int
    """How many results were published so far; in the end, how many were paid."""
    devices_shown: int
    """How many results the published counts sum up."""
    epsilon: float | None
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. `null` for an exact answer.
    """
    intervals: JobIntervals | None
    """How sure each number is; `null` where all are exact, and before the first step."""
    items: int | None
    """How many items were counted."""
    job_id: str
    """The job."""
    labels: dict[str, int] | None
    """How many items have each label: those of `months`, of `other_months`, and undated ones."""
    max_devices: int
    """How many devices are paid for a result, at most."""
    min_owners: int
    """The least number of owners in a step."""
    months: list[MonthCounts] | None
    """The labelled items by month."""
    next_step: NextStep | None
    """When more is published; `null` once all of it is."""
    other: int | None
    """How many items have a label that too few owners had. Filled when the job ends."""
    other_months: dict[str, int] | None
    """How many items have each label, of months that too few owners had. Filled when the job
    ends.
    """
    state: JobState
    """The state of the job."""
    uncertain: int | None
    """How many items had no label of the probability `min_confidence` or more."""
    undated: int | None
    """How many labelled items have no date."""
    version: int
    """Grows with each step, and when the job ends."""


class JobUnpublishing(TypedDict):
    """Why an answer is no longer public."""

    reason: NotRequired[str | None]
    """Why. Moderators who remove another's answer need one: its customer reads it."""


class Leaderboard(TypedDict):
    """A page of a bounty's leaderboard."""

    items: list[LeaderboardRow]
    """The best first."""
    judging: Judging
    """How winners are found."""
    metric: str | None
    """The metric of the scores, with its version; `null` where it is judged by hand."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""
    order_changes: int
    """How often the owner changed the order of the winners."""
    part: LeaderboardPart


class LeaderboardRow(TypedDict):
    """An entrant on the leaderboard."""

    at: str | None
    """When the submission with the best public score was sent."""
    chance_of_first: NotRequired[float | None]
    """How often it would come first on other rows of the same kind, from 0 to 1: the share of
    the random draws of test rows in which it did.
    """
    commitment: str | None
    """SHA-256 of a random salt and the predictions with the best public score, in hexadecimal
    digits. The evidence of the ranking has both.
    """
    enrollment_id: str
    """The entrant."""
    name: str
    """The name of the entrant."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    predictions_sha256: str | None
    """SHA-256 of these predictions alone, in hexadecimal digits; `null` until the ranking is
    out.
    """
    prize: NotRequired[str | None]
    """In tokens; shown in the final ranking, and paid when it is final."""
    rank: int | None
    """The place by public score, or in the final ranking the final place. `null` where it is
    judged by hand and winners are not named yet.
    """
    score: float | None
    """The public score, or in the final ranking the private one."""
    state: EnrollmentState
    submissions: int
    """How many of its submissions were scored."""
    tied_from: NotRequired[int | None]
    """The first of the places that are tied with this one."""
    tied_to: NotRequired[int | None]
    """The last of the places that are tied with this one."""


class Lease(TypedDict):
    """An assignment that a device holds, and all that it needs to do the work."""

    answers: Answers
    """Whether the job's answer carries noise."""
    epsilon: float | None
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. `null` for an exact answer.
    """
    id: str
    """The id of the assignment."""
    input: InputSpec
    job_id: str
    """The job that the work is for."""
    labels: list[str]
    """The labels to count by, in the order of the model's output."""
    lease_expires_at: str
    """When the lease ends, unless it is extended."""
    lease_seconds: int
    """How many seconds the lease lasts from now on. Go by this one: a device's clock may be
    wrong.
    """
    manifest_sha256: str | None
    """SHA-256, in hexadecimal digits, of what `GET /v1/jobs/{id}/manifest` answers; `null`: the
    job is from before there were manifests.
    """
    max_items: int | None
    """Count at most so many items, chosen at random; a result with more is refused. `null`: any
    number.
    """
    max_norm: int | None
    """Leave out further items, chosen at random, where the root of the sum of the squares of
    `labels` and `uncertain` would be larger; such a result is refused. `null`: as large as
    `max_items` lets it be.
    """
    min_confidence: float
    """Count an item as `uncertain` if its best label has a lower probability."""
    model: ModelFile
    period: Period | None
    """Count only items of this period; `null`: all items, with or without a date."""
    try_seconds: int
    """How many seconds the lease can last in all, however often it is extended."""


class LeaseExtension(TypedDict):
    """How long an extended lease lasts."""

    lease_expires_at: str
    """When the lease ends, unless it is extended."""
    lease_seconds: int
    """How many seconds the lease lasts from now on."""


class LedgerAccount(TypedDict):
    """A place of the ledger where tokens rest."""

    balance: str
    """How many tokens it holds."""
    code: str
    """What it is: `wallet:` and a user, `escrow:job:` and a job, `escrow:bounty:` and a bounty,
    or `payout:` and a withdrawal.
    """


class LinkMailed(TypedDict):
    """The same for every address."""

    email: str
    """Where a link is mailed, if there is a reason to."""


class ManagedUser(TypedDict):
    """An account, as admins see it."""

    bio: str | None
    """What users tell about themselves, as plain text. Everybody can see it."""
    country: str | None
    """Two letters (ISO 3166-1 alpha-2). Everybody can see it."""
    created_at: str
    date_of_birth: str | None
    """A day (`YYYY-MM-DD`), 16 years ago or more. Only the user and admins can see it."""
    education_level: EducationLevel | None
    """The highest one completed. Only the user and admins can see it."""
    email: str | None
    """The address to sign in with by a password, and where mail goes. `null`: the user signs in
    by something else, and has named none.
    """
    email_verified_at: str | None
    """When the user proved that this address is theirs."""
    erased_at: str | None
    """When the user erased their account: no more than the id is left."""
    first_name: str | None
    """The given name. Everybody can see it."""
    gender: Gender | None
    """Only the user and admins can see it."""
    id: str
    kind: UserKind
    """An `organisation` is a name that several users act for, which is its `first_name`."""
    last_name: str | None
    """The family name. Everybody can see it."""
    permitted_kinds: list[DataKind]
    """The kinds of data that models may process on the devices of this user. Empty: none."""
    photo: Photo | None
    """`null`: there is none. Everybody can see it."""
    role: Role
    """What this user may do."""
    shows_prizes: bool
    """Whether everybody can see what this user won: else nobody learns which entrant of a bounty
    they were.
    """
    state: UserState
    suspended_at: str | None
    """`null` unless the user is suspended."""
    suspension_reason: str | None
    """The reason that the admin gave. The user reads it when they sign in."""


class ManagedUserPage(TypedDict):
    items: list[ManagedUser]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class ManifestAnswer(TypedDict):
    """What becomes of the counts."""

    answers: Answers
    """Whether the answer carries noise."""
    delta: float | None
    """How often `epsilon` may not hold."""
    epsilon: float | None
    """How much the answer may depend on one owner: the epsilon of differential privacy, at a
    delta of a millionth. A larger one needs less noise. `null` for an exact answer.
    """
    min_owners: int
    """Results are told in steps, each of so many owners."""
    rho_billionths: int
    """What it takes of the privacy budget of an owner, with all devices: billionths of rho, in
    which jobs add up. 0 for an exact answer.
    """
    step_growth: int | None
    """How many times as many results as the last step tells the next one, at least; `null` for
    an exact answer.
    """


class ManifestModel(TypedDict):
    """Which model it runs, and whose it is."""

    algorithm_id: str
    """The algorithm that devices run."""
    developer_id: str
    """The user who made it."""
    sha256: str
    """SHA-256 of its file, in hexadecimal digits."""
    size: int
    """Size of the file, in bytes."""
    version_id: str
    """The version of the algorithm that devices run."""


ManifestPeriod = TypedDict("ManifestPeriod", {"from": "str | None", "to": "str | None"})
"""Which items count, by their dates."""


class ManifestTarget(TypedDict):
    """Whose devices it asks for."""

    countries: list[str]
    """Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any."""
    kind: DataKind
    """The kind of data."""


class Member(TypedDict):
    """Who acts for an organisation."""

    role: MemberRole
    """What they may do for it."""
    since: str
    """Since when."""
    user_id: str
    """Who it is."""
    user_name: str | None
    """The name in that user's public profile; `null` where it tells none."""


class MemberList(TypedDict):
    """All who act for it."""

    items: list[Member]
    """Owners first."""


class MemberUpdate(TypedDict):
    proof: NotRequired[
        PasswordProof
        | WalletProof
        | OpenidProof
        | PasskeyProof
        | TotpProof
        | RecoveryCodeProof
        | None
    ]
    """What proves that the account is yours: needed where the role is `owner`."""
    role: MemberRole
    """What they may do for it."""


class ModelFile(TypedDict):
    """A model, as a device gets it."""

    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    size: int
    """Size of the file, in bytes."""
    url: str
    """Where to download it: a path of this API."""


class MoneyMoved(TypedDict):
    amount: str
    """How many tokens."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class MonthCounts(TypedDict):
    """The labelled items of one month."""

    labels: dict[str, int]
    """How many items have each label."""
    month: str
    """`YYYY-MM`."""


class MonthIntervals(TypedDict):
    """How sure the counts of one month are."""

    labels: dict[str, Number]
    """How many items have each label."""
    month: str
    """`YYYY-MM`."""


class MyEnrollment(TypedDict):
    """What you are in a bounty."""

    entry: EnrollmentDetails | None
    """The entrant that you belong to; `null`: none."""
    invitations: list[EnrollmentDetails]
    """Teams that have invited you and wait for your answer: 100 at most."""


class NewPasskey(TypedDict):
    """A passkey that was made, as `toJSON()` of what `navigator.credentials.create` gave."""

    id: str
    """What the authenticator calls it, in base64url."""
    response: PasskeyAttestation
    """What the authenticator answered."""
    type: Literal["public-key"]
    """The kind of credential."""


class NewTotp(TypedDict):
    """A secret for an authenticator app. It is shown this once."""

    expires_at: str
    """Until when a first code has to confirm it."""
    secret: str
    """The secret in base32, to be typed into an app that reads no picture."""
    uri: str
    """The same as a URI, to be shown as a QR code for the app to read."""


class NextStep(TypedDict):
    """When more results are published."""

    devices: int | None
    """The number of results, counted from the job's beginning, with which the next step comes at
    the latest, if each is of another owner who counted something. `null` where it is not
    certain that another step comes.
    """
    reason: str
    """Why the step has not come yet, or does not come. A sentence."""


class Number(TypedDict):
    """A count that carries noise, and how sure it is."""

    high: int
    """What was counted is at most this, and at least `low`, in 95 of 100 cases."""
    low: int
    """What was counted is at least this, and at most `high`, in 95 of 100 cases."""
    value: int
    """The count that the answer tells."""


class OfferedAlgorithm(TypedDict):
    """An algorithm that everybody can use, in short."""

    created_at: str
    device_fee: str
    """What its developer earns for each result of a device, in tokens."""
    id: str
    kind: AlgorithmKind
    """What its model takes as input."""
    summary: str
    """What it does, in a sentence or two."""
    tags: list[str]
    """Words to find it by."""
    title: str


class OfferedAlgorithmPage(TypedDict):
    items: list[OfferedAlgorithm]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class OpenidIdentityCreate(TypedDict):
    code: str
    """The `code` with which the browser returned."""
    code_verifier: str
    """The secret of which you sent the challenge."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class OpenidProof(TypedDict):
    """A login at a provider by which you sign in, made anew for this."""

    code: str
    """The `code` with which the browser returned from `GET
    /v1/sessions/openid/{provider_id}?fresh=true`, five minutes ago at most.
    """
    code_verifier: str
    """The secret of which you sent the challenge."""
    kind: Literal["openid"]
    """By what you prove it."""


class OpenidProvider(TypedDict):
    """A provider by which people sign in here."""

    id: str
    """As in `/v1/sessions/openid/{provider}`."""
    is_proof: bool
    """Whether a login there, made anew with `fresh=true`, proves who you are."""
    name: str
    """What people call it."""


class OpenidProviderPage(TypedDict):
    items: list[OpenidProvider]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class OpenidSessionCreate(TypedDict):
    code: str
    """The `code` with which the browser returned."""
    code_verifier: str
    """The secret of which you sent the challenge."""


class Organisation(TypedDict):
    """An organisation that you act for."""

    created_at: str
    """When it was founded."""
    id: str
    """Its id as a user, for the header `DML-Act-For`."""
    name: str
    """What everybody sees as its name."""
    role: MemberRole
    """What you may do for it."""
    since: str
    """Since when you act for it."""
    suspended_at: str | None
    """`null` unless an admin suspended it: nobody can act for it then."""


class OrganisationClosing(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class OrganisationCreate(TypedDict):
    name: str
    """What everybody sees as its name."""


class OrganisationInvitationCreate(TypedDict):
    email: str
    """Where to mail the code."""
    proof: NotRequired[
        PasswordProof
        | WalletProof
        | OpenidProof
        | PasskeyProof
        | TotpProof
        | RecoveryCodeProof
        | None
    ]
    """What proves that the account is yours: needed where the role is `owner`."""
    role: NotRequired[MemberRole]
    """What they may do for it."""


class OrganisationList(TypedDict):
    """All that you act for."""

    items: list[Organisation]
    """The newest first."""


class OrganisationUpdate(TypedDict):
    name: str
    """What everybody sees as its name."""


class PairingCode(TypedDict):
    code: str
    """The code to type into the device."""
    expires_at: str
    """From this time on the code no longer works."""
    expires_in_seconds: NotRequired[int]
    """Seconds until the code expires."""


class Passkey(TypedDict):
    """A passkey by which you sign in."""

    aaguid: str
    """Which kind of authenticator it says that it is; all zeros, where it does not."""
    can_be_backed_up: bool
    """Whether it may be on several devices, as those of phones are."""
    created_at: str
    """Since when."""
    id: str
    is_backed_up: bool
    """Whether it was, when it was last used. Else it is lost with its device."""
    last_used_at: str | None
    """When somebody last used it."""
    name: str
    """What you call it."""
    relying_party: str
    """The domain that it is for. Where the marketplace has another one now, it is of no use."""
    transports: list[str]
    """How browsers reach its authenticator."""


class PasskeyAssertion(TypedDict):
    """What came of signing with a passkey."""

    authenticatorData: str
    """Whether its user was verified, and how often it was used."""
    clientDataJSON: str
    """What the browser says that it asked for, and on which page."""
    signature: str
    """Its signature of both."""
    userHandle: NotRequired[str | None]
    """Whose it is, as the authenticator knows it."""


class PasskeyAttestation(TypedDict):
    """What came of making a passkey."""

    attestationObject: str
    """The new passkey's public key, and who holds it."""
    clientDataJSON: str
    """What the browser says that it asked for, and on which page."""
    transports: NotRequired[list[str]]
    """How browsers reach the authenticator, as far as they know."""


class PasskeyCreate(TypedDict):
    credential: NewPasskey
    """What the browser made of the options from `POST /v1/users/me/passkeys/challenges`."""
    name: NotRequired[str | None]
    """What you call it; else it is called by the browser that made it."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class PasskeyCreationOptions(TypedDict):
    """Options for `navigator.credentials.create`, as
    `PublicKeyCredential.parseCreationOptionsFromJSON` takes them.
    """

    attestation: Literal["none"]
    """Nothing is asked of who made the authenticator."""
    authenticatorSelection: PasskeySelection
    """What is asked of it."""
    challenge: str
    """What is signed, in base64url. It is good once."""
    excludeCredentials: list[PasskeyDescriptor]
    """Passkeys that you have: an authenticator that holds one makes no other."""
    pubKeyCredParams: list[PasskeyParameters]
    """Kinds of keys that we read."""
    rp: RelyingParty
    """For whom the passkey will be."""
    timeout: int
    """Milliseconds for which the challenge is good."""
    user: PasskeyUser
    """Whose it will be."""


class PasskeyDescriptor(TypedDict):
    """A passkey, as browsers know it."""

    id: str
    """What its authenticator calls it, in base64url."""
    transports: list[str]
    """How browsers reach its authenticator."""
    type: Literal["public-key"]
    """The kind of credential."""


class PasskeyPage(TypedDict):
    items: list[Passkey]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class PasskeyParameters(TypedDict):
    """A kind of key that we read."""

    alg: int
    """COSE's number of the algorithm."""
    type: Literal["public-key"]
    """The kind of credential."""


class PasskeyProof(TypedDict):
    """A passkey by which you sign in, and which has signed a challenge for this."""

    credential: SignedPasskey
    """What the browser made of the options from `POST /v1/users/me/passkeys/proof-challenges`."""
    kind: Literal["passkey"]
    """By what you prove it."""


class PasskeyRequestOptions(TypedDict):
    """Options for `navigator.credentials.get`, as
    `PublicKeyCredential.parseRequestOptionsFromJSON` takes them.
    """

    allowCredentials: list[PasskeyDescriptor]
    """Your passkeys, of which one has to sign. Empty: any of this domain."""
    challenge: str
    """What is signed, in base64url. It is good once."""
    rpId: str
    """The domain that the passkey is for."""
    timeout: int
    """Milliseconds for which the challenge is good."""
    userVerification: Literal["required"]
    """It verifies who uses it: by a fingerprint, a face or a PIN."""


class PasskeyRevoke(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class PasskeySelection(TypedDict):
    """What an authenticator has to do."""

    requireResidentKey: bool
    """The same, for old browsers."""
    residentKey: Literal["required"]
    """It keeps whose a passkey is, so that no name has to be typed."""
    userVerification: Literal["required"]
    """It verifies who uses it: by a fingerprint, a face or a PIN."""


class PasskeySessionCreate(TypedDict):
    credential: SignedPasskey
    """What the browser made of the options from `POST /v1/sessions/passkey-challenges`."""


class PasskeySignUpChallenge(TypedDict):
    name: NotRequired[str | None]
    """What the authenticator is to call the account. It is not kept here."""


class PasskeyUpdate(TypedDict):
    name: str
    """What you call it."""


class PasskeyUser(TypedDict):
    """Whose a passkey is, as authenticators show and keep it."""

    displayName: str
    """The same."""
    id: str
    """Of the account, in base64url. It says nothing of its user."""
    name: str
    """What the authenticator calls the account."""


class PasskeyUserCreate(TypedDict):
    credential: NewPasskey
    """What the browser made of the options from `POST /v1/users/passkey-challenges`."""
    name: NotRequired[str | None]
    """What you call it; else it is called by the browser that made it."""


class Passport(TypedDict):
    """What running a model takes, measured in the sandbox when it was uploaded."""

    download_bytes: int
    """Size of the file that each device downloads once."""
    milliseconds_for_32: float | None
    """Milliseconds for a batch of 32; `null` where it takes more than 3 seconds."""
    milliseconds_for_one: float
    """Milliseconds for one input, on one processor of the server: the fastest of a few runs."""
    operators: dict[str, int]
    """The graph's operators, and how many of each."""
    parameters: int
    """How many numbers its weights hold."""
    peak_memory_bytes: int
    """What loading it and running a batch adds to a process at most, the file included."""
    runs_agree: bool
    """Whether two processes gave the same output for the same images, to the last bit."""


class PasswordProof(TypedDict):
    """Your password, as you sign in with it."""

    kind: Literal["password"]
    """By what you prove it."""
    password: str
    """The password of your account."""


class PasswordResetConfirm(TypedDict):
    """The link's token, and the new password."""

    password: str
    """The new password. One that is guessed too soon is refused."""
    token: str
    """What follows `token=` in the mailed link."""


class PasswordResetCreate(TypedDict):
    """The address of the account."""

    email: str
    """Where to mail the link."""


class PasswordSet(TypedDict):
    password: str
    """The new password. One that is guessed too soon is refused."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class PayoutOutcome(TypedDict):
    """What the vault did with a withdrawal, in the newest block that tells of it."""

    block_number: int
    """The block that holds the transaction."""
    confirmations: int
    """How many blocks there are from that block on, itself included."""
    is_final: bool
    """Whether the block is final."""
    refusal: str | None
    """Why the vault did not pay the withdrawal then; `null` if it paid."""
    tx_hash: str
    """The transaction."""


Period = TypedDict("Period", {"from": "str | None", "to": "str | None"})
"""Which items count, by their dates."""


class PersistedQuery(TypedDict):
    """A query by its hash."""

    sha256Hash: str
    """SHA-256 of the query, in hexadecimal digits."""
    version: int
    """Of this way to name queries: 1."""


class Photo(TypedDict):
    """A user's photo, in WebP. Both addresses name what they give: another photo has others."""

    thumbnail_url: str
    """A square of 96 pixels from its middle: a path of this API."""
    url: str
    """The photo, of 512 pixels at its longer side at most: a path of this API."""


class PredictionsFile(TypedDict):
    """Predictions in their canonical form."""

    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    url: str
    """Where to download them: a path of this API."""


class PrivacyBudget(TypedDict):
    """How much jobs may learn of you. Parts of a budget do not add up in epsilons: `left` is
    less than the budget less what was spent.
    """

    epsilon: float
    """The most that all jobs together may learn of you in any 30 days: the epsilon of
    differential privacy, at a delta of a millionth.
    """
    is_own: bool
    """Whether you set it; else it is what the operator chose."""
    left: float
    """What a further job may cost now, as an epsilon."""
    paused: bool
    """Whether your devices get no work for noisy answers."""
    reserved: float
    """What work under way may cost beside that, as an epsilon."""
    spent: float
    """What jobs learned in the last 30 days, as an epsilon."""


class PrivacyBudgetSet(TypedDict):
    epsilon: NotRequired[float | None]
    """The most that all jobs together may learn of you in any 30 days: the epsilon of
    differential privacy, at a delta of a millionth. `null`: what the operator chose.
    """
    paused: NotRequired[bool]
    """Whether your devices get no work for noisy answers."""


class Prize(TypedDict):
    """The prize of a place."""

    amount: str
    """In tokens."""
    place: int
    """1 is the first place."""


class PrizeCreate(TypedDict):
    """The prize of a place."""

    amount: str
    """In tokens."""
    place: int
    """1 is the first place."""


class ProblemFact(TypedDict):
    """What a problem document says beside the members that all have."""

    name: str
    """The name of the member."""
    required: bool
    """Whether each such document has it."""
    type: str
    """What its value is, in words."""


class ProblemType(TypedDict):
    """What a problem document's `code` means."""

    code: str
    """The stable code of the problem."""
    detail: str
    """What to do about it."""
    example: dict[str, Any]
    """What such a document may look like."""
    facts: list[ProblemFact]
    """What it says beside `title` and `detail`."""
    status: int
    """The HTTP status that it comes with."""
    title: str
    """What is wrong."""


class ProblemTypeName(TypedDict):
    """What a problem document's `code` means, in short."""

    code: str
    """The stable code of the problem."""
    detail: str
    """What to do about it."""
    status: int
    """The HTTP status that it comes with."""
    title: str
    """What is wrong."""


class ProblemTypes(TypedDict):
    items: list[ProblemTypeName]
    """All that there are, by code."""


class Process(TypedDict):
    """A process of the marketplace, on whichever machine it runs."""

    kind: str
    """What it is: `api`, `worker` or `chain`."""
    name: str
    """Its name, which no other process has or had: what it is, its machine, the number of the
    process there, and a random end.
    """
    profiles: list[ProfileKind]
    """The kinds of profile that can be taken of it: none where neither py-spy nor memray is
    installed, or where it runs an older release.
    """
    seen_at: str
    """When it last said that it lives."""


class ProcessPage(TypedDict):
    items: list[Process]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Profile(TypedDict):
    """Where the time or the memory of a process went, for some seconds."""

    ended_at: str | None
    """When it was over."""
    failure: ProfileFailure | None
    """Why there is no profile; `null` unless it has failed."""
    flame_graph_bytes: int | None
    """How large its flame graph is; `null` while there is none."""
    id: str
    kind: ProfileKind
    """What was measured."""
    process: str
    """The name of the process."""
    requested_at: str
    """When it was asked for."""
    seconds: int
    """For how long."""
    speedscope_bytes: int | None
    """How large its file for speedscope is; `null` while there is none."""
    started_at: str | None
    """When the process began."""
    state: ProfileState
    """How far it is."""


class ProfileCreate(TypedDict):
    kind: ProfileKind
    """What is measured."""
    process: str
    """The `name` of a process."""
    seconds: NotRequired[int]
    """For how long. A process is slower meanwhile."""


class ProfilePage(TypedDict):
    items: list[Profile]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class PublicUser(TypedDict):
    """What everybody may know of a user."""

    bio: str | None
    """What users tell about themselves, as plain text. Everybody can see it."""
    country: str | None
    """Two letters (ISO 3166-1 alpha-2). Everybody can see it."""
    created_at: str
    first_name: str | None
    """The given name. Everybody can see it."""
    id: str
    kind: UserKind
    """An `organisation` is a name that several users act for, which is its `first_name`."""
    last_name: str | None
    """The family name. Everybody can see it."""
    photo: Photo | None
    """`null`: there is none. Everybody can see it."""


class PublishedJob(TypedDict):
    """An ended job's answer that its customer made public."""

    algorithm_id: str
    """The algorithm that devices ran."""
    algorithm_title: str
    """The title of the algorithm."""
    countries: list[str]
    """Only devices in these countries took part (ISO 3166-1 alpha-2). Empty: in any."""
    date_from: str | None
    """Only items from this day on were counted."""
    date_to: str | None
    """Only items before this day were counted."""
    devices: int
    """How many devices' results the counts sum up."""
    ended_at: str
    """When the job ended."""
    id: str
    items: int
    """How many items were counted."""
    job_id: str
    """The job."""
    labels: dict[str, int]
    """How many items have each label."""
    min_confidence: float
    """An item whose best label had a lower probability counted as `uncertain`."""
    other: int
    """How many items have a label that too few owners had."""
    published_at: str
    """When its customer made the answer public."""
    results_url: str
    """Where all of the counts are: a path of this API."""
    title: str
    """What its customer calls it."""
    uncertain: int
    """How many items had no label of the probability `min_confidence` or more."""
    version_id: str
    """The version of it."""
    version_number: int
    """Versions of an algorithm are numbered from 1 on."""


class PublishedJobPage(TypedDict):
    items: list[PublishedJob]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Quota(TypedDict):
    """What is left of a limit."""

    limit: int
    """How many submissions there may be."""
    remaining: int
    """How many more there may be."""


class Rating(TypedDict):
    """What a customer thinks of an algorithm that a job of theirs has run."""

    created_at: str
    hidden_at: str | None
    """When a moderator hid it, so that only its author and moderators see it; `null` where it is
    shown.
    """
    hidden_reason: str | None
    """Why it was hidden."""
    id: str
    reply: RatingReply | None
    """What the developer says to it; `null` where they said nothing."""
    stars: int
    """From 1 to 5; 5 is the best."""
    text: str | None
    """In plain text; `null` where there is none."""
    updated_at: str
    """When its author last changed it."""
    user_id: str
    """The customer who gave it."""
    user_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    version_id: str
    """The version that their job had run."""
    version_number: int
    """Versions of an algorithm are numbered from 1 on."""


class RatingCreate(TypedDict):
    """What you think of an algorithm."""

    stars: int
    """From 1 to 5; 5 is the best."""
    text: NotRequired[str | None]
    """Why. Everybody can read it."""


class RatingHiding(TypedDict):
    """Why a rating is hidden."""

    reason: str
    """Its author and the developer read it."""


class RatingPage(TypedDict):
    items: list[Rating]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class RatingReply(TypedDict):
    """What the developer says to a rating."""

    created_at: str
    text: str
    """In plain text."""
    updated_at: str
    """When it was last changed."""


class RatingReplyCreate(TypedDict):
    """What the developer says to a rating."""

    text: str
    """Everybody can read it."""


class RatingRestoration(TypedDict):
    """Why a rating is shown again."""

    reason: str
    """Its author and the developer read it."""


class Readiness(TypedDict):
    """Whether requests can be served, and how each part that is needed for it does."""

    chain: str
    """The chain: `ok`, or what is wrong. While it is not `ok`, deposits are not credited or
    withdrawals are not paid.
    """
    database: str
    """PostgreSQL: `ok`, or what is wrong with it."""
    ready: bool
    """Whether this process can serve requests."""
    sandbox: str
    """How well the workers isolate strangers' models: where they cannot, no submitted model is
    run.
    """
    valkey: str
    """Valkey or Redis: `ok` or `away`. Without it, rates are not limited; all else works."""
    worker: str
    """The processes that work in the background: `ok`, or what is wrong. Without one, nothing is
    ready.
    """


class Receipt(TypedDict):
    """What left a device for a job, signed."""

    id: str
    """The assignment whose result it was."""
    job_id: str
    """The job that the work was for."""
    job_title: str
    """The title of the job."""
    receipt: str
    """A JWS in compact form (RFC 7515) with the `typ` `dml-receipt+jwt`, signed by a key of
    `/.well-known/jwks.json`. It says what left (`left`, whole), under which manifest
    (`manifest_sha256`), whether it was counted and with which `step` of the answer it is
    told, at the latest (`null`: it waits, or was counted before steps were noted), what it
    took of your privacy budget (`spent_rho_billionths`), and of what `epsilon` that budget is
    and how much was `left` when this was signed (`iat`).
    """


class ReceiptPage(TypedDict):
    items: list[Receipt]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class Record(TypedDict):
    """A moment at which the best public score of all was beaten."""

    at: str
    """When the submission that did so was scored."""
    enrollment_id: str
    """The entrant who reached it."""
    name: str
    """The name of the entrant."""
    number: int
    """Entrants are numbered from 1 on, in the order in which they enrolled."""
    score: float
    """The new best public score."""


class RecordPage(TypedDict):
    """A page of a bounty's records."""

    items: list[Record]
    """Newest first."""
    metric: str | None
    """The metric of the scores, with its version."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class RecoveryCodeProof(TypedDict):
    """One of your recovery codes, which is used up by this."""

    code: str
    """A recovery code that was not used before."""
    kind: Literal["recovery_code"]
    """By what you prove it."""


class RecoveryCodes(TypedDict):
    """Recovery codes. They are shown this once."""

    recovery_codes: list[str]
    """Each signs you in once in the place of a code of your app, as when your phone is lost.
    Keep them where that is not.
    """


class RecoveryCodesCreate(TypedDict):
    """What proves who asks for new recovery codes."""

    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours: the second factor, where there is one."""


class RelyingParty(TypedDict):
    """For whom a passkey is."""

    id: str
    """The domain."""
    name: str
    """What people call it."""


class ResultCreate(TypedDict):
    """All that leaves a device: counts.

    `labels` and `uncertain` sum to `items`; `months` and `undated` sum to `labels`.
    """

    items: int
    """How many items the model was run on."""
    labels: dict[str, int]
    """How many items have each label."""
    months: dict[str, dict[str, int]]
    """How many items have each label, by the month of the item, `YYYY-MM`."""
    uncertain: int
    """How many items had no label of the probability `min_confidence` or more."""
    undated: int
    """How many labelled items have no date: 0 where the job has a period."""


class ResultReceipt(TypedDict):
    """The device's result was accepted."""

    state: NotRequired[AssignmentState]
    """The state of the assignment."""


class ReviewReason(TypedDict):
    """A ready reason for what a moderator decides."""

    code: ReasonCode
    decisions: list[ReviewDecision]
    """For which decisions it is a reason."""
    text: str
    """What the developer reads, unless the moderator says it anew."""
    title: str
    """The reason in a few words."""


class ReviewReasons(TypedDict):
    """All ready reasons."""

    items: list[ReviewReason]
    """Each once, in the order to show them."""


class ReviewedWithdrawal(TypedDict):
    """A withdrawal, as admins see it."""

    address: str
    """The address of that wallet."""
    amount: str
    """How many tokens reach the wallet."""
    authorised_at: str | None
    """When it was put into a batch, after which it cannot be cancelled; `null` before that."""
    block_number: int | None
    """The final block that holds this transaction; `null` before that."""
    end_reason: str | None
    """Why it was not paid; `null` if it was or will be."""
    ended_at: str | None
    """When it was paid, reversed or cancelled; `null` before that."""
    fee: str
    """How many tokens it costs in addition."""
    first_approved_at: str | None
    """When the first of two admins approved it."""
    first_approved_by: str | None
    """The first of two admins who have to approve it; `null` if none has, or if one admin is
    enough.
    """
    id: str
    memo: str | None
    """The user's note."""
    needs_review: bool
    """Whether an admin has to approve it before it is paid."""
    requested_at: str
    """When the user asked for it."""
    reviewed_at: str | None
    """When an admin approved or refused it; `null` if none did."""
    state: WithdrawalState
    """Where the withdrawal stands."""
    tx_hash: str | None
    """The transaction that paid it; `null` before that."""
    user_id: str
    """The user who asked for the withdrawal."""
    wallet_id: str
    """The linked wallet that is paid to."""


class RoleUpdate(TypedDict):
    role: Role
    """What the user may do from now on."""


class SampleLabel(TypedDict):
    """A label that a model named for a picture."""

    confidence: float
    """Its probability, as the model says."""
    label: str
    """The name of the label."""


class SentTransaction(TypedDict):
    """A transaction that was sent to the chain."""

    hash: str
    """The hash of the transaction."""
    sent_at: str
    """When it was sent."""


class Session(TypedDict):
    """A place where a user is signed in."""

    created_at: str
    """When the user signed in."""
    device: str | None
    """What the program said that it is, such as `Firefox on Linux`. `null`: nothing that we can
    read.
    """
    expires_at: str
    """When it ends, unless it is refreshed before."""
    id: str
    is_current: bool
    """Whether this is the session that asks."""
    last_used_at: str
    """When it was last opened or refreshed: its last request may have come later, for as long as
    an access token lasts.
    """
    network: str | None
    """From where it was last opened or refreshed: an IPv4 address, or the /64 of an IPv6 one."""


class SessionConfirm(TypedDict):
    proof: TotpProof | RecoveryCodeProof
    """A proof by your second factor."""
    ticket: str
    """What the first half of signing in gave you."""


class SessionCreate(TypedDict):
    email: str
    """The e-mail address of the account."""
    password: str
    """The password of the account."""


class SessionDelete(TypedDict):
    """The session to end, by its refresh token."""

    refresh_token: str
    """The newest refresh token of the session."""


class SessionPage(TypedDict):
    items: list[Session]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class SessionRefresh(TypedDict):
    refresh_token: str
    """The newest refresh token of the session."""


class SessionTokens(TypedDict):
    access_token: str
    """For the header `Authorization: Bearer …`."""
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str
    """For one call of `POST /v1/users/refresh`, which returns the next one."""
    token_type: NotRequired[Literal["Bearer"]]
    """How to send the access token."""
    user_id: str
    """Who has signed in."""


class Share(TypedDict):
    """A label's share of all items, and how sure it is."""

    high: float
    """The share of what was counted is between `low` and this, in 95 of 100 cases."""
    low: float
    """The share of what was counted is between this and `high`, in 95 of 100 cases."""
    value: float
    """From 0 to 1."""


class SignUpConfirm(TypedDict):
    password: str
    """The new password. One that is guessed too soon is refused."""
    token: str
    """What follows `token=` in the mailed link."""


class SignUpCreate(TypedDict):
    """The address to open an account with."""

    email: str
    """Where to mail the link."""


class SignedPasskey(TypedDict):
    """A passkey that has signed, as `toJSON()` of what `navigator.credentials.get` gave."""

    id: str
    """What the authenticator calls it, in base64url."""
    response: PasskeyAssertion
    """What the authenticator answered."""
    type: Literal["public-key"]
    """The kind of credential."""


class SignedPermit(TypedDict):
    """What a wallet signed, in place of an approval."""

    deadline: int
    """The `deadline` in the message that was signed: seconds since 1970."""
    signature: str
    """The signature: 65 bytes (r, s, v), in hexadecimal digits after `0x`."""


class StatisticsTotal(TypedDict):
    """What became of an algorithm in some days."""

    devices: int
    """How many devices' results were shown to customers."""
    earned: str
    """What the developer was paid for them, in tokens."""
    rating: float | None
    """The mean of those ratings' stars; `null` where there is none."""
    rating_count: int
    """How many ratings were first given then that are shown now."""


class Submission(TypedDict):
    """A file that an entrant submitted, and what became of it."""

    bounty_id: str
    """The bounty."""
    commitment: str | None
    """SHA-256 of a random salt and the predictions in their canonical form, in hexadecimal
    digits. The evidence of the ranking has both.
    """
    created_at: str
    dry_run: bool
    """Whether it is only checked, and not scored."""
    end_reason: str | None
    """Why it ended, where it was not scored."""
    ended_at: str | None
    """When it was scored, failed or was cancelled."""
    enrollment_id: str
    """The entrant that it belongs to."""
    id: str
    improved: bool | None
    """Whether it is better than all that its entrant submitted before, by more than chance
    explains. `null` until it is scored.
    """
    kind: SubmissionKind
    metric: str | None
    """The metric that it was scored by, with its version."""
    name: str
    """What its submitter calls it."""
    queued_at: str | None
    """When it passed its check."""
    refusals: list[FileRefusal]
    """What is wrong with the file; empty where nothing was found."""
    sha256: str | None
    """SHA-256 of the file, in hexadecimal digits. `null` for others than its team as long as
    they may not read the file: with it they could guess what the file says.
    """
    shown_score: float | None
    """The public score of its entrant once it was scored: the earlier one where it did not
    improve.
    """
    size: int
    """Size of the file, in bytes."""
    started_at: str | None
    """When its scoring began."""
    state: SubmissionState
    submitter_id: str
    """The user who sent it."""
    submitter_name: str | None
    """The name in that user's public profile; `null` where it tells none."""


class SubmissionDetails(TypedDict):
    """A submission, with its place in the queue and its entrant's limits."""

    bounty_id: str
    """The bounty."""
    commitment: str | None
    """SHA-256 of a random salt and the predictions in their canonical form, in hexadecimal
    digits. The evidence of the ranking has both.
    """
    created_at: str
    dry_run: bool
    """Whether it is only checked, and not scored."""
    end_reason: str | None
    """Why it ended, where it was not scored."""
    ended_at: str | None
    """When it was scored, failed or was cancelled."""
    enrollment_id: str
    """The entrant that it belongs to."""
    expected_start_at: str | None
    """When its scoring will begin, as far as can be told; `null` where it no longer waits."""
    id: str
    improved: bool | None
    """Whether it is better than all that its entrant submitted before, by more than chance
    explains. `null` until it is scored.
    """
    kind: SubmissionKind
    limits: SubmissionQuotas
    metric: str | None
    """The metric that it was scored by, with its version."""
    name: str
    """What its submitter calls it."""
    position: int | None
    """How many submissions come before it, also those of other bounties; `null` where it no
    longer waits.
    """
    queued_at: str | None
    """When it passed its check."""
    refusals: list[FileRefusal]
    """What is wrong with the file; empty where nothing was found."""
    sha256: str | None
    """SHA-256 of the file, in hexadecimal digits. `null` for others than its team as long as
    they may not read the file: with it they could guess what the file says.
    """
    shown_score: float | None
    """The public score of its entrant once it was scored: the earlier one where it did not
    improve.
    """
    size: int
    """Size of the file, in bytes."""
    started_at: str | None
    """When its scoring began."""
    state: SubmissionState
    submitter_id: str
    """The user who sent it."""
    submitter_name: str | None
    """The name in that user's public profile; `null` where it tells none."""


class SubmissionLimits(TypedDict):
    """How many submissions of one entrant are scored. Files that the check refuses do not count."""

    concurrent: int
    """Under way at the same time."""
    per_day: int
    """On one day of UTC."""
    total: int
    """In the whole bounty."""


class SubmissionLimitsUpdate(TypedDict):
    """How many submissions of one entrant are scored. Files that the check refuses do not count."""

    concurrent: NotRequired[int]
    """Under way at the same time."""
    per_day: NotRequired[int]
    """On one day of UTC."""
    total: NotRequired[int]
    """In the whole bounty."""


class SubmissionPage(TypedDict):
    """A page of submissions, with the limits of whoever asks."""

    items: list[Submission]
    """At most `limit` items."""
    limits: SubmissionQuotas | None
    """What is left of your limits; `null` where you do not take part."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class SubmissionPublication(TypedDict):
    """Where a submitted model is published, and how it is run."""

    algorithm_id: str
    """An algorithm of yours: it gets a new version."""
    input_spec: InputSpec


class SubmissionQuotas(TypedDict):
    """What is left of an entrant's limits. Submissions count that were scored or are under way."""

    concurrent: Quota
    """Under way at the same time."""
    today: DailyQuota
    """On this day of UTC."""
    total: Quota
    """In the whole bounty."""


class TeamMember(TypedDict):
    """Somebody who belongs to an entrant, or is invited to."""

    agreed_at: str | None
    """When they joined; `null` while the invitation waits for an answer."""
    is_captain: bool
    """Whether they enrolled the team, and act for it."""
    share_bps: int
    """Their share of the team's prize in basis points: 10000 is all of it."""
    user_id: str
    """The user."""
    user_name: str | None
    """The name in that user's public profile; `null` where it tells none."""


class TestSet(TypedDict):
    """A bounty's hidden test set, as its check found it. Its content comes with the evidence."""

    bounty_id: str
    """The bounty."""
    checked_at: str | None
    """When its check ended."""
    classes: list[str] | None
    """The classes to predict, in their order; `null` where numbers are predicted."""
    commitment: str | None
    """SHA-256 of a random salt of 32 bytes followed by the file, in hexadecimal digits. Public
    once enrollment is open.
    """
    created_at: str
    features: list[str] | None
    """The columns that a submitted model gets; `null` where no models are taken."""
    format: str
    """The format of the file."""
    id_column: str
    """The column that names each row."""
    public_rows: int | None
    """How many of them public scores are computed on; the others are kept for the final ranking."""
    refusals: list[FileRefusal]
    """Why the check refused the file; empty where it did not."""
    rows: int | None
    """How many rows it has; `null` until it is checked."""
    size: int
    """Size of the file, in bytes."""
    state: TestSetState
    target_column: str
    """The column that is to be predicted."""


class TestSetEvidence(TypedDict):
    """The test set that was hidden until the ranking."""

    format: str
    """The format of the file."""
    id_column: str
    """The column that names each row."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    target_column: str
    """The column that was to be predicted."""
    url: str
    """Where to download it: a path of this API."""


class TestSetSummary(TypedDict):
    """What everybody is told of the hidden test set once enrollment is open."""

    classes: list[str] | None
    """The classes to predict, in their order; `null` where numbers are predicted."""
    commitment: str
    """SHA-256 of the `salt`'s 32 bytes followed by the file, in hexadecimal digits: with the
    evidence of the ranking it proves that the test set was never changed.
    """
    features: list[str] | None
    """The columns that a submitted model gets; `null` where no models are taken."""
    public_rows: int
    """How many of them public scores are computed on; the others are kept for the final ranking."""
    rows: int
    """How many rows it has."""
    salt: str | None
    """32 bytes in hexadecimal digits; `null` until the ranking is out."""


class Timeline(TypedDict):
    entries: list[TimelineEntry]
    """What happened, oldest first: the newest 200 entries."""
    next: list[UpcomingAction]
    """What happens next. Empty if nothing more happens."""


class TimelineEntry(TypedDict):
    action: str
    """What happened."""
    actor: TimelineActor
    """Who did it, by their part in this."""
    at: str
    """When it happened."""
    from_state: str | None
    """The state before it; `null` if it changed no state, or was the first."""
    reason: str | None
    """Why, in the words of whoever did it."""
    to_state: str | None
    """The state after it; `null` if it changed no state."""


class Token(TypedDict):
    """A personal access token, without its secret."""

    created_at: str
    expires_at: str
    """From when on it opens nothing."""
    id: str
    last_used_at: str | None
    """When it was last used, to the hour."""
    name: str
    """What it is for."""
    scopes: list[Scope]
    """What it may do."""


class TokenCreate(TypedDict):
    days: NotRequired[int]
    """After how many days it expires."""
    name: str
    """What it is for, so that you know it again."""
    proof: NotRequired[
        PasswordProof
        | WalletProof
        | OpenidProof
        | PasskeyProof
        | TotpProof
        | RecoveryCodeProof
        | None
    ]
    """What proves that the account is yours: needed where a scope is to `write`."""
    scopes: list[Scope]
    """What it may do, as far as you may. Each operation names the one it needs."""


class TokenPage(TypedDict):
    items: list[Token]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class TokenWithSecret(TypedDict):
    """A new personal access token. Its secret is shown this once."""

    created_at: str
    expires_at: str
    """From when on it opens nothing."""
    id: str
    last_used_at: str | None
    """When it was last used, to the hour."""
    name: str
    """What it is for."""
    scopes: list[Scope]
    """What it may do."""
    token: str
    """For the header `Authorization: Bearer …`. It cannot be read again."""


class TotpConfirm(TypedDict):
    code: str
    """The six digits that the app shows now."""


class TotpCreate(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours: the second factor, where there is one."""


class TotpProof(TypedDict):
    """The code that your authenticator app shows now."""

    code: str
    """The six digits that your authenticator app shows. Each code is good once."""
    kind: Literal["totp"]
    """By what you prove it."""


class TotpRevoke(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours: the second factor, where there is one."""


class Transfer(TypedDict):
    """A movement of tokens from one account of the ledger to another. It never changes."""

    amount: str
    """How many tokens moved."""
    code: TransferCode
    """Why the tokens moved."""
    created_at: str
    id: str
    reference: str
    """What caused the transfer: a kind and an id."""
    source: str
    """The account that the tokens came from."""
    target: str
    """The account that the tokens went to."""


class TransferPage(TypedDict):
    items: list[Transfer]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class UnclaimedDeposit(TypedDict):
    """A deposit that names no user, or that named none until an admin assigned it."""

    amount: str
    """How many tokens were paid in."""
    block_number: int
    """The block that holds the transaction."""
    chain_id: int
    """The number of the chain (EIP-155)."""
    confirmations: int | None
    """How many blocks there are from that block on, itself included; `null` if the deposit is
    `orphaned`.
    """
    final_at: str | None
    """When its block was final, so that it was credited; `null` before that."""
    id: str
    named_user_id: str
    """The id that the deposit carries in the place of a user's: no user has it."""
    seen_at: str
    """When it was first read from the chain."""
    sender: str
    """The address that paid."""
    state: DepositState
    """Where the deposit stands."""
    tx_hash: str
    """The transaction that paid."""
    vault: str
    """The address of the vault."""


class UnclaimedDepositPage(TypedDict):
    items: list[UnclaimedDeposit]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class UnsignedTransaction(TypedDict):
    """Parameters for `eth_sendTransaction`; the wallet adds the sender and the gas."""

    data: str
    """The call, in hexadecimal digits."""
    to: str
    """The address of the contract to call."""
    value: str
    """How much of the chain's own currency to send: none."""


class UpcomingAction(TypedDict):
    action: str
    """What happens next."""
    at: NotRequired[str | None]
    """When it happens by itself; `null` if it waits for somebody, or the time is not known."""


class Upload(TypedDict):
    """A model that comes in parts, and how much of it has come."""

    algorithm_id: str
    """The algorithm that gets the version."""
    completed_at: str | None
    """When it became a version, if it did."""
    created_at: str
    expires_at: str
    """When it is given up, if no part comes before. A part puts that off."""
    id: str
    input_spec: InputSpec
    offset: int
    """How many bytes have come: the next part begins there."""
    sha256: str
    """SHA-256 of the whole file, as it was announced."""
    size: int
    """Size of the whole file, in bytes, as it was announced."""
    version_id: str | None
    """The version that it became, if it did."""


class UploadCreate(TypedDict):
    """A model that is to come: what it will be compared with."""

    input_spec: InputSpec
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    size: int
    """Size of the file, in bytes."""


class UploadDetails(TypedDict):
    """An upload, with where its file may be put past this API."""

    algorithm_id: str
    """The algorithm that gets the version."""
    completed_at: str | None
    """When it became a version, if it did."""
    created_at: str
    direct: DirectUpload | None
    """Where the file may be put in one request instead. `null` where this server keeps its files
    in a folder, or it was completed: send it in parts.
    """
    expires_at: str
    """When it is given up, if no part comes before. A part puts that off."""
    id: str
    input_spec: InputSpec
    offset: int
    """How many bytes have come: the next part begins there."""
    sha256: str
    """SHA-256 of the whole file, as it was announced."""
    size: int
    """Size of the whole file, in bytes, as it was announced."""
    version_id: str | None
    """The version that it became, if it did."""


class UploadPage(TypedDict):
    items: list[Upload]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class User(TypedDict):
    """An account, as its user and admins see it."""

    bio: str | None
    """What users tell about themselves, as plain text. Everybody can see it."""
    country: str | None
    """Two letters (ISO 3166-1 alpha-2). Everybody can see it."""
    created_at: str
    date_of_birth: str | None
    """A day (`YYYY-MM-DD`), 16 years ago or more. Only the user and admins can see it."""
    education_level: EducationLevel | None
    """The highest one completed. Only the user and admins can see it."""
    email: str | None
    """The address to sign in with by a password, and where mail goes. `null`: the user signs in
    by something else, and has named none.
    """
    email_verified_at: str | None
    """When the user proved that this address is theirs."""
    first_name: str | None
    """The given name. Everybody can see it."""
    gender: Gender | None
    """Only the user and admins can see it."""
    id: str
    last_name: str | None
    """The family name. Everybody can see it."""
    permitted_kinds: list[DataKind]
    """The kinds of data that models may process on the devices of this user. Empty: none."""
    photo: Photo | None
    """`null`: there is none. Everybody can see it."""
    role: Role
    """What this user may do."""
    shows_prizes: bool
    """Whether everybody can see what this user won: else nobody learns which entrant of a bounty
    they were.
    """


class UserBooks(TypedDict):
    """What a user has, where it rests, and what moved last."""

    accounts: list[LedgerAccount]
    """The user's accounts that hold something: what jobs, bounties and withdrawals hold beside
    the balance.
    """
    balance: Balance
    transfers: list[Transfer]
    """The last 20 transfers of the user's balance, newest first."""


class UserCreate(TypedDict):
    email: str
    """The address to sign in with. Case does not matter."""
    password: str
    """8 to 1024 characters, counted after normalization as in RFC 8265 (OpaqueString), so that
    it is the same from every keyboard. One that is guessed too soon is refused.
    """


class UserErasure(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class UserRestoration(TypedDict):
    reason: str
    """Why. The user can see it, and it is kept in the audit log."""


class UserSuspension(TypedDict):
    reason: str
    """Why. The user reads it when they sign in, and it is kept in the audit log."""


class UserUpdate(TypedDict):
    """Fields that are not sent stay as they are; `null` empties a field."""

    bio: NotRequired[str | None]
    """What users tell about themselves, as plain text. Everybody can see it."""
    country: NotRequired[str | None]
    """Two letters (ISO 3166-1 alpha-2). Everybody can see it."""
    date_of_birth: NotRequired[str | None]
    """A day (`YYYY-MM-DD`), 16 years ago or more. Only the user and admins can see it."""
    education_level: NotRequired[EducationLevel | None]
    """The highest one completed. Only the user and admins can see it."""
    first_name: NotRequired[str | None]
    """The given name. Everybody can see it."""
    gender: NotRequired[Gender | None]
    """Only the user and admins can see it."""
    last_name: NotRequired[str | None]
    """The family name. Everybody can see it."""
    permitted_kinds: NotRequired[list[DataKind]]
    """The kinds of data that models may process on the devices of this user. Empty: none."""
    shows_prizes: NotRequired[bool]
    """Whether everybody can see what this user won: else nobody learns which entrant of a bounty
    they were.
    """


class VaultComparison(TypedDict):
    """Whether the vault on the chain holds what the ledger says."""

    agrees: bool | None
    """Whether they agreed; `null` if they were never compared."""
    at: str | None
    """When the two were last compared; `null` if they never were."""
    differs_since: str | None
    """When they were first found to differ; `null` if they agree."""
    vault_holds: str | None
    """How many tokens the vault held at the last comparison."""


class Version(TypedDict):
    """A model file of an algorithm, with its input spec."""

    algorithm_id: str
    """The algorithm that it is a version of."""
    checked_at: str | None
    """When its check ended."""
    created_at: str
    id: str
    input_spec: InputSpec
    least_memory_mib: int | None
    """The memory in MiB that a device needs to be offered it; `null`: not known, and each device
    is.
    """
    least_speed: int | None
    """The `speed` that a device needs to be offered it; `null`: not known, and each device is."""
    number: int
    """Versions of an algorithm are numbered from 1 on."""
    origin: VersionOrigin | None
    """The bounty that its model was submitted to, if any."""
    passport: Passport | None
    """What running it takes, as the check measured it; `null` where it did not."""
    recall_code: str | None
    """The code of the ready reason for it, if any."""
    recall_reason: str | None
    """Why it was recalled, if it was."""
    recalled_at: str | None
    """When it was recalled."""
    refusals: list[FileRefusal]
    """Why the check refused the file; empty where it did not."""
    review_code: str | None
    """The code of their ready reason, if any."""
    review_reason: str | None
    """What the moderator who reviewed it said."""
    reviewed_at: str | None
    """When it was approved or rejected."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    signature: dict[str, Any] | None
    """What the check read from the model's graph: `inputs` and `outputs` with name, type and
    shape, `opset`, `ir_version`, `operators`, the number of `parameters`, and the least
    `spec_version` of an agent that can run it. `null` until it is checked.
    """
    size: int
    """Size of the file, in bytes."""
    state: VersionState


class VersionApproval(TypedDict):
    """What a moderator says about a version that is approved."""

    reason: NotRequired[str | None]
    """Shown to everybody who sees the version."""
    reason_code: NotRequired[ReasonCode | None]
    """The code of a ready reason."""


class VersionOrigin(TypedDict):
    """The bounty that a model was submitted to, and how it did there."""

    bounty_id: str
    """The bounty."""
    bounty_name: str
    """The name of the bounty."""
    metric: str | None
    """The metric of the score, with its version; `null` where the bounty was judged by hand."""
    place: int | None
    """The place in the final ranking; `null` where it was not its entrant's final submission."""
    score: float | None
    """The private score where it has a place, else the public one."""


class VersionPage(TypedDict):
    items: list[Version]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class VersionRecall(TypedDict):
    """Why a version is recalled. Shown to everybody who sees the version."""

    reason: NotRequired[str | None]
    """Shown to the developer; without it, the words of the ready reason."""
    reason_code: NotRequired[ReasonCode | None]
    """The code of a ready reason, which the developer is told, too."""


class VersionRejection(TypedDict):
    """Why a version is rejected."""

    reason: NotRequired[str | None]
    """Shown to the developer; without it, the words of the ready reason."""
    reason_code: NotRequired[ReasonCode | None]
    """The code of a ready reason, which the developer is told, too."""


class VersionReview(TypedDict):
    """A version for its moderator, with how it answers fixed pictures."""

    algorithm_id: str
    """The algorithm that it is a version of."""
    algorithm_title: str
    """The title of the algorithm."""
    checked_at: str | None
    """When its check ended."""
    created_at: str
    developer_id: str
    """The user who offers the algorithm."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    earlier_refusals: int
    """How many other versions of this developer were rejected or recalled."""
    id: str
    input_spec: InputSpec
    labels: list[str]
    """The names of the model's output columns, in their order."""
    least_memory_mib: int | None
    """The memory in MiB that a device needs to be offered it; `null`: not known, and each device
    is.
    """
    least_speed: int | None
    """The `speed` that a device needs to be offered it; `null`: not known, and each device is."""
    may_judge: bool
    """Whether you may approve or reject it: it is neither yours nor an organisation's that you
    act for, or did lately.
    """
    number: int
    """Versions of an algorithm are numbered from 1 on."""
    origin: VersionOrigin | None
    """The bounty that its model was submitted to, if any."""
    passport: Passport | None
    """What running it takes, as the check measured it; `null` where it did not."""
    recall_code: str | None
    """The code of the ready reason for it, if any."""
    recall_reason: str | None
    """Why it was recalled, if it was."""
    recalled_at: str | None
    """When it was recalled."""
    refusals: list[FileRefusal]
    """Why the check refused the file; empty where it did not."""
    review_code: str | None
    """The code of their ready reason, if any."""
    review_reason: str | None
    """What the moderator who reviewed it said."""
    reviewed_at: str | None
    """When it was approved or rejected."""
    samples: list[VersionSample]
    """How it answers pictures that are the same for all models; empty where its check did not
    ask it.
    """
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    signature: dict[str, Any] | None
    """What the check read from the model's graph: `inputs` and `outputs` with name, type and
    shape, `opset`, `ir_version`, `operators`, the number of `parameters`, and the least
    `spec_version` of an agent that can run it. `null` until it is checked.
    """
    size: int
    """Size of the file, in bytes."""
    state: VersionState
    twins: list[VersionTwin]
    """Versions of other developers that are the same file, or answer alike: the same files
    first, then the closest. Only moderators see this.
    """
    waiting_seconds: int
    """How long ago that is."""
    waiting_since: str
    """When it was submitted; of one that was not, when its check ended."""


class VersionSample(TypedDict):
    """A fixed picture, as a model saw it, and what it named."""

    labels: list[SampleLabel]
    """At most five labels, the surest first."""
    name: str
    """Which picture."""
    picture: str
    """The picture as the input spec prepares it, at most 96 pixels a side: a `data:` URI of a
    PNG.
    """


class VersionStatistics(TypedDict):
    """The same of one version."""

    devices: int
    """How many devices' results were shown to customers."""
    earned: str
    """What the developer was paid for them, in tokens."""
    number: int
    """Versions of an algorithm are numbered from 1 on."""
    rating: float | None
    """The mean of those ratings' stars; `null` where there is none."""
    rating_count: int
    """How many ratings were first given then that are shown now."""
    version_id: str
    """The version."""


class VersionToReview(TypedDict):
    """A version, with what a moderator needs to know of its algorithm."""

    algorithm_id: str
    """The algorithm that it is a version of."""
    algorithm_title: str
    """The title of the algorithm."""
    checked_at: str | None
    """When its check ended."""
    created_at: str
    developer_id: str
    """The user who offers the algorithm."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    earlier_refusals: int
    """How many other versions of this developer were rejected or recalled."""
    id: str
    input_spec: InputSpec
    labels: list[str]
    """The names of the model's output columns, in their order."""
    least_memory_mib: int | None
    """The memory in MiB that a device needs to be offered it; `null`: not known, and each device
    is.
    """
    least_speed: int | None
    """The `speed` that a device needs to be offered it; `null`: not known, and each device is."""
    may_judge: bool
    """Whether you may approve or reject it: it is neither yours nor an organisation's that you
    act for, or did lately.
    """
    number: int
    """Versions of an algorithm are numbered from 1 on."""
    origin: VersionOrigin | None
    """The bounty that its model was submitted to, if any."""
    passport: Passport | None
    """What running it takes, as the check measured it; `null` where it did not."""
    recall_code: str | None
    """The code of the ready reason for it, if any."""
    recall_reason: str | None
    """Why it was recalled, if it was."""
    recalled_at: str | None
    """When it was recalled."""
    refusals: list[FileRefusal]
    """Why the check refused the file; empty where it did not."""
    review_code: str | None
    """The code of their ready reason, if any."""
    review_reason: str | None
    """What the moderator who reviewed it said."""
    reviewed_at: str | None
    """When it was approved or rejected."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    signature: dict[str, Any] | None
    """What the check read from the model's graph: `inputs` and `outputs` with name, type and
    shape, `opset`, `ir_version`, `operators`, the number of `parameters`, and the least
    `spec_version` of an agent that can run it. `null` until it is checked.
    """
    size: int
    """Size of the file, in bytes."""
    state: VersionState
    twins: list[VersionTwin]
    """Versions of other developers that are the same file, or answer alike: the same files
    first, then the closest. Only moderators see this.
    """
    waiting_seconds: int
    """How long ago that is."""
    waiting_since: str
    """When it was submitted; of one that was not, when its check ended."""


class VersionToReviewPage(TypedDict):
    items: list[VersionToReview]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class VersionTwin(TypedDict):
    """A version of another developer that is the same file, or answers alike."""

    agreement: float | None
    """For what share of fixed pictures both name the same label first: by its name where both
    have the same labels, else by its column. `null` where it was not measured.
    """
    algorithm_id: str
    """The algorithm that it is a version of."""
    algorithm_title: str
    """The title of that algorithm."""
    confidence_difference: float | None
    """By how much their confidences differ where they agree, on average."""
    developer_id: str
    """The user who offers that algorithm."""
    developer_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    is_same_file: bool
    """Whether both files are the same, to the last byte."""
    probes: int | None
    """For how many pictures that was compared."""
    state: VersionState
    version_id: str
    """The other version."""
    version_number: int
    """Its number."""


class Wallet(TypedDict):
    """A wallet on the chain that a user has proven to be theirs."""

    address: str
    """The address, with the capitals of its checksum (EIP-55)."""
    id: str
    is_primary: bool
    """Whether it is the one that is meant where none is named: the one that you chose, else the
    first that you linked.
    """
    kind: WalletKind
    """How the wallet signs."""
    linked_at: str
    """When it was linked."""
    name: str | None
    """What you call the wallet. Only you can see it."""


class WalletChallenge(TypedDict):
    expires_at: str
    """From this time on the message is refused."""
    message: str
    """The message (EIP-4361). Sign it unchanged, with `personal_sign`."""
    nonce: str
    """The random part of the message."""


class WalletChallengeCreate(TypedDict):
    address: str
    """The address of the wallet that will sign."""
    purpose: NotRequired[ChallengePurpose]
    """What the signed message is for. It is good for nothing else."""


class WalletChange(TypedDict):
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""


class WalletCreate(TypedDict):
    message: str
    """The message, unchanged."""
    name: NotRequired[str | None]
    """What you call the wallet. Only you can see it."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""
    signature: str
    """The signature, in hexadecimal digits after `0x`: of the address's key (EIP-191, compact by
    EIP-2098 too), or for its contract (EIP-1271, EIP-6492).
    """


class WalletIdentityCreate(TypedDict):
    """A wallet that is to sign in to your account."""

    message: str
    """The message, unchanged."""
    proof: PasswordProof | WalletProof | OpenidProof | PasskeyProof | TotpProof | RecoveryCodeProof
    """What proves that the account is yours."""
    signature: str
    """The signature, in hexadecimal digits after `0x`: of the address's key (EIP-191, compact by
    EIP-2098 too), or for its contract (EIP-1271, EIP-6492).
    """


class WalletPage(TypedDict):
    items: list[Wallet]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class WalletProof(TypedDict):
    """A message that a wallet signed by which you sign in."""

    kind: Literal["wallet"]
    """By what you prove it."""
    message: str
    """The message from `POST /v1/wallets/challenges` (`purpose: proof`), unchanged."""
    signature: str
    """The wallet's signature, in hexadecimal digits after `0x`."""


class WalletSession(TypedDict):
    """The first two tokens of a session that a wallet opened."""

    access_token: str
    """For the header `Authorization: Bearer …`."""
    expires_in: int
    """Seconds until the access token expires."""
    is_new: bool
    """Whether the account was opened by this."""
    refresh_token: str
    """For one call of `POST /v1/users/refresh`, which returns the next one."""
    token_type: NotRequired[Literal["Bearer"]]
    """How to send the access token."""
    user_id: str
    """Who has signed in."""


class WalletSessionCreate(TypedDict):
    message: str
    """The message, unchanged."""
    signature: str
    """The signature, in hexadecimal digits after `0x`: of the address's key (EIP-191, compact by
    EIP-2098 too), or for its contract (EIP-1271, EIP-6492).
    """


class WalletSignInChallenge(TypedDict):
    address: str
    """The address of the wallet that will sign in."""


class Webhook(TypedDict):
    """A URL that is called with events."""

    created_at: str
    """When it was created."""
    id: str
    previous_secret_until: str | None
    """Until when the secret before this one signs, too; `null` if none does."""
    state: WebhookState
    """Whether events are sent."""
    types: list[str]
    """Only events of these types, such as `job.completed`, or all of one kind, `job.*`. Empty:
    all that you may see.
    """
    url: str
    """What is called, by POST."""


class WebhookCreate(TypedDict):
    types: NotRequired[list[str]]
    """Only events of these types, such as `job.completed`, or all of one kind, `job.*`. Empty:
    all that you may see.
    """
    url: str
    """What to call, by POST: an `https` URL, on the internet."""


class WebhookDelivery(TypedDict):
    """An event that is sent to a webhook, and how its last attempt went."""

    answer: str | None
    """The first kilobyte of the last answer."""
    attempted_at: str | None
    """When it was tried last."""
    attempts: int
    """How often it was tried."""
    created_at: str
    """When it was written, to be sent."""
    error: str | None
    """Why there was no answer."""
    event_id: str
    """The event's id, which each attempt has as `webhook-id`."""
    id: str
    is_replay: bool
    """Whether you asked for it once more."""
    latency_ms: int | None
    """How many milliseconds the last answer took."""
    next_attempt_at: str | None
    """Not before this is it tried again, and not before those about the same thing."""
    state: DeliveryState
    """Whether the URL took it."""
    status: int | None
    """The status of the last answer (HTTP)."""
    type: str
    """The event's type."""


class WebhookDeliveryPage(TypedDict):
    items: list[WebhookDelivery]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class WebhookPage(TypedDict):
    items: list[Webhook]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class WebhookReplay(TypedDict):
    after: NotRequired[str | None]
    """Or all events after this position: an event's id, or `position`."""
    delivery_id: NotRequired[str | None]
    """The event of this delivery."""
    since: NotRequired[str | None]
    """Or all that happened at this time or later."""


class WebhookReplayed(TypedDict):
    """What is sent once more."""

    deliveries: int
    """How many deliveries were written, to be sent."""
    has_more: bool
    """Whether there may be more events, after `position`."""
    position: str
    """Up to where: for `after`, where there is more."""


class WebhookUpdate(TypedDict):
    paused: NotRequired[bool]
    """Whether events wait instead of being sent. `false` makes a disabled webhook active again,
    too.
    """
    types: NotRequired[list[str]]
    """Only events of these types, such as `job.completed`, or all of one kind, `job.*`. Empty:
    all that you may see.
    """
    url: NotRequired[str]
    """What to call from now on."""


class WebhookWithSecret(TypedDict):
    """A webhook with its secret, which is shown this once."""

    created_at: str
    """When it was created."""
    id: str
    previous_secret_until: str | None
    """Until when the secret before this one signs, too; `null` if none does."""
    secret: str | None
    """What each call is signed with (HMAC-SHA256, Standard Webhooks). `null` where an
    `Idempotency-Key` repeats the answer: if you lost it, rotate it.
    """
    state: WebhookState
    """Whether events are sent."""
    types: list[str]
    """Only events of these types, such as `job.completed`, or all of one kind, `job.*`. Empty:
    all that you may see.
    """
    url: str
    """What is called, by POST."""


class WinnerOrderUpdate(TypedDict):
    """Who gets the first places, and why the order changes."""

    order: list[str]
    """The entrants of the places from 1 on. After a ranking by metric all others follow in the
    order that they have; where it is judged by hand they lose their places.
    """
    reason: str
    """Shown to everybody."""


class Withdrawal(TypedDict):
    """Tokens that a user has paid to a wallet on the chain."""

    address: str
    """The address of that wallet."""
    amount: str
    """How many tokens reach the wallet."""
    authorised_at: str | None
    """When it was put into a batch, after which it cannot be cancelled; `null` before that."""
    block_number: int | None
    """The final block that holds this transaction; `null` before that."""
    end_reason: str | None
    """Why it was not paid; `null` if it was or will be."""
    ended_at: str | None
    """When it was paid, reversed or cancelled; `null` before that."""
    fee: str
    """How many tokens it costs in addition."""
    id: str
    memo: str | None
    """The user's note."""
    needs_review: bool
    """Whether an admin has to approve it before it is paid."""
    requested_at: str
    """When the user asked for it."""
    reviewed_at: str | None
    """When an admin approved or refused it; `null` if none did."""
    state: WithdrawalState
    """Where the withdrawal stands."""
    tx_hash: str | None
    """The transaction that paid it; `null` before that."""
    wallet_id: str
    """The linked wallet that is paid to."""


class WithdrawalAllowance(TypedDict):
    """What a user can still withdraw within 24 hours."""

    amount: str
    """How many tokens."""
    count: int
    """How many withdrawals."""


class WithdrawalApproval(TypedDict):
    reason: NotRequired[str | None]
    """Why it is approved. The user can read it, and it is kept in the audit log."""


class WithdrawalBatch(TypedDict):
    """Withdrawals that are paid by one transaction."""

    count: int
    """How many withdrawals are in the batch."""
    created_at: str
    transactions: list[SentTransaction]
    """The transactions that were sent for the batch, newest first: at most 20. At most one of
    them pays.
    """


class WithdrawalCreate(TypedDict):
    amount: str
    """How many tokens reach the wallet. The fee is taken in addition."""
    max_fee: NotRequired[str | None]
    """The highest fee that you accept: if it is higher, the withdrawal is refused. Default: any
    fee.
    """
    memo: NotRequired[str | None]
    """A note for yourself. Only you and admins can see it."""
    password: NotRequired[str | None]
    """Short for a `proof` of the kind `password`."""
    proof: NotRequired[
        PasswordProof
        | WalletProof
        | OpenidProof
        | PasskeyProof
        | TotpProof
        | RecoveryCodeProof
        | None
    ]
    """What proves that the account is yours: money leaves only with it."""
    wallet_id: str
    """The linked wallet to pay to."""


class WithdrawalDetails(TypedDict):
    """A withdrawal, with how far it is on the chain, and its timeline."""

    address: str
    """The address of that wallet."""
    amount: str
    """How many tokens reach the wallet."""
    authorised_at: str | None
    """When it was put into a batch, after which it cannot be cancelled; `null` before that."""
    batch: WithdrawalBatch | None
    """The batch that it is in; `null` if it is in none."""
    block_number: int | None
    """The final block that holds this transaction; `null` before that."""
    end_reason: str | None
    """Why it was not paid; `null` if it was or will be."""
    ended_at: str | None
    """When it was paid, reversed or cancelled; `null` before that."""
    fee: str
    """How many tokens it costs in addition."""
    id: str
    memo: str | None
    """The user's note."""
    needs_review: bool
    """Whether an admin has to approve it before it is paid."""
    requested_at: str
    """When the user asked for it."""
    reviewed_at: str | None
    """When an admin approved or refused it; `null` if none did."""
    seen: PayoutOutcome | None
    """What the vault last did with it; `null` if no block tells of it."""
    state: WithdrawalState
    """Where the withdrawal stands."""
    timeline: Timeline
    """What happened to it, and what happens next."""
    tx_hash: str | None
    """The transaction that paid it; `null` before that."""
    wallet_id: str
    """The linked wallet that is paid to."""


class WithdrawalPage(TypedDict):
    items: list[Withdrawal]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class WithdrawalRefusal(TypedDict):
    reason: str
    """Why it is refused. The user can read it, and it is kept in the audit log."""


class WithdrawalTerms(TypedDict):
    """What a withdrawal costs, and what limits it."""

    batch_seconds: float
    """About how many seconds a withdrawal waits for others, to be paid with them."""
    fee: str
    """How many tokens one withdrawal costs, in addition to its amount."""
    min_amount: str
    """The smallest amount of one withdrawal."""
    paused_reason: str | None
    """Why no withdrawals are paid just now; `null` if they are."""
    remaining_today: WithdrawalAllowance
    """What you can still withdraw, given what you asked for in the last 24 hours."""
    review_above: str
    """If your withdrawals of 24 hours exceed this amount together, an admin has to approve the
    next.
    """
    vault_daily_limit: str
    """How many tokens the vault pays out in a day, to all users together."""


class WithdrawalToReview(TypedDict):
    """A withdrawal that waits for a review, with whose it is and who approved it first."""

    address: str
    """The address of that wallet."""
    amount: str
    """How many tokens reach the wallet."""
    authorised_at: str | None
    """When it was put into a batch, after which it cannot be cancelled; `null` before that."""
    block_number: int | None
    """The final block that holds this transaction; `null` before that."""
    end_reason: str | None
    """Why it was not paid; `null` if it was or will be."""
    ended_at: str | None
    """When it was paid, reversed or cancelled; `null` before that."""
    fee: str
    """How many tokens it costs in addition."""
    first_approved_at: str | None
    """When the first of two admins approved it."""
    first_approved_by: str | None
    """The first of two admins who have to approve it; `null` if none has, or if one admin is
    enough.
    """
    first_approved_by_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    id: str
    memo: str | None
    """The user's note."""
    needs_review: bool
    """Whether an admin has to approve it before it is paid."""
    requested_at: str
    """When the user asked for it."""
    reviewed_at: str | None
    """When an admin approved or refused it; `null` if none did."""
    state: WithdrawalState
    """Where the withdrawal stands."""
    tx_hash: str | None
    """The transaction that paid it; `null` before that."""
    user_id: str
    """The user who asked for the withdrawal."""
    user_name: str | None
    """The name in that user's public profile; `null` where it tells none."""
    wallet_id: str
    """The linked wallet that is paid to."""


class WithdrawalToReviewPage(TypedDict):
    items: list[WithdrawalToReview]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""


class WonPrize(TypedDict):
    """A prize that a user won, alone or with a team."""

    bounty_id: str
    """The bounty."""
    bounty_name: str
    """The name of the bounty."""
    id: str
    """The enrollment that won it."""
    name: str
    """What its ranking calls the winner."""
    place: int | None
    """The place in the final ranking."""
    prize: str
    """What the entrant won, in tokens: a team shares it."""
    won_at: str
    """When the bounty ended."""


class WonPrizePage(TypedDict):
    items: list[WonPrize]
    """At most `limit` items."""
    next_cursor: str | None
    """For `?cursor=`, to get the next page; `null` on the last page."""
