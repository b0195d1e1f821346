"""anvil as a child of this process: started, asked, and its state kept on disk."""

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from dml.entrypoints.embedded import accounts, chain, folders, life
from dml.entrypoints.embedded.accounts import Account
from dml.entrypoints.supervisor import ports
from dml.inference import lockdown
from dml.refused import Refused

START_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 60.0


class AnvilRefused(Exception):
    """It answered with an error, in its words."""


def _any_address() -> str:
    """An address of this machine alone that nobody guesses: one of 16 million, beside the port.

    anvil can listen nowhere but at an address, asks for no password, and answers any web page.
    """
    return "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))


class Anvil:
    """A chain that makes blocks only when it is told to, and ends when this process does.

    It is not root: where we are, it is another account, as PostgreSQL is, and needs not even be
    allowed to enter the folder where its program is: it is handed that open.

    It inherits every descriptor that this process was handed: so the lock that says that something
    of us lives is free only when it is gone, too.
    """

    def __init__(self, program: str, began_at: int, *, log: Path, cache: Path) -> None:
        self.host = _any_address()
        self.port = ports.any_free(self.host)
        self._connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_SECONDS)
        account = accounts.choose() if os.geteuid() == 0 else accounts.caller()
        # Two blocks later a block is final. The fork decides what gas costs.
        command = [program, "--host", self.host, "--port", str(self.port), "--silent"]
        command += ["--no-cors", "--no-request-size-limit"]
        command += ["--no-mining", "--slots-in-an-epoch", "1", "--hardfork", "prague"]
        command += ["--chain-id", str(chain.CHAIN_ID), "--timestamp", str(began_at)]
        command += ["--cache-path", str(_cache(cache, account))]
        output, opened = life.open_log(log), os.open(program, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, never a shell's line
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                close_fds=False,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
                preexec_fn=partial(_become, opened, command, os.getpid()),
            )
        finally:
            os.close(output)
            os.close(opened)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def listens(self) -> bool:
        """Wait until it listens. False where it has ended instead."""
        deadline = time.monotonic() + START_SECONDS
        while self.lives:
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port), timeout=1).close()
                return True
            if time.monotonic() > deadline:
                raise Refused(f"anvil does not listen after {START_SECONDS:.0f} s")
            time.sleep(0.01)
        return False

    def ask(self, method: str, *params: object) -> Any:
        """Return the result of one call. OSError where it does not answer."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(self._connection.getresponse().read())
        except http.client.HTTPException as error:
            self._connection.close()
            raise OSError(f"anvil: {error!r}") from error
        if "error" in answer:
            raise AnvilRefused(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def number(self, method: str, *params: object) -> int:
        return int(self.ask(method, *params), 16)

    def mine(self) -> int:
        """Make one block, at the time of the clock. Return how many transactions it holds."""
        before = self.ask("eth_getBlockByNumber", "latest", False)
        at = max(int(time.time()), int(before["timestamp"], 16))
        self.ask("evm_mine", {"timestamp": at})
        return len(self.ask("eth_getBlockByNumber", "latest", False)["transactions"])

    def save(self, path: Path) -> None:
        """Write all blocks and the state to disk, whole or not at all, to outlast a power cut."""
        state = bytes.fromhex(self.ask("anvil_dumpState")[2:])
        new = path.with_name(f"{path.name}.new")
        with os.fdopen(folders.open_shared(new, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def load(self, path: Path) -> bool:
        """Go on where the state on disk ends, if there is one."""
        try:
            state = path.read_bytes()
        except FileNotFoundError:
            return False
        if not self.ask("anvil_loadState", "0x" + state.hex()):
            raise Refused(f"anvil does not read {path}: put back a copy of it")
        return True

    def end(self) -> None:
        """End it, at once: what it would do before is ours to do."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _become(program: int, command: list[str], parent: int) -> None:
    """In the child: be the program that is open there, and end when the parent does."""
    lockdown.die_with(parent)
    # subprocess would look for it by its name, where this account may not enter.
    os.execve(program, command, accounts.ENVIRONMENT | {"HOME": "/nonexistent"})  # noqa: S606 - no shell is wanted


def _cache(folder: Path, account: Account) -> Path:
    """A folder of the account's own, where anvil puts old states: elsewhere, if need be."""
    folders.make_private(folder, account)
    if account.can(["/bin/sh", "-c", 'cd "$1"', "sh", folder]):
        return folder
    made = Path(tempfile.mkdtemp(prefix="dml-chain-", dir="/tmp"))
    os.chown(made, account.uid, account.gid)
    return made
