"""Which files may become a user's photo. Pure."""

import re
from typing import Final

from dml.core.errors import Invalid, NotFound, Unavailable

PHOTO_BYTES_MAX: Final = 5 * 1024 * 1024
PIXELS_MAX: Final = 4096 * 4096  # 16 megapixels.
SIDE: Final = 512  # The longer one of the photo that is shown, in pixels.
THUMBNAIL_SIDE: Final = 96  # Of a square, cut from the middle.
TOO_MANY_PIXELS: Final = "photo.too_many_pixels"  # What the child says.
MEDIA_TYPE: Final = "image/webp"  # Of what is made of them, whatever they were.
PICTURE_BYTES_MAX: Final = 1024 * 1024  # Of what is made: some 50 kB, most often.
_HEAD: Final = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_MADE: Final = re.compile(rb"RIFF....WEBPVP8", re.DOTALL)


class NotAPhoto(Invalid):
    code = "accounts.not_a_photo"
    reason = "The file is none of the photos that are taken here: `why` says more."
    remedy = "Send a JPEG, PNG or WebP that is not animated, of 96 by 96 pixels or more."
    why: str


class TooManyPixels(Invalid):
    code = "accounts.photo_too_many_pixels"
    reason = "The photo has more pixels than are taken."
    remedy = "Make it smaller, to `most_pixels` or less (width times height), and send it again."
    most_pixels: int


class PhotoNotFound(NotFound):
    code = "accounts.photo_not_found"
    reason = "This user has no such photo, or has it no more."
    remedy = "Take the address from the `photo` of their public profile."


class PhotosBusy(Unavailable):
    code = "accounts.photos_busy"
    reason = "Too many photos wait to be read just now."
    remedy = "Send it again in as many seconds as `retry_after_seconds` says."


class PhotosOff(Unavailable):
    """The platform's own fault: the child does not start, or is not locked here."""

    code = "accounts.photos_off"
    reason = "Photos can't be read safely on this server just now."
    remedy = "Try again later; if it stays so, write to whoever runs this marketplace."


def require_kind(content: bytes) -> None:
    """Refuse what does not begin as a photo does, whatever it is called: no child is asked."""
    if _HEAD.match(content) is None:
        raise NotAPhoto(why="It is no JPEG, PNG or WebP.")


def is_picture(made: bytes) -> bool:
    """Whether it is what a child is to make; one that was taken over may answer anything."""
    return len(made) <= PICTURE_BYTES_MAX and _MADE.match(made) is not None
