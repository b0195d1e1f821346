"""`ETag` with `If-Match`, so that nobody overwrites a change that they have not seen, and with
`If-None-Match`, so that nobody reads twice what they have.
"""

from typing import Annotated

from fastapi import Depends, Header

from dml.core.errors import Invalid


class BadIfMatch(Invalid):
    code = "edge.bad_if_match"
    pointer = "/If-Match"
    reason = "This If-Match is none that an ETag gave."
    remedy = "Send the ETag of the answer you edit, or leave the header out."


def etag(revision: int) -> str:
    return f'"{revision}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether who sends this `If-None-Match` has what `etag` names (RFC 9110, 13.1.2)."""
    known = {it.strip().removeprefix("W/") for it in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known


def _revision(
    if_match: Annotated[
        str | None,
        Header(description="The ETag you read: refused with 412 if that is no longer the newest."),
    ] = None,
) -> int | None:
    if if_match is None or if_match == "*":
        return None
    number = if_match.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit()) or len(number) > 9:  # "²" is a digit too.
        raise BadIfMatch
    return int(number)


IfMatch = Annotated[int | None, Depends(_revision)]
