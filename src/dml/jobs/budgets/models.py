"""The row of an owner's budget. Columns and constraints only."""

from sqlalchemy import ARRAY, BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId


class OwnerBudget(Base):
    """What jobs may learn of an owner within 30 days, and did: in billionths of rho.

    No foreign key, as all that the device path writes: it would cost each claim. `days` grow, and
    are at most 30; what was `spent` on each is beside it, what leases may still cost among it.
    """

    __tablename__ = "owner_budgets"
    __table_args__ = (
        CheckConstraint("spent_in_all >= 0", "never_given_back_twice"),
        CheckConstraint("cardinality(days) = cardinality(spent)", "each_day_has_its_sum"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    owner_id: Mapped[UserId] = mapped_column(primary_key=True)
    most: Mapped[int | None] = mapped_column(BigInteger, default=None)  # None: what is usual.
    paused: Mapped[bool] = mapped_column(default=False, server_default="false")
    spent_in_all: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    days: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), default_factory=list, server_default="{}"
    )
    spent: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), default_factory=list, server_default="{}"
    )
