"""Every SELECT of agreements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.agreement import rules
from dml.accounts.agreement.models import AgreementAcceptance, DeveloperAgreement
from dml.accounts.agreement.rules import Agreement
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.openid.providers import GITHUB
from dml.core.ids import UserId

LISTED_MAX: Final = 100  # Of one user: as many as an operator had versions.


async def find_acceptance(tx: AsyncSession, user_id: UserId | None, sha256: str) -> datetime | None:
    """Return when a user accepted this text, if they did."""
    mine = AgreementAcceptance.user_id == user_id, AgreementAcceptance.sha256 == sha256
    found: datetime | None = await tx.scalar(select(AgreementAcceptance.accepted_at).where(*mine))
    return found


async def list_accepted(tx: AsyncSession, user_id: UserId) -> Sequence[Any]:
    """Return what a user accepted, the newest first."""
    query = (
        select(
            AgreementAcceptance.sha256,
            AgreementAcceptance.accepted_at,
            DeveloperAgreement.version,
            DeveloperAgreement.title,
        )
        .join(DeveloperAgreement, DeveloperAgreement.sha256 == AgreementAcceptance.sha256)
        .where(AgreementAcceptance.user_id == user_id)
        .order_by(AgreementAcceptance.accepted_at.desc(), AgreementAcceptance.sha256)
    )
    return (await tx.execute(query.limit(LISTED_MAX))).all()


async def get_text(tx: AsyncSession, current: Agreement, sha256: str) -> Agreement:
    """Return the text of this digest: the current one, or one that somebody accepted; or refuse."""
    if sha256 == current.sha256:
        return current
    kept = await tx.get(DeveloperAgreement, sha256)
    if kept is None:
        raise rules.AgreementNotFound
    return Agreement(kept.version, kept.title, kept.text, kept.sha256)


async def has_github(tx: AsyncSession, user_id: UserId) -> bool:
    """Whether a GitHub account is linked to this user's."""
    query = select(Identity.id).where(
        Identity.user_id == user_id,
        Identity.kind == IdentityKind.OPENID,
        Identity.subject.startswith(f"{GITHUB} ", autoescape=True),
    )
    return await tx.scalar(query.limit(1)) is not None
