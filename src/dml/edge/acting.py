"""Acting for an organisation: the header `DML-Act-For`, and which operations take it.

Those are named, in `entrypoints/acting.py`: what is not is done in person, and is refused where the
header is sent, so that nothing is done for somebody else than one thinks (docs/decisions/0064).
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from fastapi import Request

from dml.core.errors import Forbidden, Invalid
from dml.core.ids import UserId
from dml.core.wire import read_id

HEADER: Final = "DML-Act-For"


class InPersonOnly(Forbidden):
    code = "edge.in_person_only"
    reason = "This is done in person, and not for an organisation."
    remedy = f"Send it without the header `{HEADER}`."


class NoOrganisation(Invalid):
    code = "edge.no_organisation"
    pointer = f"/{HEADER}"
    reason = f"`{HEADER}` takes the id of one organisation."
    remedy = "Take it from `GET /v1/organisations`, or send the request without this header."


class NotAMember(Forbidden):
    code = "edge.not_a_member"
    reason = "You act for no such organisation, or an admin suspended it."
    remedy = "List those that you act for (`GET /v1/organisations`)."


def is_acting(request: Request) -> bool:
    """Whether a request names an organisation that it is sent for."""
    return HEADER in request.headers


def acting_for(request: Request, permitted: Collection[str]) -> UserId:
    """Return the organisation that a request is sent for, to an operation that permits it."""
    named = request.headers.getlist(HEADER)
    if getattr(request.scope.get("route"), "operation_id", None) not in permitted:
        raise InPersonOnly
    if len(named) != 1:
        raise NoOrganisation
    try:
        return UserId(UUID(read_id(named[0])))
    except ValueError:
        raise NoOrganisation from None
