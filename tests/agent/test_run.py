"""What an agent does from end to end: a real server, a real model, real photos."""

import json
import time
from datetime import date

from tests.agent.market import Device, Market, open_job


async def test_it_pairs_runs_and_hands_in_exact_counts(market: Market, device: Device) -> None:
    for number in range(45):
        device.photo(f"2025/{number}.jpg", number % 3, date(2025, 1 + number % 2, 5))
    async with open_job(market):
        began = time.time()
        ended = await device.pair()
        print(time.time() - began, ended)
    assert ended.code == 0
    print(json.dumps(await device.results()))
    print((await device.status()).out)
