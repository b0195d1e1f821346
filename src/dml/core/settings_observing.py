"""Settings of what operators see: logs, figures, traces and bugs."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class ObservingSettings(BaseSettings):
    """How a marketplace is watched."""

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
    sentry_dsn: SecretStr | None = Field(
        None,
        description="Where bugs are reported by Sentry's protocol, `https://KEY@HOST/PROJECT`: to "
        "Sentry, GlitchTip, or another server that speaks it. Unset: nowhere.",
    )
    sentry_environment: str = Field(
        "production", max_length=64, description="What this marketplace is called there."
    )
    trace_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="The share of requests that are traced, where OTEL_EXPORTER_OTLP_ENDPOINT says "
        "to whom. 1: all of them, which doubles what a short request costs.",
    )
