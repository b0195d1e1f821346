"""anvil, the local chain of `.venv/chain`: for a test, on a free port of this machine alone."""

import os
import re
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from dml.inference import lockdown
from tests.chain.builds import ROOT

ANVIL: Final = ROOT / ".venv" / "chain" / "anvil"
START_SECONDS_MAX: Final = 20


class Anvil:
    """A chain for as long as the `with` lasts; with a file `state` it goes on where it ended."""

    def __init__(self, *arguments: str, state: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="anvil-")
        self._output = Path(self._folder.name) / "output"
        kept = ["--state", str(state)] if state else []
        # The fork decides what gas costs. Port 0: the system gives one that nobody else can take.
        fixed = ["--host", "127.0.0.1", "--port", "0", "--hardfork", "prague"]
        cache = ["--cache-path", self._folder.name]
        self._command = [str(ANVIL), *fixed, *cache, *kept, *arguments]

    def __enter__(self) -> Self:
        assert ANVIL.exists(), "run `make .venv/chain`"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,  # a pipe would fill up, and then anvil would stand still
                stderr=subprocess.STDOUT,
                preexec_fn=partial(lockdown.die_with, os.getpid()),  # also where a test is killed
            )
        self.url = f"http://127.0.0.1:{self._port()}"
        self._client = httpx2.Client(timeout=20)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._process.terminate()  # it then writes its state
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._folder.cleanup()

    def call(self, method: str, *params: object) -> Any:
        """The result of one JSON-RPC call."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._client.post(self.url, json=body).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def dump(self) -> str:
        """The whole state, for `load` of another."""
        return str(self.call("anvil_dumpState"))

    def load(self, state: str) -> None:
        assert self.call("anvil_loadState", state)

    def _port(self) -> int:
        """Where it says that it listens."""
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            said = self._output.read_text()
            if found := re.search(r"Listening on 127\.0\.0\.1:(\d+)\n", said):
                return int(found.group(1))
            assert self._process.poll() is None, said
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        raise TimeoutError(said)
