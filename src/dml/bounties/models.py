"""The rows. Columns and constraints only; what may happen to them is in rules.py.

Their states are in states.py, and can be imported from here, too.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from dml.bounties.states import (
    AttachmentKind as AttachmentKind,
    BountyState as BountyState,
    EnrollmentState as EnrollmentState,
    Judging as Judging,
    SubmissionKind as SubmissionKind,
    SubmissionState as SubmissionState,
    TestSetState as TestSetState,
    Ties as Ties,
)
from dml.core.db import Base
from dml.core.ids import (
    AttachmentId,
    BountyId,
    DecisionId,
    DisputeId,
    EnrollmentId,
    SubmissionId,
    UserId,
)
from dml.core.money import MicroTokens

# The text that the list of bounties is searched by: as in its index, in PostgreSQL's own wording.
WORDS: Final = (
    "to_tsvector('english'::regconfig,"
    " (((((name || ' ') || organisation) || ' ') || subtitle) || ' ') || description)"
)


class Bounty(Base):
    __tablename__ = "bounties"
    __table_args__ = (
        CheckConstraint("cardinality(prizes) BETWEEN 1 AND 100", "prizes_counted"),
        CheckConstraint("0 < ALL (prizes)", "prizes_positive"),
        CheckConstraint("prize_pool > 0 AND enrollment_fee >= 0", "amounts"),
        CheckConstraint(
            "enrolls_at < submits_at AND submits_at < closes_at AND closes_at < judged_by",
            "dates_in_order",
        ),
        CheckConstraint("dispute_seconds >= 0", "dispute_not_negative"),
        CheckConstraint("team_size_max BETWEEN 1 AND 5", "team_size"),
        CheckConstraint("(judging = 'metric') = (metric IS NOT NULL)", "metric_where_judged_by_it"),
        Index(None, "owner_id", "id"),
        Index("bounties_created_at_idx", "created_at", "id"),
        Index("bounties_words_idx", text(WORDS), postgresql_using="gin"),
        Index(
            "bounties_closes_at_idx", "closes_at", "id", postgresql_where="funded_at IS NOT NULL"
        ),
        Index(
            "bounties_prize_pool_idx", "prize_pool", "id", postgresql_where="funded_at IS NOT NULL"
        ),
        Index(None, "tags", postgresql_using="gin"),
    )

    id: Mapped[BountyId] = mapped_column(primary_key=True)
    owner_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    state: Mapped[BountyState]

    name: Mapped[str]
    organisation: Mapped[str]
    subtitle: Mapped[str]
    description: Mapped[str]
    data: Mapped[str]
    evaluation: Mapped[str]
    rules: Mapped[str]
    tags: Mapped[list[str]]

    judging: Mapped[Judging]
    metric: Mapped[str | None]  # Its name and version: `roc_auc.v1`.
    ties: Mapped[Ties]
    prizes: Mapped[list[MicroTokens]]  # By place, the first one first.
    prize_pool: Mapped[MicroTokens]  # Their sum.
    enrollment_fee: Mapped[MicroTokens]
    team_size_max: Mapped[int]
    # Called otherwise in the table, so that the release before this one still runs on it.
    submissions_per_day: Mapped[int] = mapped_column("submissions_a_day")
    submissions_concurrent: Mapped[int] = mapped_column("submissions_at_once")
    submissions_total: Mapped[int] = mapped_column("submissions_in_all")

    enrolls_at: Mapped[datetime]
    submits_at: Mapped[datetime]  # Enrollment ends.
    closes_at: Mapped[datetime]  # Submissions end.
    judged_by: Mapped[datetime]  # Without a ranking by then, it is cancelled.
    dispute_seconds: Mapped[int]
    created_at: Mapped[datetime]
    funded_at: Mapped[datetime | None] = mapped_column(default=None)
    disputes_until: Mapped[datetime | None] = mapped_column(default=None)
    paused_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    end_reason: Mapped[str | None] = mapped_column(default=None)

    revision: Mapped[int] = mapped_column(default=1)
    alarms: Mapped[int] = mapped_column(default=0)  # How many were set: only the last one counts.
    entrants: Mapped[int] = mapped_column(default=0)  # How many ever enrolled: the next number.
    second_chance: Mapped[bool] = mapped_column(default=False)  # `judged_by` was put off once.
    order_changes: Mapped[int] = mapped_column(default=0)

    @property
    def reference(self) -> str:
        """The name of this bounty in ledger and audit log."""
        return f"bounty:{self.id}"

    @property
    def escrow(self) -> str:
        """The ledger account that holds the prizes."""
        return f"escrow:bounty:{self.id}"

    @property
    def fees_escrow(self) -> str:
        """The ledger account that holds the entrants' fees until the end decides who gets them."""
        return f"escrow:bounty:{self.id}:fees"


class Attachment(Base):
    """A file that everybody who sees the bounty may read."""

    __tablename__ = "bounty_attachments"
    __table_args__ = (UniqueConstraint("bounty_id", "kind", "name"),)

    id: Mapped[AttachmentId] = mapped_column(primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    kind: Mapped[AttachmentKind]
    name: Mapped[str]
    media_type: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime]


