"""Who is signed in on this machine, and where: a file that only its owner can read.

A refresh token works once, and a second use of it ends the session. So two commands that run at
the same time take turns: whoever renews a token holds the file's lock meanwhile.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from dml.refused import Refused

CODE_NEEDED: Final = "accounts.second_factor_needed"
CODE_DIGITS: Final = 6  # Of an authenticator app.
FILE, LOCK = "sign-ins.json", "sign-ins.lock"
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


AskCode: TypeAlias = Callable[[], str] | None  # Asks somebody for a code, where one can be asked.


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session at a marketplace. `expires_at` is when the access token does, in Unix seconds."""

    server: str
    email: str
    user_id: str
    access_token: str
    expires_at: float
    refresh_token: str

    @classmethod
    def opened(cls, server: str, email: str, answer: Any) -> "SignIn":
        """Return the session that the API answered."""
        return cls(
            server=server,
            email=email,
            user_id=str(answer["user_id"]),
            access_token=str(answer["access_token"]),
            expires_at=time.time() + float(answer["expires_in"]),
            refresh_token=str(answer["refresh_token"]),
        )

    def is_good(self, seconds: float, refused: str | None) -> bool:
        """Whether its token lasts for so long, and is not one that was refused."""
        return self.expires_at - time.time() > seconds and self.access_token != refused


def default_folder() -> Path:
    """Where sign-ins are kept unless it is told: as the XDG base directories have it."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if config.startswith("/") else Path.home() / ".config"
    return base / "dml"


def code_proof(typed: str) -> dict[str, str]:
    """Return a proof by what somebody typed: digits of an authenticator app, or a recovery code."""
    digits = "".join(typed.split())
    kind = "totp" if digits.isdigit() and len(digits) == CODE_DIGITS else "recovery_code"
    return {"kind": kind, "code": typed}


class SignIns:
    """The sessions of one user of this machine: one for each account at each marketplace.

    Where there are several, the one that was opened last counts, or the one that `DML_AS` names by
    its e-mail address.
    """

    def __init__(
        self, folder: Path | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._folder = folder or default_folder()
        self._email = environment.get("DML_AS", "")

    def find(self, server: str | None = None) -> SignIn | None:
        """The session that counts, at this marketplace or at any; None where there is none."""
        email = self._email.casefold()
        found = [
            it
            for it in self._read()
            if server in (None, it.server) and email in ("", it.email.casefold())
        ]
        return found[-1] if found else None

    def find_same(self, sign_in: SignIn) -> SignIn | None:
        """The session of the same account as it is kept now; None where it was forgotten."""
        return next((it for it in self._read() if _is_same(it, sign_in)), None)

    def keep(self, sign_in: SignIn) -> None:
        """Keep a session in the place of the one that this account had; it counts from now on."""
        self._write([*self._others(sign_in), sign_in])

    def renew(self, sign_in: SignIn) -> None:
        """Keep a session's new tokens. Which one counts does not change."""
        self._write([sign_in if _is_same(it, sign_in) else it for it in self._read()])

    def forget(self, sign_in: SignIn) -> None:
        self._write(self._others(sign_in))

    def all(self) -> list[SignIn]:
        """Every session that is kept, in the order in which they were opened."""
        return self._read()

    def _others(self, sign_in: SignIn) -> list[SignIn]:
        return [it for it in self._read() if not _is_same(it, sign_in)]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other command from changing the file for as long as the block runs."""
        with self._reaching():
            self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> list[SignIn]:
        path = self._folder / FILE
        try:
            with self._reaching():
                told: Any = json.loads(path.read_text())
            return [SignIn(**it) for it in told]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            raise Refused(
                f"{path} is damaged: delete it, and sign in again (`dml login`)"
            ) from None

    def _write(self, kept: list[SignIn]) -> None:
        path = self._folder / FILE
        new = path.with_suffix(".new")
        with self._reaching():
            self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            new.unlink(missing_ok=True)
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            with open(file, "w") as stream:
                json.dump([asdict(it) for it in kept], stream, indent=1)
            new.replace(path)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Refused(
                f"{error.filename or self._folder}: {error.strerror}. Sign-ins are kept there; "
                "name another folder in XDG_CONFIG_HOME"
            ) from None


class Remembered(SignIns):
    """Sessions of this process alone, which no file keeps."""

    def __init__(self) -> None:
        super().__init__(environment={})
        self._sessions: list[SignIn] = []

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing: who renews in one process takes turns already."""
        yield

    def _read(self) -> list[SignIn]:
        return list(self._sessions)

    def _write(self, kept: list[SignIn]) -> None:
        self._sessions = kept


def _is_same(one: SignIn, other: SignIn) -> bool:
    """Whether two sessions are of one account."""
    return (one.server, one.user_id) == (other.server, other.user_id)
