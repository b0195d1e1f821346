"""anvil as a child of this process: started, asked, and its state kept on disk."""

import http.client
import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from dml.entrypoints import up_ports
from dml.entrypoints.embedded import chain, folders, life
from dml.entrypoints.embedded.refusals import Refused
from dml.inference import lockdown

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 60.0


class AnvilRefused(Exception):
    """It answered with an error, in its words."""


class Anvil:
    """A chain that makes blocks only when it is told to, and ends when this process does.

    It inherits every descriptor that this process was handed: so the lock that says that something
    of us lives is free only when it is gone, too.
    """

    def __init__(self, program: str, port: int, began_at: int, *, log: Path, cache: Path) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
        # Two blocks later a block is final. The fork decides what gas costs.
        command = [program, "--host", HOST, "--port", str(port), "--silent"]
        command += ["--no-mining", "--slots-in-an-epoch", "1", "--hardfork", "prague"]
        command += ["--chain-id", str(chain.CHAIN_ID), "--timestamp", str(began_at)]
        command += ["--cache-path", str(cache)]
        output = life.open_log(log)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, never a shell's line
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                close_fds=False,
                preexec_fn=partial(lockdown.die_with, os.getpid()),
            )
        finally:
            os.close(output)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def listens(self) -> bool:
        """Wait until it listens. Not where it has ended instead, as for a port that is taken."""
        deadline = time.monotonic() + START_SECONDS
        while self.lives:
            if up_ports.listens(self._process.pid, self.port):
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
