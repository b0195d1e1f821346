"""What an agent says when it can't run: one line with the remedy, and no stack trace."""

import datetime as dt
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.agent.market import Device, Ended, Market, end, open_job
from tests.devices.factories import pairing_code


def refusal(ended: Ended) -> str:
    """The one line that an agent wrote for people before it ended."""
    assert ended.code == 1, ended
    assert ended.err.startswith("dml device: "), ended
    assert ended.err.count("\n") == 1, ended
    return ended.err.removeprefix("dml device: ").strip()


async def run(device: Device, *options: str) -> Ended:
    return await end(await device.start("--once", *options))


async def test_a_home_among_the_photos_is_refused_and_not_made(device: Device) -> None:
    said = refusal(await run(replace(device, home=device.data / "home")))
    assert "lies within the data folder" in said
    assert list(device.data.iterdir()) == []


async def test_a_data_folder_that_is_none_is_refused(device: Device, tmp_path: Path) -> None:
    said = refusal(await run(replace(device, data=tmp_path / "nowhere")))
    assert said.endswith("is no folder. Name the one with your photos: --data DIR")


async def test_without_a_code_it_says_where_one_comes_from(device: Device) -> None:
    said = refusal(await run(device))
    assert said.startswith("This device is not paired yet. Get a code from your account (POST http")


async def test_a_wrong_code_and_a_used_one_are_told_apart(
    market: Market, device: Device, tmp_path: Path
) -> None:
    assert "There is no such pairing code." in refusal(await run(device, "--pair", "ABCD-EFGH"))
    code = await pairing_code(device.owner)
    device.photo("1.jpg", 3)
    await run(device, "--pair", code)
    other = replace(device, home=tmp_path / "other")
    assert "Another device was paired" in refusal(await run(other, "--pair", code))


async def test_a_wrong_country_is_named(device: Device) -> None:
    code = await pairing_code(device.owner)
    said = refusal(await run(device, "--pair", code, "--country", "Portugal"))
    assert "/country" in said


async def test_kinds_that_it_can_not_prepare_are_refused(device: Device) -> None:
    assert "can't process sms: only photo" in refusal(await run(device, "--kinds", "sms"))


async def test_quiet_hours_that_are_none_are_refused(device: Device) -> None:
    ended = await run(device, "--quiet-hours", "late")
    assert ended.code == 2
    assert "--quiet-hours" in ended.err


async def test_in_quiet_hours_it_asks_for_no_work(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    now = dt.datetime.now().astimezone()
    hours = f"{now - dt.timedelta(hours=1):%H:%M}-{now + dt.timedelta(hours=1):%H:%M}"
    async with open_job(market):
        code = await pairing_code(device.owner)
        ended = await run(device, "--pair", code, "--quiet-hours", hours)
    assert (ended.code, await device.states()) == (0, [])
    assert "Quiet hours" in ended.out


async def test_another_server_needs_another_home(market: Market, device: Device) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    said = refusal(await run(device, "--server", "https://other.example.org"))
    assert f"belongs to a device of {market.url}" in said


async def test_a_certificate_that_nobody_signed_is_named_with_the_remedy(
    device: Device, tmp_path: Path
) -> None:
    with TCPServer(("127.0.0.1", 0), BaseRequestHandler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # the client hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}"
        ended = await run(device, "--pair", "ABCD-EFGH", "--server", url)
        server.shutdown()
    assert "its certificate is self-signed certificate (for one of your own" in refusal(ended)


async def test_a_revoked_device_says_so_and_is_paired_anew_by_a_new_code(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    await device.pair()
    first = device.id
    await device.owner.post(f"/v1/devices/{first}/revoke")
    said = refusal(await run(device))
    assert said.startswith("This device was revoked by its owner. To pair it anew")
    async with open_job(market):
        assert (await device.pair()).summary["accepted"] == 1
    assert device.id != first


async def test_a_server_that_is_not_there_is_named_with_the_reason(
    market: Market, device: Device
) -> None:
    await market.close()
    said = refusal(await run(device, "--pair", "ABCD-EFGH"))
    assert said == f"{market.url} can't be reached: Connection refused."


def self_signed(path: Path) -> Path:
    """A key, and a certificate for this machine that no authority has signed."""
    key, now = Ed25519PrivateKey.generate(), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, None)
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
