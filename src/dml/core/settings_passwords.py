"""The settings of passwords and second factors: how each is kept, and how hard to guess."""

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class PasswordSettings(BaseSettings):
    """What an operator decides about passwords and second factors."""

    password_hashes_at_once: int = Field(
        2, ge=1, le=64, description="Passwords hashed at the same time (each takes its memory)."
    )
    password_hashes_waiting: int = Field(
        8, ge=1, le=1_000, description="Passwords that wait for that; whoever comes then, is told."
    )
    password_hashes_of_one: int = Field(
        4, ge=1, le=1_000, description="And of both together, those from one address."
    )
    password_memory_kib: int = Field(
        65_536,
        ge=8,
        le=4_194_304,
        description="Memory that a hash takes (argon2id), in KiB. Where this or the next rises, "
        "each password is hashed anew when it is next used.",
    )
    password_passes: int = Field(
        3, ge=1, le=100, description="Passes over that memory: the time that a hash takes."
    )
    password_lanes: int = Field(4, ge=1, le=64, description="Lanes of it, computed in parallel.")
    password_strength: int = Field(
        2,
        ge=0,
        le=4,
        description="How hard to guess a new password must be, as zxcvbn rates it, from 0 to 4: 2 "
        "takes more than a million guesses, 3 a hundred million.",
    )

    factor_key_file: Path | None = Field(
        None,
        description="The private X25519 key that opens the secrets of authenticator apps, in "
        "hexadecimal digits: every API needs it, and no worker does. Unset: `factors.key` below "
        "the home, made at the first start.",
    )

    @model_validator(mode="after")
    def _require_memory_for_lanes(self) -> "PasswordSettings":
        if self.password_memory_kib < 8 * self.password_lanes:
            raise ValueError("DML_PASSWORD_MEMORY_KIB must be 8 or more for each lane")
        return self
