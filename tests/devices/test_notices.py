"""What is mailed of devices."""

from tests.accounts.notices.told import notices, verified
from tests.devices.factories import pair
from tests.world import World


async def test_a_device_that_is_paired_is_mailed_by_its_name(world: World) -> None:
    ada = await verified(world)
    await pair(world, ada, name="Ada's phone\nFrom: nobody")
    (told,) = await notices(world, ada)
    assert told.kind == "device_paired"
    assert 'The device "Ada\'s phone From: nobody" (android) was paired' in told.text
