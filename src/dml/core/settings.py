"""Every setting, with its meaning. Read once, by an entrypoint, from `DML_*` variables.

`dml settings` prints this page with the values in force. Secrets come from the environment or,
as `DML_SECRETS_DIR`, from a folder of files named like the variables.
"""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from dml.core.money import MicroTokens, parse
from dml.core.settings_accounts import AccountSettings
from dml.core.settings_answers import AnswerSettings
from dml.core.settings_mail import MailSettings
from dml.core.settings_openid import OpenidSettings
from dml.core.settings_passkeys import PasskeySettings
from dml.core.settings_passwords import PasswordSettings

MIB: Final = 1024 * 1024
Amount: TypeAlias = Annotated[MicroTokens, BeforeValidator(parse)]


class Settings(
    PasswordSettings,
    PasskeySettings,
    AccountSettings,
    AnswerSettings,
    MailSettings,
    OpenidSettings,
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
    blobs: Path | None = Field(
        None, description="The folder that holds uploaded files. Unset: `blobs` below the home."
    )
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

    host: str = Field("127.0.0.1", description="The address that the API listens on.")
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
    public_url: str | None = Field(
        None,
        description="How clients reach the API. Unset: from host and port.",
    )
    allowed_hosts: list[str] = Field(
        [],
        description="Without a public URL, the names that clients reach the API by, as a request's "
        '`Host` says them, as JSON: `["api.example.org"]`. Wallets sign for no others, but for '
        "this machine's own (`localhost`, `127.0.0.1`, `[::1]`).",
    )
    cors_origins: list[str] = Field(
        [],
        description='Origins whose pages may call the API, as JSON: `["https://app.example.org"]`.',
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses whose `X-Forwarded-For` is believed, with commas between.",
    )
    log_format: Annotated[str, Field(pattern="^(json|console)$")] = Field(
        "json", description="How logs are written: `json`, or `console` for people."
    )
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = Field(
        "INFO", description="The least level that is logged."
    )
    log_limit_bytes: int = Field(
        10_000_000,
        ge=0,
        description="How long a file of logs may become before it begins anew; what it held is "
        "kept once, as `….old`. 0: never, for who has a tool for it.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Who sends it as a bearer token may read `/metrics` from anywhere. Unset: "
        "`/metrics` is for this machine alone.",
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
    uploads_at_once: int = Field(
        2, ge=1, le=1_000, description="Files that one user may send at the same time."
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

    body_limit_bytes: int = Field(
        MIB, ge=1024, description="The largest body of a request, other than a model."
    )
    model_limit_bytes: int = Field(
        256 * MIB, ge=1024, description="The largest model that can be uploaded."
    )
    test_set_limit_bytes: int = Field(
        64 * MIB, ge=1024, description="The largest hidden test set of a bounty."
    )
    predictions_limit_bytes: int = Field(
        64 * MIB, ge=1024, description="The largest file of predictions that can be submitted."
    )
    attachment_limit_bytes: int = Field(
        256 * MIB, ge=1024, description="The largest file that a bounty's owner can attach."
    )
    files_of_one_user_bytes: int = Field(
        10 * 1024 * MIB,
        ge=1024,
        description="How many bytes of files are kept for one user: versions of algorithms, "
        "submissions, attachments and test sets.",
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
    keep_unnamed_files_hours: float = Field(
        24,
        ge=1,
        description="How old an uploaded file is that no row names, before it is deleted.",
    )
    keep_refused_versions_days: int = Field(
        30,
        ge=1,
        description="How long a file is kept that came to nothing: of a version that was turned "
        "down, a submission that was only checked, failed or was cancelled, or a draft of a bounty "
        "that was given up.",
    )
    keep_events_days: int = Field(
        30, ge=1, le=3_650, description="How long events can be read and followed, at least."
    )
    webhooks_to_loopback: bool = Field(
        False,
        description="Whether webhooks may call this machine itself, by http too: for development. "
        "Whoever may create one then reaches every server that listens here.",
    )
    keep_audit_days: int = Field(
        730,
        ge=30,
        le=36_500,
        description="How long what happened stays in timelines and in the audit log, at least.",
    )
    keep_ended_jobs_hours: int = Field(
        168,
        ge=0,
        le=87_600,
        description="How long an ended job's assignments stay in the tables, before they move "
        "into files among the uploaded ones (`dml admin job-results`).",
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
    shortlist_seconds: float = Field(
        1,
        ge=0,
        le=60,
        description="How old the list of open jobs may be that claims are matched against.",
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
