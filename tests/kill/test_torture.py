"""A short turn of the kill suite; `make torture` takes longer ones."""

import json
import sys

import pytest

from tests.kill.test_kills import a_seed
from tests.kill.torture import Size, torture


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_all_that_devices_saw_accepted_is_kept_counted_and_paid_once() -> None:
    report = await torture(Size.of(0.5), a_seed(), lambda told: sys.stdout.write(f"{told}\n"))
    told = report.as_json()
    sys.stdout.write(json.dumps(told, indent=1))
    assert report.is_right, told["wrong"]
    assert (told["lost"], told["twice"], told["deadlocks"]) == (0, 0, 0)
    assert (told["ledger_sum"], told["doctor"]) == ("0", [])
    assert told["accepted_seen"] > 0
    assert sum(told["kills"].values()) >= 5