class TestSet(Base):
    """The hidden test set. Files and salt are sealed: only a scorer holds the key to them."""

    __test__ = False
    __tablename__ = "bounty_test_sets"
    __table_args__ = (
        CheckConstraint(
            "state <> 'checked' OR (commitment IS NOT NULL AND prepared IS NOT NULL"
            " AND sealed_salt IS NOT NULL AND rows > 0)",
            "checked_is_whole",
        ),
    )

    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"), primary_key=True)
    state: Mapped[TestSetState]
    format: Mapped[str]  # csv or parquet
    id_column: Mapped[str]
    target_column: Mapped[str]
    sealed: Mapped[str]  # SHA-256 of the blob that holds the file, sealed.
    size: Mapped[int]  # Of the file itself, in bytes.
    created_at: Mapped[datetime]
    checked_at: Mapped[datetime | None] = mapped_column(default=None)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(default_factory=list)
    # What the check found and made.
    prepared: Mapped[str | None] = mapped_column(default=None)  # Blob: ids, targets, parts, sealed.
    rows: Mapped[int | None] = mapped_column(default=None)
    public_rows: Mapped[int | None] = mapped_column(default=None)
    classes: Mapped[list[str] | None] = mapped_column(default=None)
    features: Mapped[list[str] | None] = mapped_column(default=None)
    commitment: Mapped[str | None] = mapped_column(default=None)  # SHA-256 of salt and file.
    sealed_salt: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    # Published at the end.
    salt: Mapped[str | None] = mapped_column(default=None)  # In hexadecimal digits.
    published: Mapped[str | None] = mapped_column(default=None)  # Blob: the file itself, open.


class Enrollment(Base):
    """An entrant: somebody alone, or a team with its captain."""

    __tablename__ = "enrollments"
    __table_args__ = (
        UniqueConstraint("bounty_id", "number"),
        UniqueConstraint("bounty_id", "name"),
        CheckConstraint("fee >= 0 AND (prize IS NULL OR prize >= 0)", "amounts"),
        # Set while the order can be disputed; removed from whoever does not win in the end.
        CheckConstraint(
            "prize IS NULL OR prize = 0 OR state IN ('enrolled', 'winner')", "prizes_are_winners"
        ),
        Index("enrollments_board_idx", "bounty_id", "best_key", "best_at", "id"),
        Index("enrollments_place_idx", "bounty_id", "place", "id"),
    )

    id: Mapped[EnrollmentId] = mapped_column(primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    captain_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int]
    name: Mapped[str]  # As the board shows it.
    state: Mapped[EnrollmentState]
    fee: Mapped[MicroTokens]  # What the captain paid.
    rules_sha256: Mapped[str]  # Of the rules that were accepted.
    created_at: Mapped[datetime]
    fee_returned_at: Mapped[datetime | None] = mapped_column(default=None)
    state_reason: Mapped[str | None] = mapped_column(default=None)  # Why disqualified.

    submissions: Mapped[int] = mapped_column(default=0)  # How many were scored.
    # The public board: the Ladder's best. `best_key` orders it: the smaller, the better.
    best_submission_id: Mapped[SubmissionId | None] = mapped_column(default=None)
    best_score: Mapped[float | None] = mapped_column(default=None)
    best_key: Mapped[float | None] = mapped_column(default=None)
    best_at: Mapped[datetime | None] = mapped_column(default=None)
    chosen_submission_id: Mapped[SubmissionId | None] = mapped_column(default=None)

    # The final ranking.
    place: Mapped[int | None] = mapped_column(default=None)
    tied_from: Mapped[int | None] = mapped_column(default=None)  # The places of its band of ties.
    tied_to: Mapped[int | None] = mapped_column(default=None)
    private_score: Mapped[float | None] = mapped_column(default=None)
    chance_of_first: Mapped[float | None] = mapped_column(default=None)
    final_submission_id: Mapped[SubmissionId | None] = mapped_column(default=None)
    prize: Mapped[MicroTokens | None] = mapped_column(default=None)

    @property
    def reference(self) -> str:
        """The name of this enrollment in ledger and audit log."""
        return f"enrollment:{self.id}"

    @hybrid_property
    def competes(self) -> bool:
        """Whether it still competes: not withdrawn or disqualified, and the bounty not ended."""
        return self.state == EnrollmentState.ENROLLED


