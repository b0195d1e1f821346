"""The rows: cards as HTML."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import AlgorithmId


class RenderedCard(Base):
    """The HTML of a model card. It counts only for the card and the renderer that it is of, so an
    edit by the release before, which renders none, can't leave an old card on the page.
    """

    __tablename__ = "rendered_cards"
    __table_args__ = (CheckConstraint("octet_length(card_sha256) = 32", "sha256"),)

    algorithm_id: Mapped[AlgorithmId] = mapped_column(
        ForeignKey("algorithms.id", ondelete="CASCADE"), primary_key=True
    )
    renderer: Mapped[int]
    card_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    html: Mapped[str]
