"""What must be true of the chain in the end: each way to be wrong is found."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from demo.chain_outcome import OnChain, Withdrawn, faults

OWNER = Withdrawn(earned=Decimal(1), arrived=Decimal(1), left=Decimal(0))
RIGHT = OnChain(
    seconds=7.5,
    deposited=Decimal(25),
    owners=[OWNER, OWNER],
    vault=Decimal(23),
    ledger_chain=Decimal(-23),
    complaints=[],
)


def test_what_is_right_has_no_faults_and_is_told_in_whole_tokens() -> None:
    assert list(faults(RIGHT)) == []
    assert RIGHT.as_json() == {
        "seconds": 7.5,
        "deposited": "25",
        "withdrawn": "2",
        "vault": "23",
        "ledger_chain": "-23",
    }


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"vault": Decimal(22)}, "the vault holds: 22, but the books say: 23"),
        ({"ledger_chain": Decimal(-24)}, "the vault holds: 23, but the books say: 24"),
        ({"deposited": Decimal(26)}, "the vault holds: 23, but deposited less withdrawn: 24"),
        ({"owners": [OWNER, replace(OWNER, arrived=Decimal(0))]}, "owner 2's wallet: 0"),
        ({"owners": [replace(OWNER, left=Decimal(1)), OWNER]}, "what owner 1 has left: 1"),
        ({"owners": [], "vault": Decimal(25)}, "nothing was withdrawn"),
        ({"complaints": ["no"]}, "the doctor complains: no"),
    ],
)
def test_each_way_to_be_wrong_is_found(changes: dict[str, Any], found: str) -> None:
    told = list(faults(replace(RIGHT, **changes)))
    assert any(it.startswith(found) for it in told), told
