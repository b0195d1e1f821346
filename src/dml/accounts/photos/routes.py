"""REST for photos: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from dml.accounts.photos import queries, rules, service, uploads
from dml.accounts.photos.rules import MEDIA_TYPE
from dml.accounts.photos.schemas import PhotoOut, PhotoRemoval
from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.core.errors import NotSignedIn
from dml.core.ids import UserId
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge, a_file
from dml.edge.files import SendFile
from dml.edge.http import Begin, Ctx, Server, SignedInBegin
from dml.edge.limits import TooManyTries
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
admin_router = APIRouter(prefix="/v1/admin/users", route_class=StrictRoute)

A_PHOTO: Final = a_file(
    dict.fromkeys(("image/jpeg", "image/png", "image/webp"), "(the bytes of a photo)")
)
THE_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture. Its `ETag` is its SHA-256.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
# For a day, and no longer: a photo that its user removes goes from all caches, too.
SHOWN: Final = {
    "Cache-Control": "public, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
}
Digest = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the picture, as its `url` has.")
]


@router.put(
    "/me/photo",
    operation_id="photos.replace",
    openapi_extra=A_PHOTO,
    response_model=PhotoOut,
    responses=refusals(
        NotSignedIn,
        rules.NotAPhoto,
        rules.TooManyPixels,
        rules.PhotosBusy,
        rules.PhotosOff,
        FileTooLarge,
        FileEmpty,
        FileCutOff,
        TooManyTries,
    ),
)
async def change_photo(begin: SignedInBegin, server: Server, request: Request) -> Any:
    """Set your photo.

    For signed-in users. The body is a JPEG, PNG or WebP of at most 5 MiB and 16 megapixels, which
    is not animated; what it is, its bytes say, and not its type. Everybody can see it. What is
    kept is made anew: upright, without any metadata, as a WebP of 512 pixels at most and a
    thumbnail of 96. It replaces the photo before, which is deleted.
    """
    return (await uploads.change(server, begin, request)).photo


@router.delete("/me/photo", operation_id="photos.delete", status_code=204)
async def remove_photo(ctx: Ctx) -> None:
    """Delete your photo.

    For signed-in users. It is shown no more, and deleted; copies in the caches of others last a day
    at most. Without a photo, nothing happens.
    """
    await service.remove(ctx)


@admin_router.delete(
    "/{user_id}/photo",
    operation_id="photos.delete_as_admin",
    status_code=204,
    responses=refusals(AdminsOnly, UserNotFound, rules.PhotoNotFound),
)
async def remove_photo_of(
    ctx: Ctx, user_id: UserId, query: Annotated[PhotoRemoval, Query()]
) -> None:
    """Delete a user's photo.

    For admins: for one that nobody should see. The user can read the reason, and may set another.
    """
    await service.remove_as_admin(ctx, user_id, reason=query.reason)


@router.get(
    "/{user_id}/photos/{sha256}",
    operation_id="photos.get",
    response_class=Response,
    responses=THE_PICTURE | refusals(rules.PhotoNotFound),
)
async def get_photo(
    begin: Begin, server: Server, user_id: UserId, sha256: Digest, send: SendFile
) -> Response:
    """Get a user's photo or thumbnail.

    For anybody, at the `url` or `thumbnail_url` of a public profile. A path gives one picture,
    which never changes: it can be kept for a day without asking.
    """
    async with begin() as ctx:
        await queries.require_shown(ctx.tx, user_id, sha256)
    return await send(sha256, headers=SHOWN, media_type=MEDIA_TYPE)
