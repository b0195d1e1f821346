"""A thin layer in front of the four routes of the device path: a third of their processor time.

It answers what is plainly right, and what the device path refuses. Any request that is odd in any
way (a header it does not know what to do with, a body that is not plainly good) goes on to the
routes beneath, as if the layer were not there: so there is one place that says what is wrong with
a request. `tests/jobs/test_contract.py` holds the two to the same answers. Why the routes alone are
not enough: docs/decisions/0007.

What is answered here is counted, not logged: a line each would fill a disk. Refusals are logged.
"""

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec
from cachetools import LRUCache
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dml.algorithms.schemas import LABELS_MAX
from dml.core import metrics
from dml.core.errors import DmlError, Invalid
from dml.core.ids import AssignmentId, JobId, VersionId
from dml.devices.tokens import DeviceActor
from dml.edge.requests import request_id_of, send_answer, send_refusal
from dml.inference.counts import Counts
from dml.jobs.counting import MONTHS, CountIn
from dml.jobs.device_path.lookups import LeaseFacts, Model
from dml.jobs.device_path.outcomes import Leased
from dml.jobs.device_path.service import Claimable, DevicePath, Lease
from dml.jobs.shapes import claimed, extended

_PREFIX: Final = "/v1/assignments/"
_ONE: Final = re.compile(
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/(heartbeat|release|result)"
)
_SPEC_VERSION: Final = b"input-spec-version"
_READ: Final = frozenset(
    (b"authorization", b"content-length", b"content-type", b"x-request-id", _SPEC_VERSION)
)
_VERSIONS: Final = re.compile(rb"[1-9][0-9]{0,2}")
_ODD: Final = frozenset(
    (b"content-encoding", b"expect", b"origin", b"transfer-encoding", b"upgrade")
)
_ACCEPTED: Final = b'{"state":"accepted"}'
_TEMPLATE_BYTES: Final = 8 * 1024 * 1024
_LABELS: Final = TypeAdapter(list[str])


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    max: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1


class _Result(msgspec.Struct, forbid_unknown_fields=True):
    """As `schemas.ResultCreate`, but for months, and for labels, of which a known one is good."""

    items: CountIn
    labels: Annotated[dict[str, CountIn], msgspec.Meta(max_length=LABELS_MAX)]
    uncertain: CountIn
    months: dict[str, dict[str, CountIn]]
    undated: CountIn


_read_claim: Final = msgspec.json.Decoder(_Claim).decode
_read_result: Final = msgspec.json.Decoder(_Result).decode


def _decode_claim(body: bytes) -> _Claim:
    if body.count(b'"') > 2:
        raise ValueError("it has more than one name")
    return _read_claim(body)


def _decode_result(body: bytes) -> Counts:
    """Read a result. Of two values of one name msgspec takes the last, so names are counted: every
    text in a result is one, and has two quotes."""
    result = _read_result(body)
    names = len(result.__struct_fields__) + len(result.labels) + len(result.months)
    names += sum(map(len, result.months.values()))
    if b"\\\\" in body or body.count(b'"') - body.count(b'\\"') != 2 * names:
        raise ValueError("a name is there twice, or cannot be told")
    if not result.months.keys() <= MONTHS:
        raise ValueError("no month is called so")
    return Counts(
        items=result.items,
        labels=result.labels,
        uncertain=result.uncertain,
        months=result.months,
        undated=result.undated,
    )


class _Head(NamedTuple):
    """What is asked, by its path and headers."""

    verb: str
    assignment_id: AssignmentId | None
    token: str
    request_id: str
    body_bytes: int
    spec_version: int


class _Template(NamedTuple):
    """The answer to a claim but for what differs between devices, and the labels."""

    start: bytes
    after_id: bytes
    after_seconds: bytes
    after_until: bytes
    after_try: bytes
    after_url: bytes
    end: bytes


