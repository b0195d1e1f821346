"""`ETag` with `If-Match`, so that nobody overwrites a change that they have not seen, and with
`If-None-Match`, so that nobody reads twice what they have.

An ETag names a whole answer, so it has a digest of that; with a revision before it, which is all
that `If-Match` looks at, where what is answered may be edited. Who sees another part of a thing,
or sees it later with other counts, has another ETag and may edit the same revision.
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Header, Response

from dml.core.errors import Invalid


class BadIfMatch(Invalid):
    code = "edge.bad_if_match"
    pointer = "/If-Match"
    reason = "This `If-Match` is not an `ETag` of this API."
    remedy = "Send the ETag of the answer you edit, or leave the header out."


DIGITS: Final = 32  # Of a SHA-256: nobody has two answers of one ETag.


def etag(revision: int) -> str:
    return f'"{revision}"'


def complete(response: Response, *, is_read: bool) -> None:
    """Give an answer that is whole its ETag: each read, and what told its revision."""
    told = [it for it in response.raw_headers if it[0] == b"etag"]
    if not told and not is_read:
        return
    digest = hashlib.sha256(response.body).hexdigest()[:DIGITS]
    revision = told[0][1].decode("latin-1").strip('"') + "-" if told else ""
    for it in told:
        response.raw_headers.remove(it)
    response.raw_headers.append((b"etag", f'"{revision}{digest}"'.encode("latin-1")))


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether who sends this `If-None-Match` has what `etag` names (RFC 9110, 13.1.2)."""
    known = {it.strip().removeprefix("W/") for it in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known


async def _revision(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag of the answer that you read. If it was changed meanwhile, the "
            "update is refused with `412`."
        ),
    ] = None,
) -> int | None:
    if if_match is None or if_match == "*":
        return None
    number = if_match.removeprefix("W/").strip('"').partition("-")[0]
    if not (number.isascii() and number.isdigit()) or len(number) > 9:  # "²" is a digit too.
        raise BadIfMatch
    return int(number)


RevisionTeller: TypeAlias = Callable[[int], None]
IfMatch = Annotated[int | None, Depends(_revision)]


async def tell_revision(response: Response) -> RevisionTeller:
    """For a route whose answer may be edited: tells its revision, and OpenAPI that it does."""

    def tell(revision: int) -> None:
        response.headers["ETag"] = etag(revision)

    return tell


TellRevision = Annotated[RevisionTeller, Depends(tell_revision)]
