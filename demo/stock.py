"""The terms of the job, and what everybody has when it is over."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from demo.cast import Cast
from demo.made import Album
from demo.outcome import Answer, Money, Outcome, Price
from demo.people import Owner
from demo.together import both, together

REWARD: Final = Decimal(1)
DEVICE_FEE: Final = Decimal("0.25")
_DEPOSIT_A_DEVICE: Final = Decimal(5)  # More than one costs, so that something is left.


def deposit(devices: int) -> Decimal:
    """What the customer begins with."""
    return _DEPOSIT_A_DEVICE * devices


async def take_stock(
    cast: Cast, owners: Sequence[Owner], album: Album, job: Mapping[str, Any], answer: Answer
) -> Outcome:
    """Ask everybody what they have, and the admin for the books."""
    (customer, developer), (earned, books) = await both(
        both(cast.customer.balance(), cast.developer.balance()),
        both(together(it.balance() for it in owners), cast.admin.books()),
    )
    return Outcome(
        devices=len(owners),
        truth=album.truth,
        answer=answer,
        price=Price(*(Decimal(job[it]) for it in ("reward", "device_fee", "platform_fee"))),
        money=Money(
            credited=deposit(len(owners)),
            customer=customer,
            owners=earned,
            developer=developer,
            books={name: Decimal(amount) for name, amount in books.items()},
        ),
    )
