"""The graph of accounts: yourself, and what everybody may know of others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from dml.accounts import queries
from dml.accounts.models import photo_of
from dml.accounts.organisations.schemas import OrganisationOut
from dml.accounts.schemas import PublicUserOut
from dml.core.context import Context
from dml.core.ids import UserId
from dml.edge.graphql.graph import Graph, Read


async def load_users(ctx: Context, ids: Sequence[UUID]) -> Mapping[UUID, PublicUserOut]:
    """Return what everybody may know of these users."""
    found = await queries.list_profiles_by_ids(ctx.tx, [UserId(it) for it in ids])
    return {it.id: _shown(it) for it in found}


def _shown(row: Any) -> PublicUserOut:
    told = row._asdict()
    photo = photo_of(row.id, told.pop("photo_sha256"), told.pop("thumbnail_sha256"))
    return PublicUserOut.model_validate({**told, "photo": photo})


COOKIES: Final = tuple(f"browser_sessions.{it}" for it in ("create", "refresh", "delete"))
GRAPH: Final = Graph(
    reads=(
        Read("users", "users.list"),
        Read("managedUser", "users.get_as_admin"),
        Read("me", "users.get_me"),
        Read("user", "users.get"),
        Read("developerAgreement", "developer_agreements.get_current"),
        Read("earlierDeveloperAgreement", "developer_agreements.get"),
        Read("developerAgreements", "developer_agreements.list"),
        Read("sessions", "sessions.list"),
        Read("tokens", "tokens.list"),
        Read("identities", "identities.list"),
        Read("openidProviders", "openid_providers.list"),
        Read("factors", "factors.get"),
        Read("passkeys", "passkeys.list"),
        Read("dataExports", "data_exports.list"),
        Read("dataExport", "data_exports.get"),
        Read("organisations", "organisations.list"),
        Read("organisation", "organisations.get"),
        Read("members", "members.list", on=OrganisationOut),
        Read("invitations", "invitations.list", on=OrganisationOut),
    ),
    nodes=("users.get",),
    without={
        "photos.get": "A file goes by REST.",
        "photos.replace": "A file goes by REST.",
        "data_exports.get_file": "A file goes by REST.",
        **dict.fromkeys(COOKIES, "It reads and sets a cookie, which no answer of the graph does."),
        "openid_sign_ins.start": "A page of a provider, to which a browser goes.",
    },
)
