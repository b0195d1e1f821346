"""The settings of backups: under which key, where to, when, and how many are kept."""

from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

KEY_MIN: Final = 16  # Characters of a passphrase.


class BackupSettings(BaseSettings):
    """What an operator decides about backups."""

    backup_key: SecretStr | None = Field(
        None,
        min_length=KEY_MIN,
        description="The passphrase that backups are encrypted under, of 16 characters or more. "
        "Keep a copy of it elsewhere: without it nobody can read a backup.",
    )
    backup_to: str | None = Field(
        None,
        min_length=1,
        description="Where a worker makes a backup each day: a folder, or `s3://BUCKET/PATH`. "
        "Unset: only `dml backup` makes one.",
    )
    backup_hour: int = Field(3, ge=0, le=23, description="The hour of the day for that, in UTC.")
    keep_backups: int = Field(
        14, ge=1, le=3_650, description="How many backups are kept there; the oldest go."
    )
    postgres_programs: Path | None = Field(
        None,
        description="The folder of `pg_dump`, `pg_restore` and `psql`, for backups. Unset: those "
        "that came with us; where PostgreSQL is newer, or reached by TLS, those of the `PATH`.",
    )

    @model_validator(mode="after")
    def _require_key(self) -> Self:
        if self.backup_to is not None and self.backup_key is None:
            raise ValueError("DML_BACKUP_TO is set, and DML_BACKUP_KEY is not")
        return self
