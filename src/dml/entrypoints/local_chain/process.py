"""The local chain: anvil with our contracts, whose final blocks are on disk before they are final.

A block is final two blocks later. We alone make blocks: one at a time, only while there are
transactions or a block with some is not final yet, and before each the state is written to disk.
So `kill -9` costs at most a block that was not final: a small reorganisation, as on any chain.
Nobody's transaction, no block, and nothing written. Who is not us comes by a door (`door`).
"""

import dataclasses
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from dml.chain.ethereum import address_of, checksummed, keccak
from dml.entrypoints import shipped
from dml.entrypoints.embedded import chain, places
from dml.entrypoints.embedded.chain import Account, LocalChainFacts
from dml.entrypoints.local_chain.anvil import Anvil, AnvilRefused
from dml.entrypoints.local_chain.door import HOST, Door
from dml.entrypoints.supervisor import ports
from dml.refused import Refused

FINAL_AFTER: Final = 2  # Blocks.
IDLE_SECONDS: Final = 0.2
BLOCK_SECONDS: Final = 0.4  # So that whoever looks twice a second sees what is not final yet.
STUCK_SECONDS: Final = 2.0  # Something waits that no block takes, as for too low a fee.
SUPPLY: Final = 10**9 * 10**6
DAILY: Final = 10**6 * 10**6
COINS: Final = 10**6 * 10**18
COINS_MIN: Final = 10**18

log = logging.getLogger("dml.local_chain")


def main() -> int:
    """Run the chain until SIGTERM. Whoever watches over us starts us again where anvil ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    home = places.absolute(os.environ["DML_HOME"])
    program = chain.program()
    if program is None:
        log.error(chain.HOW_TO_GET_ONE)
        return 1
    try:
        return run(program, home, stop)
    except (Refused, AnvilRefused, OSError) as error:
        if stop.is_set():
            return 0
        log.error("the local chain ends: %s", error)
        return 1


def run(program: str, home: Path, stop: threading.Event) -> int:
    anvil, door, facts = start(program, home)
    try:
        miner = Miner(anvil, home / "chain.state")
        prepare(miner, facts)
        miner.catch_up()
        door.open_to(anvil.host, anvil.port)  # From now on, for it shows what it showed before.
        log.info("block %d at %s", anvil.number("eth_blockNumber"), facts.url)
        while not stop.is_set():
            if not anvil.lives:
                log.error("anvil ended")
                return 1
            stop.wait(miner.step())
        miner.save()
    finally:
        door.close()
        anvil.end()
    return 0


class Miner:
    """Makes blocks, each after the state before it is on disk."""

    def __init__(self, anvil: Anvil, state: Path) -> None:
        self.anvil, self._state = anvil, state
        self.was_there = anvil.load(state)
        # What the last blocks did is known to anvil only once they have successors.
        self._due = FINAL_AFTER

    def step(self) -> float:
        """Make a block where one is needed. Return how many seconds to wait then."""
        waiting = int(self.anvil.ask("txpool_status")["pending"], 16)
        if not (waiting or self._due):
            return IDLE_SECONDS
        taken = self.mine()
        return STUCK_SECONDS if waiting and not taken and not self._due else BLOCK_SECONDS

    def mine(self) -> int:
        """Make a block. Return how many transactions it took."""
        self.save()
        taken = self.anvil.mine()
        self._due = FINAL_AFTER if taken else max(0, self._due - 1)
        return taken

    def catch_up(self) -> None:
        """Make blocks until what is there is final."""
        while self._due:
            self.mine()

    def save(self) -> None:
        self.anvil.save(self._state)


def start(program: str, home: Path) -> tuple[Anvil, Door, LocalChainFacts]:
    """Start anvil, and listen at the port of last time or, where somebody has that, at another."""
    known = chain.load(home)
    facts = known or make_facts()
    try:
        door = Door(facts.port or ports.any_free(HOST))
    except OSError:
        door = Door(ports.any_free(HOST))
    facts = dataclasses.replace(facts, port=door.port)
    log_file = home / "logs" / "anvil.log"
    anvil = Anvil(program, facts.began_at, log=log_file, cache=home / "chain.cache")
    if not anvil.listens():
        raise Refused(f"anvil ended at once: see {log_file}")
    if facts != known:
        chain.save(home, facts)
    return anvil, door, facts


def make_facts() -> LocalChainFacts:
    """Choose keys and a port. The addresses of the contracts follow from the owner's."""
    owner = _new_account()
    return LocalChainFacts(
        port=0,  # Chosen when it starts.
        began_at=int(time.time()),
        owner=owner,
        payer=_new_account(),
        guardian=_new_account(),
        faucet=_new_account(),
        token=created_by(owner.address, 0),
        vault=created_by(owner.address, 1),
    )


def prepare(miner: Miner, facts: LocalChainFacts) -> None:
    """Deploy token and vault where they are not there yet, and see to it that nobody lacks gas."""
    anvil = miner.anvil
    for it in (facts.owner, facts.payer, facts.guardian, facts.faucet):
        if anvil.number("eth_getBalance", it.address, "latest") < COINS_MIN:
            anvil.ask("anvil_setBalance", it.address, hex(COINS))
    if anvil.ask("eth_getCode", facts.vault, "latest") != "0x":
        return
    if miner.was_there:
        raise Refused("the vault of chain.json is not on the chain of chain.state: put back a copy")
    owner = facts.owner.address
    anvil.ask("anvil_impersonateAccount", owner)
    token = _build("DevToken")
    addresses = (facts.token, owner, facts.payer.address, facts.guardian.address)
    vault = _build("Vault") + "".join(map(_word, addresses)) + _word(DAILY)
    give = "0xa9059cbb" + _word(facts.faucet.address) + _word(SUPPLY)  # transfer(to, amount)
    for nonce, call in enumerate(
        ({"data": token + _word(SUPPLY)}, {"data": vault}, {"to": facts.token, "data": give})
    ):
        sent = {"from": owner, "gas": hex(6_000_000), "nonce": hex(nonce), **call}
        anvil.ask("eth_sendTransaction", sent)
    miner.mine()
    anvil.ask("anvil_stopImpersonatingAccount", owner)
    if anvil.ask("eth_getCode", facts.vault, "latest") == "0x":
        raise Refused("the vault could not be deployed")


def created_by(address: str, nonce: int) -> str:
    """Return where a contract goes that this address makes as its transaction `nonce`, below 128.

    The last 20 bytes of the hash of both, written as RLP.
    """
    items = b"\x94" + bytes.fromhex(address[2:]) + bytes([nonce or 0x80])
    return checksummed(keccak(bytes([0xC0 + len(items)]) + items)[12:])


def _new_account() -> Account:
    key = secrets.token_bytes(32)
    return Account(address_of(key), "0x" + key.hex())


def _build(name: str) -> str:
    path = shipped.folder("contracts/build") / f"{name}.json"
    made: dict[str, Any] = json.loads(path.read_text())
    return str(made["bytecode"])


def _word(value: int | str) -> str:
    number = value if isinstance(value, int) else int(value, 16)
    return f"{number:064x}"


if __name__ == "__main__":
    sys.exit(main())
