"""Identifiers: one NewType per table, so the checker refuses a job's id for an algorithm's."""

import os
import secrets
import threading
import time
from itertools import accumulate
from typing import Final, NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
TokenId = NewType("TokenId", UUID)
TransferId = NewType("TransferId", UUID)
CreditId = NewType("CreditId", UUID)
AlgorithmId = NewType("AlgorithmId", UUID)
VersionId = NewType("VersionId", UUID)
AppealId = NewType("AppealId", UUID)
UploadId = NewType("UploadId", UUID)
DeviceId = NewType("DeviceId", UUID)
JobId = NewType("JobId", UUID)
AssignmentId = NewType("AssignmentId", UUID)
FoldId = NewType("FoldId", UUID)
ArchiveId = NewType("ArchiveId", UUID)
BountyId = NewType("BountyId", UUID)
AttachmentId = NewType("AttachmentId", UUID)
EnrollmentId = NewType("EnrollmentId", UUID)
SubmissionId = NewType("SubmissionId", UUID)
DisputeId = NewType("DisputeId", UUID)
DecisionId = NewType("DecisionId", UUID)
VaultId = NewType("VaultId", UUID)
DepositId = NewType("DepositId", UUID)
WalletId = NewType("WalletId", UUID)
WithdrawalId = NewType("WithdrawalId", UUID)
BatchId = NewType("BatchId", UUID)
WebhookId = NewType("WebhookId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
LeaseId = NewType("LeaseId", UUID)
MailId = NewType("MailId", UUID)
IdentityId = NewType("IdentityId", UUID)
ExportId = NewType("ExportId", UUID)
InvitationId = NewType("InvitationId", UUID)
RatingId = NewType("RatingId", UUID)
PublicationId = NewType("PublicationId", UUID)
ProfileId = NewType("ProfileId", UUID)

ID_TYPES: Final = (
    UserId,
    SessionId,
    TokenId,
    TransferId,
    CreditId,
    AlgorithmId,
    VersionId,
    AppealId,
    UploadId,
    DeviceId,
    JobId,
    AssignmentId,
    FoldId,
    ArchiveId,
    BountyId,
    AttachmentId,
    EnrollmentId,
    SubmissionId,
    DisputeId,
    DecisionId,
    VaultId,
    DepositId,
    WalletId,
    WithdrawalId,
    BatchId,
    WebhookId,
    DeliveryId,
    LeaseId,
    MailId,
    IdentityId,
    ExportId,
    InvitationId,
    RatingId,
    PublicationId,
    ProfileId,
)

_lock = threading.Lock()
_last = 0  # 48 bits of milliseconds, then 74 random bits: a UUIDv7 without version and variant.


def new_id() -> UUID:
    """Return a UUIDv7, greater than each that this process made before.

    Within a millisecond, and when the clock goes back, it counts on from the last one by a
    random step (RFC 9562, 6.2, method 2). Between processes only the millisecond orders.
    """
    global _last
    drawn = int.from_bytes(os.urandom(14))  # One call of the system for both: 106 of 112 bits.
    with _lock:
        fresh = time.time_ns() // 1_000_000 << 74 | drawn >> 38
        _last = value = max(fresh, _last + 1 + (drawn & 2**32 - 1))
    return _as_uuid(value)


def new_ids(count: int) -> list[UUID]:
    """Return so many ids, in their order, for less: they count on from each other."""
    global _last
    steps = memoryview(secrets.token_bytes(4 * count)).cast("I")
    with _lock:
        fresh = time.time_ns() // 1_000_000 << 74 | secrets.randbits(74)
        values = list(accumulate((step + 1 for step in steps), initial=max(fresh, _last)))[1:]
        _last = values[-1] if values else _last
    return [_as_uuid(it) for it in values]


def _as_uuid(value: int) -> UUID:
    time_and_a, b = value >> 62, value & (2**62 - 1)
    milliseconds, a = time_and_a >> 12, time_and_a & 0xFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | a << 64 | 0b10 << 62 | b)
