"""Every setting, with its meaning. Read once, by an entrypoint, from `DML_*` variables.

`dml settings` prints this page with the values in force. Secrets come from the environment or,
as `DML_SECRETS_DIR`, from a folder of files named like the variables.
"""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from dml.core.money import MicroTokens, parse
from dml.core.settings_accounts import AccountSettings
from dml.core.settings_answers import AnswerSettings
from dml.core.settings_backup import BackupSettings
from dml.core.settings_files import FileSettings
from dml.core.settings_keeping import KeepingSettings
from dml.core.settings_lists import ListSettings
from dml.core.settings_mail import MailSettings
from dml.core.settings_observing import ObservingSettings
from dml.core.settings_openid import OpenidSettings
from dml.core.settings_passkeys import PasskeySettings
from dml.core.settings_passwords import PasswordSettings
from dml.core.settings_reach import ReachSettings
from dml.core.settings_sources import FromFiles

Amount: TypeAlias = Annotated[MicroTokens, BeforeValidator(parse)]


class Settings(
    FileSettings,
    PasswordSettings,
    PasskeySettings,
    AccountSettings,
    AnswerSettings,
    MailSettings,
    OpenidSettings,
    ListSettings,
    KeepingSettings,
    BackupSettings,
    ReachSettings,
    ObservingSettings,
    FromFiles,
):
    """What an operator may decide. Each default is fit for one machine."""

    model_config = SettingsConfigDict(
        env_prefix="DML_", extra="ignore", frozen=True, validate_default=False
    )

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL, `postgresql://…`. Unset: `dml up` starts one of its own."
    )
    redis_url: SecretStr | None = Field(
        None, description="Valkey or Redis, `redis://…`. Unset: `dml up` starts one of its own."
    )
    home: Path = Field(Path(".dml"), description="The folder that holds all that `dml up` keeps.")
    keys_file: Path | None = Field(
        None,
        description="Private Ed25519 keys that sign tokens: a JWK set (RFC 7517), newest first. "
        "Unset: `keys.json` below the home, made at the first start.",
    )
    scorer_key_file: Path | None = Field(
        None,
        description="The private X25519 key that opens hidden test sets, in hexadecimal digits; "
        "the public one is beside it, as `….public`, and is all that an API needs. Unset: "
        "`scorer.key` below the home, made at the first start.",
    )

    chain_url: SecretStr | None = Field(
        None,
        description="JSON-RPC of an Ethereum-style chain; of several nodes, with spaces between. "
        "Unset: `dml up` starts a chain of its own, whose tokens are worth nothing.",
    )
    chain_id: int | None = Field(
        None, ge=1, description="The chain's id. A node of another chain is not listened to."
    )
    chain_vault: str | None = Field(None, description="The address of the vault contract.")
    chain_start_block: int = Field(
        0, ge=0, description="The block of the vault's deployment: no deposit lies before it."
    )
    chain_confirmations: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="How many blocks later a block is final, on a chain whose nodes do not tell. "
        "Unset: what they call finalized.",
    )
    chain_poll_seconds: float = Field(
        1, gt=0, le=600, description="How often the chain is looked at."
    )
    local_chain: bool = Field(
        True, description="Whether `dml up` starts a chain of its own where none is set."
    )
    payout_key: SecretStr | None = Field(
        None, description="The private key that pays out, 64 hex digits. For `dml chain run` alone."
    )
    payout_keystore: Path | None = Field(
        None, description="Or an encrypted keystore file (Web3 Secret Storage) that holds it."
    )
    payout_keystore_password: SecretStr | None = Field(None, description="And its password.")
    payout_kms_key: str | None = Field(
        None, description="Or the id of a key in AWS KMS (ECC_SECG_P256K1), which never leaves it."
    )
    payout_count: int = Field(
        100, ge=1, le=500, description="Withdrawals in one batch; so many make one go at once."
    )
    payout_seconds: float = Field(
        60, ge=0, le=86_400, description="How long a withdrawal waits for others to go with it."
    )
    payout_total: Amount = Field(
        parse("10000"), description="Tokens asked for that make a batch go at once."
    )
    payout_stuck_seconds: float = Field(
        90, gt=0, le=86_400, description="After how long a transaction is sent again for more gas."
    )
    payout_max_fee_gwei: int = Field(
        500, ge=1, le=1_000_000, description="The most that is paid for a unit of gas, in gwei."
    )
    withdrawal_fee: Amount = Field(
        parse("0"), description="Tokens that a withdrawal costs its user."
    )
    withdrawal_min: Amount = Field(parse("1"), description="The least tokens to withdraw at once.")
    withdrawals_a_day: int = Field(
        20, ge=1, description="Withdrawals that a user may ask for in 24 hours."
    )
    withdrawal_day_limit: Amount = Field(
        parse("100000"), description="Tokens that a user may withdraw in 24 hours."
    )
    withdrawal_tries_a_minute: int = Field(
        20,
        ge=1,
        description="Proofs of who they are, as for a withdrawal, that a user may try in a minute.",
    )
    withdrawal_review_above: Amount = Field(
        parse("10000"), description="Tokens in one withdrawal above which an admin looks at it."
    )
    second_admin_above: Amount = Field(
        parse("50000"),
        description="Tokens above which two admins have to agree: to what one admin credits, or to "
        "what one user withdraws, in 24 hours.",
    )
    compare_seconds: float = Field(
        60, gt=0, le=86_400, description="How often the vault is compared with the books."
    )

    port: int = Field(
        8000,
        ge=0,
        le=65535,
        description="The port of the API; if taken, `dml up` takes the next free one.",
    )
    api_processes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many API processes `dml up` runs on that port. "
        "Unset: one for each core, at most 8.",
    )
    worker_processes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many workers `dml up` runs. Unset: one for two cores, at most 4.",
    )
    sandboxes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many children of each kind, that check or score strangers' files, a "
        "worker runs at once. Unset: one for each core, at most 8, shared by the workers of "
        "`dml up`.",
    )
    sandbox_seconds_an_hour: int = Field(
        1_800, ge=60, description="How long the files of one user may be at work there in an hour."
    )
    share_port: bool = Field(
        False,
        description="Whether other API processes of the same user may listen on the same port, "
        "as those of `dml up` do.",
    )
    shutdown_seconds: float = Field(
        5, gt=0, le=300, description="How long open requests may go on after SIGTERM."
    )

    request_head_seconds: float = Field(
        10, gt=0, description="How long a client may take to send the head of a request."
    )
    request_body_seconds: float = Field(
        60, gt=0, description="How long it may take to send the body, other than an uploaded file."
    )
    request_progress_seconds: float = Field(
        20, gt=0, description="How long it may send nothing in the midst of any body."
    )
    upload_progress_bytes: int = Field(
        64 * 1024,
        ge=1,
        description="How many bytes of an uploaded file must come in each such time, at least.",
    )
    graph_points_a_minute: int = Field(
        300_000,
        ge=1_000,
        description="Points that the queries of one user, or of one address, may cost in a minute.",
    )
    answer_stalled_seconds: float = Field(
        30, gt=0, description="How long it may take nothing of an answer that waits for it."
    )
    connections: int = Field(
        10_000, ge=1, description="Connections of clients that one API process holds at once."
    )
    connections_of_one_address: int = Field(
        1_000,
        ge=1,
        description="And of them, those from one address that is none of the trusted proxies.",
    )

    database_connections: int = Field(
        10, ge=2, le=500, description="Connections that one process may hold to PostgreSQL."
    )
    access_token_seconds: int = Field(
        900, ge=30, le=86_400, description="How long an access token is good for."
    )
    session_days: int = Field(
        30, ge=1, le=365, description="How long a session lives without being refreshed."
    )
    session_days_in_all: int = Field(
        90,
        ge=1,
        le=3_650,
        description="How long after signing in a session ends, however often it is refreshed.",
    )
    refresh_grace_seconds: int = Field(
        30,
        ge=0,
        le=300,
        description="How long a refresh can be asked for again, where its answer was lost.",
    )
    registrations_a_minute: int = Field(
        600, ge=1, description="Accounts that one address may open in a minute."
    )
    sign_ins_a_minute: int = Field(
        300, ge=1, description="Tries of one address to sign in or refresh in a minute."
    )
    contract_sign_ins_a_minute: int = Field(
        60,
        ge=1,
        description="Signatures of wallets that are contracts which one address may have the chain "
        "asked about in a minute, to sign in.",
    )
    pairing_tries_a_minute: int = Field(
        600, ge=1, description="Tries of one address to pair a device in a minute."
    )
    device_tokens_a_minute: int = Field(
        6_000, ge=1, description="Nonces and tokens for the devices of one address in a minute."
    )

    platform_fee_bps: int = Field(
        1_000,
        ge=0,
        le=10_000,
        description="The platform's fee, in hundredths of a percent of reward and device fee.",
    )
    least_reward: Amount = Field(
        parse("0.001"),
        description="The least tokens that a job may offer for a device's result. A job costs each "
        "device a download and a run; at a millionth of a token it costs its customer nothing.",
    )
    jobs_at_once: int = Field(
        50, ge=1, description="Jobs that have not ended, which one customer may have."
    )
    streams_of_one_user: int = Field(
        20,
        ge=1,
        description="Jobs that one user may watch at once, at each API process; streams of events; "
        "and subscriptions of the graph.",
    )
    webhooks_to_loopback: bool = Field(
        False,
        description="Whether webhooks may call this machine itself, by http too: for development. "
        "Whoever may create one then reaches every server that listens here.",
    )
    lease_seconds: int = Field(
        600,
        ge=1,
        le=86_400,
        description="How long a device may take for an assignment between two signs of life.",
    )
    try_seconds: int = Field(
        3_600,
        ge=1,
        le=604_800,
        description="How long a device may take for an assignment in all, with signs of life.",
    )
    device_token_seconds: int = Field(
        900, ge=30, le=86_400, description="How long a device's token is good for."
    )
    device_requests_a_minute: int = Field(
        600, ge=1, description="Claims, heartbeats and results of one device in a minute."
    )
    address_requests_a_minute: int = Field(
        600_000, ge=1, description="The same, of all the devices behind one address."
    )

    @model_validator(mode="after")
    def _require_review_before_two(self) -> "Settings":
        if self.second_admin_above < self.withdrawal_review_above:
            raise ValueError(
                "DML_SECOND_ADMIN_ABOVE is below DML_WITHDRAWAL_REVIEW_ABOVE: what lies between "
                "would need two admins, and none looks at it"
            )
        return self
