"""Every SELECT of this room."""

from sqlalchemy import LargeBinary, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms.cards.models import RenderedCard
from dml.core.ids import AlgorithmId

_KEPT = RenderedCard.__table__.c
_RENDERED = select(_KEPT.html).where(
    _KEPT.algorithm_id == bindparam("algorithm_id"),
    _KEPT.renderer == bindparam("renderer"),
    _KEPT.card_sha256 == bindparam("card_sha256", type_=LargeBinary),
)


async def find_html(
    tx: AsyncSession, algorithm_id: AlgorithmId, *, renderer: int, card_sha256: bytes
) -> str | None:
    """Return what this renderer made of this very card; None where it is not kept."""
    asked = {"algorithm_id": algorithm_id, "renderer": renderer, "card_sha256": card_sha256}
    html: str | None = await tx.scalar(_RENDERED, asked)
    return html
