"""The local chain of a home: what is chosen for it once, and the program that it runs on.

`chain.json` holds its keys, and so is for its owner alone. The vault's address follows from the
first owner's, so that whoever needs it knows it before there is a vault.
"""

import dataclasses
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded import folders
from dml.refused import Refused

CHAIN_ID: Final = 31_337
HOW_TO_GET_ONE: Final = (
    "no local chain: its program anvil is missing (`make .venv/chain` installs it in a checkout; "
    "without one, put Foundry's `anvil` on the PATH), so that no tokens come or go"
)


@dataclass(frozen=True)
class Account:
    """An address, and the key that signs for it."""

    address: str
    key: str


@dataclass(frozen=True)
class LocalChainFacts:
    """The content of `chain.json`."""

    port: int
    began_at: int  # The time of its first block: it has the same hash whenever it is made.
    owner: Account
    payer: Account
    guardian: Account
    faucet: Account
    token: str
    vault: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """The settings of a process that shall find the chain. None of them is secret."""
        return {
            "DML_CHAIN_URL": self.url,
            "DML_CHAIN_ID": str(CHAIN_ID),
            "DML_CHAIN_VAULT": self.vault,
            "DML_CHAIN_START_BLOCK": "0",
        }


def facts_file(home: Path) -> Path:
    return home / "chain.json"


def load(home: Path) -> LocalChainFacts | None:
    """What was chosen for this home. None where nothing was yet."""
    path = facts_file(home)
    try:
        known = json.loads(path.read_text())
        accounts = {name: Account(**it) for name, it in known.items() if isinstance(it, dict)}
        return LocalChainFacts(**{**known, **accounts})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"{path} is damaged ({error}): put back a copy of it") from error


def save(home: Path, facts: LocalChainFacts) -> None:
    """Write it, for the owner of the home."""
    owner = home.stat()
    text = json.dumps(dataclasses.asdict(facts), indent=1)
    folders.write_private(facts_file(home), text, uid=owner.st_uid, gid=owner.st_gid)


def program() -> str | None:
    """Where anvil is: in our environment, or wherever the system finds it."""
    own = Path(sys.prefix) / "chain" / "anvil"
    return str(own) if own.is_file() else shutil.which("anvil")
