"""What `dml up` shall do, worked out once from the settings and handed on in a variable.

The two small processes that watch over a marketplace read it from there, and so need neither the
settings nor what those import.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from dml.entrypoints.embedded import folders
from dml.entrypoints.embedded.chain import LocalChainFacts

VARIABLE: Final = "DML_UP_PLAN"
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared
API: Final = "dml.entrypoints.api_process"
_LOCAL_CHAIN: Final = "dml.entrypoints.local_chain.process"
_DML: Final = (sys.executable, "-m", "dml.entrypoints.cli")
BACKGROUND: Final = "dml.entrypoints.background"
_BACKGROUND: Final = (sys.executable, "-P", "-m", BACKGROUND)

# What pays out is for the chain process alone.
SIGNERS: Final = (
    "DML_PAYOUT_KEY",
    "DML_PAYOUT_KEYSTORE",
    "DML_PAYOUT_KEYSTORE_PASSWORD",
    "DML_PAYOUT_KMS_KEY",
)
# A chain whose blocks come at once need not be waited for. Whoever sets them otherwise, may.
_LOCAL_PACE: Final = {"DML_CHAIN_POLL_SECONDS": "0.5", "DML_PAYOUT_SECONDS": "3"}


class Chain(StrEnum):
    """The chain that money comes and goes on."""

    NONE = "none"
    LOCAL = "local"  # One of our own, whose tokens are worth nothing.
    GIVEN = "given"
    MISSING = "missing"  # There shall be a local one, and its program is not there.


@dataclass(frozen=True)
class Commands:
    """The command lines of the processes that make up a marketplace."""

    migrate: tuple[str, ...] = (*_DML, "migrate")
    ensure_first_admin: tuple[str, ...] = (*_DML, "admin", "ensure-first")
    api: tuple[str, ...] = (sys.executable, "-P", "-m", API)
    worker: tuple[str, ...] = (*_BACKGROUND, "worker")
    chain: tuple[str, ...] = (*_BACKGROUND, "chain_process")
    local_chain: tuple[str, ...] = (sys.executable, "-P", "-m", _LOCAL_CHAIN)


@dataclass(frozen=True)
class Plan:
    """The settings that count here, all paths absolute. A URL is set where a server is given."""

    home: str
    folder: str  # Where `dml up` was called, and so where its children work.
    host: str
    port: int
    port_is_fixed: bool
    blobs: str
    keys_file: str
    shutdown_seconds: float
    waits_until_ready: bool
    apis: int
    workers: int
    sandboxes: int = 1  # Of each kind, in each worker.
    database_url: str | None = None
    redis_url: str | None = None
    public_url: str | None = None
    chain: Chain = Chain.NONE
    commands: Commands = field(default_factory=Commands)

    @classmethod
    def read(cls) -> Self:
        """The plan that the process which started us wrote."""
        values = json.loads(os.environ[VARIABLE])
        commands = Commands(**{name: tuple(it) for name, it in values.pop("commands").items()})
        return cls(**values | {"chain": Chain(values["chain"])}, commands=commands)

    def write(self) -> dict[str, str]:
        """The variable that a process which we start reads."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def logs(self) -> Path:
        return Path(self.home, "logs")

    @property
    def metrics(self) -> Path:
        return Path(self.home, "metrics")

    def lock(self, name: str) -> Path:
        return Path(self.home, f"{name}.lock")

    def reachable(self, port: int) -> tuple[str, int]:
        """Where the API that listens at this port answers from this machine."""
        return _ANYWHERE.get(self.host, self.host), port

    def url(self, port: int) -> str:
        """Where a person finds the API."""
        host, _ = self.reachable(port)
        return (self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}").rstrip(
            "/"
        )

    def environment(
        self,
        port: int,
        database_url: str,
        redis_url: str,
        local_chain: LocalChainFacts | None = None,
        *,
        pays: bool = False,
    ) -> dict[str, str]:
        """The variables of a child: ours, completed. Secrets go no other way.

        Only one that `pays` gets the key for that, or sees the one that we were given.
        """
        inherited = {name: value for name, value in os.environ.items() if name != VARIABLE}
        if self.chain != Chain.GIVEN or not pays:
            inherited = {name: it for name, it in inherited.items() if name not in SIGNERS}
            # Where it is a file among the secrets, what is empty here counts more.
            if "DML_SECRETS_DIR" in inherited and not pays:
                inherited |= dict.fromkeys(SIGNERS, "")
        if self.chain == Chain.LOCAL and local_chain is not None:
            inherited = _LOCAL_PACE | inherited | local_chain.variables()
            if pays:
                inherited["DML_PAYOUT_KEY"] = local_chain.payer.key
        shared = {"DML_SANDBOXES": str(self.sandboxes)}
        return (
            shared
            | inherited
            | {
                "DML_DATABASE_URL": database_url,
                "DML_REDIS_URL": redis_url,
                "DML_HOME": self.home,
                "DML_BLOBS": self.blobs,
                "DML_KEYS_FILE": self.keys_file,
                "DML_HOST": self.host,
                "DML_PORT": str(port),
                "DML_SHARE_PORT": "true",
            }
        )

    def environment_of_local_chain(self) -> dict[str, str]:
        """The local chain needs to know nothing but the home, and so never starts anew."""
        kept = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
        return kept | {"DML_HOME": self.home}


@dataclass(frozen=True)
class Memory:
    """What a home remembers of `dml up`: its port, whether it came up whole, its database."""

    port: int = 0
    is_ready: bool = False
    prepared: str = ""  # What its database was last made ready for.


def recall(plan: Plan) -> Memory:
    """What was remembered last. Nothing that matters is lost with it."""
    try:
        return Memory(**json.loads(Path(plan.home, "up.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return Memory()


def remember(plan: Plan, **changes: object) -> None:
    """Change what is remembered."""
    owner = Path(plan.home).stat()
    text = json.dumps(asdict(replace(recall(plan), **changes)))  # type: ignore[arg-type]
    path = Path(plan.home, "up.json")
    folders.write_private(path, text, uid=owner.st_uid, gid=owner.st_gid)
