"""Challenges that nobody keeps: each says what it is for, under a key of ours.

A stranger who asks for a million of them leaves nothing behind. One that was used is recorded until
it expires (docs/decisions/0058).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from dml.accounts.passkeys.rules import ChallengeOver, Purpose
from dml.core.ids import UserId
from dml.core.tokens import Keys

_MAC: Final = 16  # Bytes.
_SAID: Final = 5 + 16 + 11  # Of when it expires, in seconds; of whose it is; and of chance.
_NOBODY: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a challenge says: for what and for whom it is, until when, and where it was given."""

    purpose: Purpose
    user_id: UserId | None  # None: whoever has a passkey. Of a sign-up, who that will be.
    expires_at: datetime
    base: str  # The URL by which whoever asked reached us.

    def write(self, keys: Keys) -> bytes:
        """Return it as it is signed: each time another one."""
        whose = _NOBODY if self.user_id is None else self.user_id.bytes
        said = int(self.expires_at.timestamp()).to_bytes(5, "big") + whose + secrets.token_bytes(11)
        said += self.base.encode()
        return said + keys.mac(f"passkey {self.purpose}", said)[:_MAC]


def read(keys: Keys, raw: bytes, purpose: Purpose, now: datetime) -> Challenge:
    """Return what a challenge of ours says that is for this, and has not expired; or refuse."""
    said, mac = raw[:-_MAC], raw[-_MAC:]
    if len(said) <= _SAID or not keys.is_mac(mac, f"passkey {purpose}", said):
        raise ChallengeOver
    expires_at = datetime.fromtimestamp(int.from_bytes(said[:5], "big"), UTC)
    if expires_at <= now:
        raise ChallengeOver
    whose = said[5:21]
    user_id = None if whose == _NOBODY else UserId(UUID(bytes=whose))
    return Challenge(purpose, user_id, expires_at, said[_SAID:].decode())


def digest(raw: bytes) -> bytes:
    """Return what is kept of a challenge that was used."""
    return hashlib.sha256(raw).digest()