class Member(Base):
    """A member of an entrant: invited until they agree, then in no other entrant of the bounty."""

    __tablename__ = "enrollment_members"
    __table_args__ = (
        CheckConstraint("share_bps BETWEEN 0 AND 10000", "share"),
        Index(
            "enrollment_members_once_idx",
            "bounty_id",
            "user_id",
            unique=True,
            postgresql_where="agreed_at IS NOT NULL AND left_at IS NULL",
        ),
        Index(None, "user_id", "bounty_id"),
    )

    enrollment_id: Mapped[EnrollmentId] = mapped_column(
        ForeignKey("enrollments.id"), primary_key=True
    )
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    share_bps: Mapped[int]  # Of a prize, in hundredths of a percent.
    agreed_at: Mapped[datetime | None] = mapped_column(default=None)
    left_at: Mapped[datetime | None] = mapped_column(default=None)

    @hybrid_property
    def is_in(self) -> bool:
        """Whether they belong to the entrant: they agreed, and did not leave."""
        return self.agreed_at is not None and self.left_at is None

    @is_in.inplace.expression
    @classmethod
    def _is_in(cls) -> ColumnElement[bool]:
        return cls.agreed_at.is_not(None) & cls.left_at.is_(None)


class Submission(Base):
    """A submitted file. It never changes; `sealed_predictions` holds what it predicts."""

    __tablename__ = "submissions"
    __table_args__ = (
        Index(None, "bounty_id", "id"),
        Index(None, "enrollment_id", "created_at"),
        Index(None, "submitter_id"),
        Index(
            "submissions_waiting_idx",
            "queued_at",
            postgresql_where="state IN ('validating', 'queued', 'evaluating')",
        ),
    )

    id: Mapped[SubmissionId] = mapped_column(primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    enrollment_id: Mapped[EnrollmentId] = mapped_column(ForeignKey("enrollments.id"))
    submitter_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    state: Mapped[SubmissionState]
    kind: Mapped[SubmissionKind]
    name: Mapped[str]  # What its submitter calls it.
    dry_run: Mapped[bool]  # Only checked, never scored.
    sha256: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(default=None)  # Its turn among all that wait.
    queued_at: Mapped[datetime | None] = mapped_column(default=None)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    failed_nodes: Mapped[list[str]] = mapped_column(default_factory=list)
    end_reason: Mapped[str | None] = mapped_column(default=None)
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(default_factory=list)
    # The result of scoring. Only the score that the Ladder shows is kept, not the measured one.
    metric: Mapped[str | None] = mapped_column(default=None)
    improved: Mapped[bool | None] = mapped_column(default=None)
    shown_score: Mapped[float | None] = mapped_column(default=None)
    # Published at once: SHA-256 of a random salt and the predictions. Without the salt, whoever
    # guesses a rival's file could confirm the guess by its hash.
    commitment: Mapped[str | None] = mapped_column(default=None)
    sealed_salt: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    # Of the predictions alone: set once the ranking publishes them.
    predictions_sha256: Mapped[str | None] = mapped_column(default=None)
    sealed_predictions: Mapped[str | None] = mapped_column(default=None)
    evaluation_seconds: Mapped[float | None] = mapped_column(default=None)

    @property
    def reference(self) -> str:
        """The name of this submission in the audit log."""
        return f"submission:{self.id}"


class Record(Base):
    """When the best public score was beaten, and by whom: the board's plot."""

    __tablename__ = "bounty_records"

    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    enrollment_id: Mapped[EnrollmentId] = mapped_column(ForeignKey("enrollments.id"))
    score: Mapped[float]


class Ranking(Base):
    """How the final ranking was made, so that anybody can make it again."""

    __tablename__ = "bounty_rankings"

    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"), primary_key=True)
    metric: Mapped[str]
    draws: Mapped[int]
    # `{enrollment_id, submission_id, predictions_sha256, place, tied_from, …}`, by place.
    entries: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime]


class Agreement(Base):
    """Two entrants whose predictions agree so well that moderators should look."""

    __tablename__ = "bounty_agreements"
    __table_args__ = (CheckConstraint("first_id < second_id", "in_order"),)

    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"), primary_key=True)
    first_id: Mapped[EnrollmentId] = mapped_column(ForeignKey("enrollments.id"), primary_key=True)
    second_id: Mapped[EnrollmentId] = mapped_column(ForeignKey("enrollments.id"), primary_key=True)
    agreement: Mapped[float]
    created_at: Mapped[datetime]


class Dispute(Base):
    """A public objection of an entrant to the result."""

    __tablename__ = "bounty_disputes"
    __table_args__ = (Index(None, "bounty_id", "id"),)

    id: Mapped[DisputeId] = mapped_column(primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    enrollment_id: Mapped[EnrollmentId] = mapped_column(ForeignKey("enrollments.id"))
    author_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str]
    created_at: Mapped[datetime]


class Decision(Base):
    """A decision about winners, with the reason that everybody sees."""

    __tablename__ = "bounty_decisions"
    __table_args__ = (Index(None, "bounty_id", "id"),)

    id: Mapped[DecisionId] = mapped_column(primary_key=True)
    bounty_id: Mapped[BountyId] = mapped_column(ForeignKey("bounties.id"))
    actor_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str]  # rewarded, reordered, disqualified, reinstated
    winners: Mapped[list[str]]  # Ids of enrollments, the first place first.
    reason: Mapped[str]
    created_at: Mapped[datetime]
