"""Blobs in a bucket: what holds of those in a folder holds of them, and URLs are signed right."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastapi import Request
from obstore.exceptions import BaseError
from pydantic import ValidationError

from dml.core.blobs import Blobs, BlobTooLarge
from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.edge import problems
from dml.entrypoints import wiring
from dml.entrypoints.embedded import free_ports
from dml.entrypoints.supervisor import up
from tests.s3 import CREDENTIALS, Bucket, bucket

LONG_AGO = timedelta(hours=-1)


@pytest.fixture(scope="module")
def there() -> Iterator[Bucket]:
    with bucket() as opened:
        yield opened


@pytest.fixture
def blobs(there: Bucket) -> Blobs:
    return wiring.make_blobs(Settings(blobs=there.url, blobs_endpoint=there.endpoint))


async def pieces(content: bytes, size: int = 1_000_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_a_blob_comes_and_goes_as_in_a_folder(blobs: Blobs, there: Bucket) -> None:
    content = bytes(range(256)) * 40_000  # More than a part has.
    stored = await blobs.put(pieces(content), limit=len(content))
    assert await blobs.get(stored.sha256) == content
    assert await blobs.get_size(stored.sha256) == stored.size == len(content)
    assert await blobs.get_range(stored.sha256, 5, 9) == content[5:9]
    part = await blobs.stream(stored.sha256, (10, 300_000))
    assert b"".join([it async for it in part]) == content[10:300_000]
    assert await blobs.has(stored.sha256)
    assert there.names() == {f"of-tests/sha256/{stored.sha256[:2]}/{stored.sha256}"}
    await blobs.forget(stored.sha256)
    assert not await blobs.has(stored.sha256)
    for asked in (blobs.get, blobs.get_size, blobs.stream):
        with pytest.raises(FileNotFoundError):
            await asked(stored.sha256)
    with pytest.raises(BlobTooLarge):
        await blobs.put(pieces(content), limit=100)
    assert there.names() == set()


async def test_what_is_old_and_nobodys_is_put_aside_and_what_is_young_stays(
    blobs: Blobs,
) -> None:
    sha256 = (await blobs.keep(b"nobody's")).sha256
    now = datetime.now(UTC)
    assert not await blobs.condemn(sha256, now + LONG_AGO)
    later = now - LONG_AGO
    listed = [it async for some in blobs.list_old(later) for it in some]
    assert listed == [sha256]
    assert await blobs.condemn(sha256, later)
    assert await blobs.list_condemned() == [sha256]
    assert await blobs.has(sha256)
    await blobs.restore(sha256)
    assert await blobs.get(sha256) == b"nobody's"
    assert await blobs.condemn(sha256, later)
    await blobs.delete(sha256)
    assert not await blobs.has(sha256)
    assert not await blobs.condemn(sha256, later)


async def test_what_a_killed_process_left_is_deleted_once_it_is_old(
    blobs: Blobs, there: Bucket
) -> None:
    await blobs.take_in(pieces(b"never published"), limit=100)
    now = datetime.now(UTC)
    assert await blobs.forget_cut_off(now + LONG_AGO) == 0
    assert await blobs.forget_cut_off(now - LONG_AGO) == 1
    assert there.names() == set()


async def test_quarantine_keeps_what_came_well_and_forgets_an_upload_as_a_whole(
    blobs: Blobs, there: Bucket
) -> None:
    quarantine, one, other = blobs.quarantine, new_id(), new_id()

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError

    await quarantine.put(one, "a", pieces(b"first "))
    await quarantine.put(one, "b", pieces(b"second"))
    await quarantine.put(other, "a", pieces(b"of another"))
    with pytest.raises(ValueError):  # noqa: PT011 - its own, without words
        await quarantine.put(one, "c", broken())
    assert b"".join([it async for it in quarantine.read(one, ["a", "b"])]) == b"first second"
    assert [await quarantine.find_size(one, it) for it in "abc"] == [6, 6, None]
    assert {it async for some in quarantine.list_uploads() for it in some} == {one, other}
    await quarantine.forget(one)
    assert {it async for some in quarantine.list_uploads() for it in some} == {other}
    await quarantine.forget(other)
    assert there.names() == set()


def signature(method: str, url: str) -> str:
    """What botocore signs this request with, at the moment that the URL names."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    request = AWSRequest(method=method, url=f"{parts.scheme}://{parts.netloc}{parts.path}")
    keys = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    signer = S3SigV4QueryAuth(
        keys, "s3", CREDENTIALS["AWS_REGION"], expires=int(asked["X-Amz-Expires"])
    )
    request.context["timestamp"] = asked["X-Amz-Date"]
    signer._modify_request_before_signing(request)  # type: ignore[attr-defined] # not in its stubs
    canonical = signer.canonical_request(request)
    made: str = signer.signature(signer.string_to_sign(request, canonical), request)
    return made


async def test_a_url_to_put_a_file_is_signed_as_botocore_signs_it(
    blobs: Blobs, there: Bucket
) -> None:
    upload_id = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    url = await blobs.quarantine.sign_put(upload_id, "direct", seconds=900)
    assert url is not None
    parts = urlsplit(url)
    asked: dict[str, Any] = dict(parse_qsl(parts.query))
    assert parts.path == f"/models/of-tests/quarantine/{upload_id}/direct"
    assert (asked["X-Amz-Expires"], asked["X-Amz-SignedHeaders"]) == ("900", "host")
    assert asked["X-Amz-Signature"] == signature("PUT", url)
    assert asked["X-Amz-Signature"] != signature("GET", url)
    assert asked["X-Amz-Signature"] != signature("PUT", url.replace("/direct?", "/other?"))


@pytest.mark.parametrize(
    "wrong", ["s3://", "s3://B/x", "gs://bucket", "https://bucket.example.org", "s3://b/a b"]
)
def test_what_is_no_bucket_is_no_setting(wrong: str) -> None:
    with pytest.raises(ValidationError, match="s3://bucket"):
        Settings(blobs=wrong)


async def test_a_folder_signs_nothing(tmp_path: Path) -> None:
    blobs = Blobs.in_folder(tmp_path)
    assert await blobs.quarantine.sign_put(new_id(), "direct", seconds=900) is None


async def test_a_bucket_that_is_away_is_told_as_something_that_passes(there: Bucket) -> None:
    port = free_ports.lasting("127.0.0.1")
    away = Blobs.in_bucket(there.url, region=None, endpoint=f"http://127.0.0.1:{port}")
    with pytest.raises(BaseError) as lost:
        await away.get_size("0" * 64)
    request = Request({"type": "http"})
    assert (await problems.wait_for_database(request, lost.value)).status_code == 503


def test_what_dml_up_hands_down_is_the_same_bucket(tmp_path: Path) -> None:
    for given, handed in (("s3://models/x", "s3://models/x"), (f"{tmp_path}/a", f"{tmp_path}/a")):
        assert up.make_plan(Settings(home=tmp_path, blobs=given)).blobs == handed
    assert up.make_plan(Settings(home=tmp_path)).blobs == str(tmp_path / "blobs")
