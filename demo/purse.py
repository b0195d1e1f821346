"""Tokens on their way in and out: paid in from a wallet, earned, taken out to other wallets."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Self

import httpx2

from demo import command
from demo.chain import LOOK_SECONDS, WAIT_SECONDS, Node, Wallet
from demo.chain_outcome import OnChain, Withdrawn
from demo.children import Failed
from demo.market import Market
from demo.people import Admin, Owner, Person
from demo.place import Place
from demo.screen import Screen
from demo.together import both, together

UNDER_WAY: Final = ("requested", "authorised")


@dataclass
class Purse:
    """A wallet with development tokens, from which everybody's deposits are paid."""

    market: Market
    place: Place
    wallet: Wallet
    deposited: Decimal = Decimal(0)
    _waited: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    async def fill(
        cls, market: Market, client: httpx2.AsyncClient, place: Place, amount: Decimal
    ) -> Self:
        """Make a wallet, and have the faucet give it tokens and some coins for gas."""
        node = await Node.find(market, client, place.logs / "chain-status.log")
        purse = cls(market, place, Wallet(node))
        await command.run(
            ["chain", "faucet", purse.wallet.address, "--amount", f"{amount:f}"],
            place.logs / "faucet.log",
            DML_HOME=str(market.home),
        )
        return purse

    async def approve(self, person: Person, amount: Decimal) -> None:
        """Let the vault take so much from the wallet, in as many deposits as there will be."""
        told = await self._instructions(person, amount)
        await self.wallet.send(told["approve"])

    async def deposit(self, person: Person, amount: Decimal, screen: Screen | None = None) -> None:
        """Pay in for somebody, and wait until that is final and so can be spent."""
        began = time.monotonic()
        told = await self._instructions(person, amount)
        await self.wallet.send(told["deposit"])
        give_up_at, was_seen = time.monotonic() + WAIT_SECONDS, False
        while Decimal((balance := await person.funds())["available"]) < amount:
            if Decimal(balance["pending"]) and not was_seen:
                was_seen = True
                if screen is not None:
                    screen.say(f"A deposit of {amount} tokens is seen on the chain: pending")
            if time.monotonic() > give_up_at:
                raise Failed(f"a deposit is not credited after {WAIT_SECONDS} s: {balance}")
            await asyncio.sleep(LOOK_SECONDS)
        self.deposited += amount
        self._waited.append((began, time.monotonic()))
        if screen is not None:
            screen.say(f"Its block is final: {amount} tokens are credited")

    async def withdraw(self, owners: Sequence[Owner]) -> list[tuple[Wallet, Decimal]]:
        """Let each take out all there is to a wallet of its own, and wait until it is paid.

        Answers each one's wallet, and what was asked for.
        """
        began = time.monotonic()
        asked = await together(self._take_out(it) for it in owners)
        self._waited.append((began, time.monotonic()))
        return asked

    async def settle(
        self, admin: Admin, owners: Sequence[Owner], taken: Sequence[tuple[Wallet, Decimal]]
    ) -> OnChain:
        """Read from the chain what arrived and what the vault holds, the rest from the books."""
        node = self.wallet.node
        shown = await command.run(
            ["doctor", "--json"],
            self.place.logs / "doctor.log",
            codes=(0, 1),
            DML_HOME=str(self.market.home),
        )
        (arrived, left), (vault, books) = await both(
            both(
                together(node.tokens(wallet.address) for wallet, _ in taken),
                together(it.balance() for it in owners),
            ),
            both(node.tokens(node.vault), admin.books()),
        )
        found = zip(taken, arrived, left, strict=True)
        return OnChain(
            seconds=self.seconds,
            deposited=self.deposited,
            owners=[Withdrawn(asked, there, here) for (_, asked), there, here in found],
            vault=vault,
            ledger_chain=Decimal(books["chain"]),
            complaints=json.loads(shown.splitlines()[-1])["complaints"],
        )

    @property
    def seconds(self) -> float:
        """How long somebody waited for the chain, each moment counted once."""
        total, until = 0.0, 0.0
        for began, ended in sorted(self._waited):
            total += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return round(total, 2)

    async def _instructions(self, person: Person, amount: Decimal) -> dict[str, dict[str, str]]:
        path, body = "/v1/payments/deposits/instructions", {"amount": f"{amount:f}"}
        told: dict[str, dict[str, str]] = await person.ask("POST", path, body)
        return told

    async def _take_out(self, owner: Owner) -> tuple[Wallet, Decimal]:
        wallet, earned = Wallet(self.wallet.node), await owner.balance()
        linked = await owner.link(wallet.address, wallet.sign)
        made = await owner.withdraw(linked, earned)
        give_up_at, path = time.monotonic() + WAIT_SECONDS, f"/v1/payments/withdrawals/{made}"
        while (shown := await owner.ask("GET", path))["state"] in UNDER_WAY:
            if time.monotonic() > give_up_at:
                raise Failed(f"a withdrawal is not paid after {WAIT_SECONDS} s: {shown}")
            await asyncio.sleep(5 * LOOK_SECONDS)
        if shown["state"] != "paid":
            raise Failed(f"a withdrawal was not paid: {shown}")
        return wallet, earned