class DeviceLayer:
    """ASGI, around `app`, whose state has the device path. `others` answers what is not of it."""

    def __init__(self, app: Starlette, others: ASGIApp, *, body_limit_bytes: int) -> None:
        self.app, self._others = app, others
        self._limit = body_limit_bytes
        self._templates: LRUCache[JobId, _Template] = LRUCache(_TEMPLATE_BYTES, _length)
        self._labels: LRUCache[VersionId, bytes] = LRUCache(_TEMPLATE_BYTES, len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = _read_head(scope) if scope["type"] == "http" else None
        if head is None or head.body_bytes > self._limit:
            await self._others(scope, receive, send)
            return
        began, outcome = time.perf_counter(), "ok"
        body, replay = await _read_body(receive) if head.body_bytes else (b"", receive)
        path: DevicePath = self.app.state.device_path
        try:
            device = path.admit(head.token, scope["client"][0])
            code, answer = await self._answer(path, device, head, body)
        except Invalid:
            await self.app(scope, replay, send)
            return
        except DmlError as refusal:
            outcome = refusal.code
            await send_refusal(refusal, head.request_id, scope, receive, send)
        except Exception:  # Odd, or a bug: the routes say so, and in the case of a bug, log it.
            await self.app(scope, replay, send)
            return
        else:
            await send_answer(send, code, answer, head.request_id)
        metrics.DEVICE_REQUESTS.inc(head.verb, outcome)
        metrics.DEVICE_SECONDS.observe(time.perf_counter() - began, head.verb)

    async def _answer(
        self, path: DevicePath, device: DeviceActor, head: _Head, body: bytes
    ) -> tuple[int, bytes]:
        if head.assignment_id is None:
            most = _decode_claim(body).max
            got = await path.claim(device, most=most, spec_version=head.spec_version)
            return 200, self._encode(got)
        match head.verb:
            case "result":
                await path.accept_result(device, head.assignment_id, _decode_result(body))
                return 200, _ACCEPTED
            case "heartbeat":
                beat = extended(await path.heartbeat(device, head.assignment_id))
                return 200, beat.model_dump_json().encode()
            case _:
                await path.release(device, head.assignment_id)
                return 204, b""

    def _encode(self, got: Claimable) -> bytes:
        """Write what a claim gave, as the route does: most of it is the same for each device."""
        if len(got.leases) != 1:
            return claimed(got).model_dump_json(by_alias=True).encode()
        (held,) = got.leases
        try:
            template = self._templates[held.leased.job_id]
        except KeyError:
            template = self._templates[held.leased.job_id] = _template(held)
        labels = self._encoded_labels(held.facts.model)
        name = str(held.leased.id).encode()
        seconds, until = b"%d" % held.leased.seconds, _moment(held.leased.expires_at)
        longest = b"%d" % held.leased.try_seconds
        start, after_id, after_seconds, after_until, after_try, after_url, end = template
        lease = (start, name, after_id, seconds, after_seconds, until, after_until, longest)
        return b"".join((*lease, after_try, name, after_url, labels, end))

    def _encoded_labels(self, model: Model) -> bytes:
        """Write the labels of a version as pydantic does: once for all its jobs."""
        try:
            return self._labels[model.version_id]
        except KeyError:
            encoded = _LABELS.dump_json(list(model.labels))
            with contextlib.suppress(ValueError):  # Larger than all that may be kept.
                self._labels[model.version_id] = encoded
            return encoded


def _read_head(scope: Scope) -> _Head | None:
    """Read path and headers; None where the routes beneath shall."""
    path: str = scope["path"]
    if not path.startswith(_PREFIX) or scope["method"] != "POST" or scope.get("root_path"):
        return None
    if scope["query_string"]:  # The routes know no parameter, and say so.
        return None
    if path == "/v1/assignments/claim":
        verb, assignment_id = "claim", None
    else:
        named = _ONE.fullmatch(path, len(_PREFIX))
        if named is None:
            return None
        verb, assignment_id = named[2], AssignmentId(UUID(named[1]))
    seen: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            if name in seen:
                return None
            seen[name] = value
        elif name in _ODD:
            return None
    scheme, _, token = seen.get(b"authorization", b"").partition(b" ")
    length = seen.get(b"content-length", b"0")
    if scheme != b"Bearer" or len(token.split()) != 1 or not length.isdigit():
        return None
    has_body = verb in ("claim", "result")
    is_json = seen.get(b"content-type") == b"application/json"
    if has_body != (length != b"0") or has_body != is_json or scope["client"] is None:
        return None
    version = seen.get(_SPEC_VERSION, b"1")
    if not _VERSIONS.fullmatch(version):
        return None
    request_id = request_id_of(seen.get(b"x-request-id", b""))
    name = token.decode("latin-1")
    return _Head(verb, assignment_id, name, request_id, int(length), int(version))


async def _read_body(receive: Receive) -> tuple[bytes, Receive]:
    """Read the body, whose length is known to be fit; and return the means to read it again."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    left = iter(messages)

    async def replay() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return b"".join(it.get("body", b"") for it in messages), replay


def _template(held: Lease) -> _Template:
    """Cut the answer to a claim at what differs: id, seconds, end of the lease, of the try, id.

    All of them come before what people wrote (the input), so the first of each is it. The labels
    come after it, and are left out: they are the same for many jobs. Quotes in what people wrote
    are escaped, so the last empty list of this name is theirs. Why it is not simply written anew:
    docs/decisions/0007.
    """
    name, seconds, longest = AssignmentId(UUID(int=0)), 987_654_321, 987_654_322
    until = datetime(2199, 12, 31, tzinfo=UTC)
    facts = LeaseFacts(held.facts.job, replace(held.facts.model, labels=()))
    sample = Lease(Leased(name, held.leased.job_id, until, seconds, longest), facts)
    whole = claimed(Claimable([sample], 0, None)).model_dump_json(by_alias=True)
    start, rest, end = whole.split(str(name), 2)
    after_id, rest = rest.split(str(seconds), 1)
    after_seconds, rest = rest.split(_moment(until).decode(), 1)
    after_until, after_try = rest.split(str(longest), 1)
    after_url, empty, end = end.rpartition(',"labels":[]')
    assert empty, "a lease tells its labels"
    after_url += empty.removesuffix("[]")
    parts = (start, after_id, after_seconds, after_until, after_try, after_url, end)
    return _Template(*(it.encode() for it in parts))


def _moment(moment: datetime) -> bytes:
    """Write a moment in UTC as pydantic does."""
    return moment.isoformat()[:-6].encode() + b"Z"


def _length(template: Sequence[bytes]) -> int:
    return sum(map(len, template))
