"""Becoming a device of somebody: by a code, once, with a key that never leaves the home."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dml.agent import capacity
from dml.agent.console import Console
from dml.agent.home import Description, Home, Identity
from dml.agent.journal import Journal
from dml.agent.pace import Pace, patiently
from dml.agent.refusals import Away, CannotRun, NoLongerPaired, Refusal
from dml.agent.server import Server, Session, field, public_part, read_url

KINDS: Final = ("photo",)  # What this agent can prepare for a model.
PATIENCE_SECONDS: Final = 5.0  # Somebody sits there and waits.
_PLATFORMS: Final[Mapping[str, str]] = {"linux": "linux", "darwin": "macos", "win32": "windows"}


@dataclass(frozen=True, slots=True)
class PairingOptions:
    """What somebody said at the command line of who this device shall be."""

    server: str | None
    code: str | None
    name: str | None
    country: str | None
    kinds: tuple[str, ...]
    memory_mib: int | None = None  # What the owner allows; None: as much as there is.
    cpus: int = 1


def open_session(
    home: Home, options: PairingOptions, journal: Journal, console: Console, pace: Pace
) -> Session:
    """A session of this home's device, paired now if it is not yet and there is a code."""
    if unknown := set(options.kinds) - set(KINDS):
        raise CannotRun(f"This agent can't process {', '.join(unknown)}: only {', '.join(KINDS)}.")
    pairing = _Pairing(home, options, journal, console, pace)
    identity = home.identity()
    if identity is None:
        return pairing.pair()
    if options.server is not None and read_url(options.server) != identity.server:
        raise CannotRun(
            f"{home.folder} belongs to a device of {identity.server}. "
            f"For {options.server} choose another --home."
        )
    session = Session(Server(identity.server), identity.device_id, home.key())
    if options.code is None:
        return pairing.described(session, identity)
    try:
        session.ask("GET", "/v1/devices/self")
    except NoLongerPaired:
        session.server.close()
        home.forget()
        return pairing.pair()
    except (Away, Refusal):
        pass  # It is paired, so this can wait until there is work.
    return pairing.described(session, identity)


class _Pairing:
    def __init__(
        self, home: Home, options: PairingOptions, journal: Journal, console: Console, pace: Pace
    ) -> None:
        self._home, self._options, self._journal = home, options, journal
        self._console, self._pace = console, pace

    def pair(self) -> Session:
        """Register. After an answer that was lost, the same code and key get it again."""
        options = self._options
        if options.server is None:
            raise CannotRun("Which marketplace? Name its address: --server URL")
        if options.code is None:
            raise CannotRun(
                "This device is not paired yet. Get a code from your account "
                f"(POST {read_url(options.server)}/v1/devices/pairing-codes), then add --pair CODE."
            )
        server = Server(read_url(options.server))
        described = _describe(options, None)
        name = options.name or f"{described.platform} agent"
        said = {"name": name, **asdict(described)}
        key = self._home.key() if self._home.has_key() else self._home.new_key()
        try:
            device_id = self._register(server, key, said)
        except Refusal as refusal:
            # A registration whose answer never came, and whose code is forgotten.
            if refusal.code != "devices.key_taken":
                raise CannotRun(str(refusal)) from None
            key = self._home.new_key()
            device_id = self._register(server, key, said)
        identity = Identity(device_id, server.url, name, described)
        self._home.remember(identity)
        self._journal.note(
            "registered",
            device_id=identity.device_id,
            server=server.url,
            body={"public_key": public_part(key), **said},
        )
        return Session(server, identity.device_id, key)

    def described(self, session: Session, identity: Identity) -> Session:
        """Say what is new about this device. A server that is away hears it another time."""
        described = _describe(self._options, identity.described)
        if described == identity.described:
            return session
        body = asdict(described)
        try:
            say(body, lambda said: session.ask("PATCH", "/v1/devices/self", said))
        except Away:
            return session
        except Refusal as refusal:
            raise CannotRun(str(refusal)) from None
        self._home.remember(replace(identity, described=described))
        self._journal.note("described", body=body)
        return session

    def _register(self, server: Server, key: Ed25519PrivateKey, said: Mapping[str, Any]) -> str:
        body = {"code": self._options.code, "public_key": public_part(key), **said}
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        try:
            answer = patiently(
                lambda: say(body, lambda text: server.ask("POST", "/v1/devices", text)),
                self._pace,
                until=lambda: give_up_at,
                tell=self._console.away,
            )
            return str(UUID(field(answer, "id")))
        except Away as away:
            raise CannotRun(str(away)) from None


def say(said: Mapping[str, Any], send: Callable[[bytes], Any]) -> Any:
    """Send what a device says of itself; to a server of before, which knows no speed, without."""
    try:
        return send(json.dumps(said).encode())
    except Refusal as refusal:
        if refusal.status != httpx2.codes.UNPROCESSABLE_CONTENT or "/speed" not in str(refusal):
            raise
    return send(json.dumps({name: it for name, it in said.items() if name != "speed"}).encode())


def _describe(options: PairingOptions, before: Description | None) -> Description:
    """What this machine is, and what it can run. A country once said stays until another one is."""
    return Description(
        platform=_PLATFORMS.get(sys.platform, "other"),
        memory_mib=capacity.memory_mib(options.memory_mib, models=options.cpus),
        country=options.country or (before.country if before else None),
        kinds=options.kinds,
        speed=capacity.speed(before.speed if before else None),
    )
