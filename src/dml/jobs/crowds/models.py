"""The row of a crowd. Columns and constraints only."""

from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base

EVERYWHERE: Final = ""  # The country of the row about all of them.


class Crowd(Base):
    """How many owners could take part in jobs, with noise: so it may be below zero.

    `owners` are numbers of disjoint groups. Of a country: who did not agree to exact answers, and
    who did. Of EVERYWHERE: the same two for each of `rules.SEEN`, by when a device of theirs was
    seen last.
    """

    __tablename__ = "crowds"

    kind: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(primary_key=True)
    owners: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    drawn_at: Mapped[datetime]
