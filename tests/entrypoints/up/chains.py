"""A local chain under test: its process, as `dml up` starts it, and anvil below it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from eth_account import Account

from dml.entrypoints.embedded import accounts, chain, locks
from dml.entrypoints.embedded.chain import LocalChainFacts
from tests.entrypoints.up.marketplace import SOURCE

_TRANSFER: Final = "0xa9059cbb"
_BALANCE: Final = "0x70a08231"


@dataclass
class LocalChain:
    """A home with a chain alone. Whoever holds its lock is the process, or anvil."""

    home: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def lock(self) -> Path:
        return self.home / "local-chain.lock"

    @property
    def facts(self) -> LocalChainFacts:
        facts = chain.load(self.home)
        assert facts is not None
        return facts

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until its vault is there."""
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        lock = locks.claim(self.lock)
        assert lock is not None, "something of it still lives"
        try:
            with (self.home / "output").open("ab") as output:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "dml.entrypoints.local_chain.process"],
                    env={"PATH": os.defpath, "PYTHONPATH": str(SOURCE), "DML_HOME": str(self.home)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[lock],
                )
        finally:
            os.close(lock)
        self.started.append(process)
        self.until(self.is_there)
        return process

    def is_there(self) -> bool:
        try:
            return bool(self.ask("eth_getCode", self.facts.vault, "latest", seconds=0.5) != "0x")
        except (AssertionError, httpx2.TransportError):
            return False

    def ask(self, method: str, *params: object, seconds: float = 5) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx2.post(self.facts.url, json=body, trust_env=False, timeout=seconds).json()
        assert "error" not in answer, answer
        return answer["result"]

    def anvil_pid(self) -> int:
        return next(
            it.pid
            for it in locks.holders(self.lock, accounts.caller())
            if b"--no-mining" in Path(f"/proc/{it.pid}/cmdline").read_bytes()
        )

    def pay(self, to: str, units: int) -> str:
        """Send tokens of the faucet. Answers the hash, once a block holds it."""
        faucet = self.facts.faucet
        nonce = int(self.ask("eth_getTransactionCount", faucet.address, "pending"), 16)
        sent = {
            "chainId": chain.CHAIN_ID,
            "nonce": nonce,
            "to": self.facts.token,
            "data": f"{_TRANSFER}{to[2:]:0>64}{units:064x}",
            "value": 0,
            "gas": 200_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
        }
        signed = Account.sign_transaction(sent, faucet.key)
        raw = "0x" + bytes(signed.raw_transaction).hex()
        tx_hash = str(self.ask("eth_sendRawTransaction", raw))
        self.until(lambda: self.ask("eth_getTransactionReceipt", tx_hash) is not None)
        return tx_hash

    def held(self, by: str, at: str = "latest") -> int:
        data = f"{_BALANCE}{by[2:]:0>64}"
        return int(self.ask("eth_call", {"to": self.facts.token, "data": data}, at), 16)

    def block(self, which: str) -> tuple[int, str]:
        found = self.ask("eth_getBlockByNumber", which, False)
        return int(found["number"], 16), found["hash"]

    def until(self, holds: Any, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (self.home / "output").read_text()
            time.sleep(0.02)

    def until_final(self, number: int) -> None:
        self.until(lambda: self.block("finalized")[0] >= number)

    def clean_up(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        for it in locks.holders(self.lock, accounts.caller()):
            os.kill(it.pid, signal.SIGKILL)
        self.until(lambda: not locks.is_held(self.lock))
