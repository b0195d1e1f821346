"""Random calls against the vault, each compared with the model: events, refusals, balances, rights.

What a step must do is computed before it is tried. A seed that fails repeats with `fuzz(seed=…)`.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chain.builds import build
from tests.chain.evm import Evm, Log, Reverted, Value, encode
from tests.chain.model import U64_MAX, Model, Payout, Refused, Token

OWNER, HEIR, GUARD, KEY, NEXT_KEY, ALICE, BOB, CAROL, DAN = range(0xA001, 0xA00A)
SUPPLY = 10**9  # micro-tokens
EVERYTHING = 2**256 - 1

WITH_PERMIT = "depositWithPermit(uint256,bytes16,uint256,uint8,bytes32,bytes32)"
PAY_OUT = "payOut((uint64,address,uint64)[])"

Outcome = list[Log] | str


class Fuzz:
    """One vault, one seed."""

    def __init__(self, seed: int, bytecode: bytes | None = None) -> None:
        self.rng = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.evm = Evm()
        self.decimals = self.rng.choice((6, 6, 8, 18))
        scale = 10 ** (self.decimals - 6)
        self.intruder = self.evm.deploy(build("testing/Intruder").bytecode, sender=ALICE)
        token, foreign = (
            self.evm.deploy(
                build("testing/OddToken").bytecode, SUPPLY * scale, decimals, sender=ALICE
            )
            for decimals in (self.decimals, 6)
        )
        daily = self.rng.choice((1000, 1000, 77_777, U64_MAX))
        self.model = Model(Token(token), scale, OWNER, KEY, GUARD, daily, now=1_000_000_000)
        code = bytecode or build("Vault").bytecode
        self.vault = self.evm.deploy(code, token, OWNER, KEY, GUARD, daily, sender=OWNER)
        self.model.vault, self.model.foreign = self.vault, foreign
        self.model.token.balances[ALICE] = SUPPLY * scale
        self._equip(foreign, scale)
        people = (OWNER, HEIR, GUARD, KEY, NEXT_KEY, ALICE, self.intruder)
        self.people = people
        self.payees = (BOB, CAROL, DAN, self.intruder)
        self.watched = (*people, BOB, CAROL, DAN, self.vault, 0xFEE)
        self.steps: tuple[tuple[float, Callable[[], None]], ...] = (
            (22, self.pay_out),
            (12, self.deposit),
            (6, self.wait),
            (4, self.manage),
            (2, self.manage_by_anyone),
            (3, self.misbehave),
            (1, self.send_without_deposit),
            (2, self.prepare_intruder),
        )

    def _equip(self, foreign: int, scale: int) -> None:
        """Alice and the intruder can deposit; some foreign tokens lie in the vault."""
        token, share = self.model.token, SUPPLY * scale // 3
        self._order(ALICE, foreign, "transfer(address,uint256)", self.vault, 1000)
        self.model.foreign_held = 1000
        self._order(ALICE, token.address, "transfer(address,uint256)", self.intruder, share)
        token.move(ALICE, self.intruder, share)
        for sender in (ALICE, self.intruder):
            self._order(sender, token.address, "approve(address,uint256)", self.vault, EVERYTHING)
        self._order(ALICE, token.address, "setHooked(address,bool)", self.intruder, 1)

    def run(self, steps: int) -> Counter[str]:
        weights = [weight for weight, _ in self.steps]
        for step in self.rng.choices([step for _, step in self.steps], weights, k=steps):
            step()
            self.compare()
        return self.done

    def compare(self) -> None:
        """The whole of the vault that can be read, against the model."""
        model, read = self.model, self.evm.number
        model.check()
        for account in self.watched:
            held = read(model.token.address, "balanceOf(address)", account)
            assert held == model.token.balances[account], hex(account)
        sums = (model.deposits, model.deposited, model.payouts, model.paid_out)
        answer = self.evm.call(1, self.vault, encode("totals()"))
        assert answer == b"".join(value.to_bytes(32, "big") for value in sums)
        assert read(self.vault, "available()") == model.room() // 86_400
        for getter, value in (
            ("owner()", model.owner),
            ("pendingOwner()", model.pending_owner),
            ("payoutKey()", model.key),
            ("pendingPayoutKey()", model.pending_key),
            ("guardian()", model.guardian),
            ("paused()", model.paused),
        ):
            assert read(self.vault, getter) == value, getter
        for page in {0, 1, U64_MAX >> 8}:
            bits = sum(1 << (number & 255) for number in model.paid if number >> 8 == page)
            assert read(self.vault, "paid(uint256)", page) == bits
        assert read(self.intruder, "entered()") == 0

    # --- Steps ---

    def deposit(self) -> None:
        rng, model = self.rng, self.model
        sender = rng.choice((ALICE, ALICE, ALICE, self.intruder))
        held = model.token.balances[sender]
        whole = rng.randint(1, 3000) * model.scale
        amount = whole
        if rng.random() < 0.3:
            beyond = (U64_MAX + 1) * model.scale
            odd = (0, whole + 1, whole - 1, held, held + model.scale, beyond, EVERYTHING)
            amount = rng.choice(odd)
        user = rng.choice((0, *[n << 128 for n in range(1, 10)]))
        expected = self._expected(lambda: model.deposit(sender, amount, user))
        if rng.random() < 0.2:
            got = self._tried(sender, WITH_PERMIT, amount, user, model.now, 27, 1, 1)
        else:
            got = self._tried(sender, "deposit(uint256,bytes16)", amount, user)
        self._agree("deposit", expected, got)

    def pay_out(self) -> None:
        """A batch of some right and some wrong payouts, now and then with hardly any gas."""
        rng, model = self.rng, self.model
        sender = model.key if rng.random() < 0.93 else rng.choice(self.people)
        payouts = [self._payout() for _ in range(rng.choice((0, 1, 1, 2, 3, 8)))]
        if payouts and rng.random() < 0.2:
            payouts.append(rng.choice(payouts))
        gas = rng.randint(50_000, 700_000) if rng.random() < 0.1 else None
        if gas:
            try:
                got: Outcome = self._order(sender, self.vault, PAY_OUT, payouts, gas=gas)
            except Reverted:  # then nothing may have happened
                self.done["too little gas"] += 1
                return
        else:
            got = self._tried(sender, PAY_OUT, payouts)
        expected = self._expected(lambda: model.pay_out(sender, payouts))
        self._agree("pay out", expected, got)

    def _payout(self) -> Payout:
        rng, model = self.rng, self.model
        number = rng.choice((*[rng.randrange(512) for _ in range(8)], 255, 256, U64_MAX))
        held = model.token.balances[self.vault] // model.scale
        room = model.room() // 86_400
        edges = (0, room, min(room + 1, U64_MAX), held, held + 1, U64_MAX)
        amount = rng.choice(edges) if rng.random() < 0.4 else rng.randint(1, 400)
        to = rng.choice(self.payees)
        if rng.random() < 0.1:
            to = rng.choice((0, self.vault, model.token.address))
        return number, to, amount

    def wait(self) -> None:
        self.model.now += self.rng.choice((1, 600, 3600, 14_400, 43_200, 86_400, 10**6))
        self.evm.at(self.model.now)
        self.done["wait"] += 1

    def manage(self) -> None:
        """By who has the right to it."""
        model = self.model
        self._manage(
            {
                "pause()": self.rng.choice((model.guardian, model.owner)),
                "acceptPayoutKey()": model.pending_key,
                "acceptOwnership()": model.pending_owner,
            }
        )

    def manage_by_anyone(self) -> None:
        self._manage(dict.fromkeys(self._orders(), self.rng.choice(self.people)))

    def _orders(self) -> dict[str, tuple[Callable[..., list[Log]], tuple[int, ...]]]:
        """Each order that someone may give, with the model's answer and arguments at random."""
        model, rng = self.model, self.rng
        person = rng.choice((*self.people, 0))
        daily = rng.choice((0, 500, 1000, 5000, 10**6, U64_MAX))
        token = rng.choice((model.token.address, model.foreign))
        return {
            "pause()": (model.pause, ()),
            "unpause()": (model.unpause, ()),
            "proposePayoutKey(address)": (model.propose_key, (person,)),
            "acceptPayoutKey()": (model.accept_key, ()),
            "transferOwnership(address)": (model.transfer_ownership, (person,)),
            "acceptOwnership()": (model.accept_ownership, ()),
            "renounceOwnership()": (model.renounce_ownership, ()),
            "setGuardian(address)": (model.set_guardian, (person,)),
            "setDailyLimit(uint64)": (model.set_daily_limit, (daily,)),
            "rescue(address,address,uint256)": (model.rescue, (token, BOB, rng.choice((1, 2000)))),
        }

    def _manage(self, senders: dict[str, int]) -> None:
        orders = self._orders()
        chosen = self.rng.choice([*orders, "setDailyLimit(uint64)", "setDailyLimit(uint64)"])
        if self.model.paused and self.rng.random() < 0.7:
            chosen = "unpause()"
        method, values = orders[chosen]
        self._proceed(chosen, method, senders.get(chosen, self.model.owner) or ALICE, *values)

    def _proceed(
        self, signature: str, method: Callable[..., list[Log]], sender: int, *values: int
    ) -> None:
        expected = self._expected(lambda: method(sender, *values))
        self._agree(signature, expected, self._tried(sender, signature, *values))

    def misbehave(self) -> None:
        """The token turns odd in some way, more often back to normal."""
        token, rng = self.model.token, self.rng
        account = rng.choice((BOB, BOB, BOB, CAROL, self.vault))
        if self.vault in token.blocked:
            account = self.vault
        blocked = account not in token.blocked
        (token.blocked.add if blocked else token.blocked.discard)(account)
        self._order(ALICE, token.address, "setBlocked(address,bool)", account, int(blocked))
        token.answer, token.fee, token.toll, token.reason_bytes = 0, 0, 0, 0
        if rng.random() < 0.6:
            token.answer = rng.choice((0, 0, 0, 0, 1, 1, 2, 3))
            token.fee, token.toll = rng.choice(((0, 0), (0, 0), (1, 0), (0, 1)))
            token.reason_bytes = rng.choice((0, 5, 188, 189, 1000))
        values = token.answer, token.fee, token.toll, token.reason_bytes
        self._order(ALICE, token.address, "behave(uint8,uint256,uint256,uint256)", *values)

    def send_without_deposit(self) -> None:
        token = self.model.token
        expected = self._expected(lambda: self.model.send(ALICE, 5))
        try:
            self._order(ALICE, token.address, "transfer(address,uint256)", self.vault, 5)
            got: Outcome = []
        except Reverted as error:
            got = error.name
        if token.answer != 2:  # then it is false, and no refusal
            self._agree("send", expected, got)

    def prepare_intruder(self) -> None:
        """Its next attempts, when tokens move to it or from it."""
        model, rng = self.model, self.rng
        payout = [(rng.randrange(512), DAN, 1)]
        attempt = rng.choice(
            (
                encode("deposit(uint256,bytes16)", model.scale, 1 << 128),
                encode(WITH_PERMIT, model.scale, 1 << 128, 0, 0, 0, 0),
                encode(PAY_OUT, payout),
                encode("setDailyLimit(uint64)", 10**9),
                encode("rescue(address,address,uint256)", model.foreign, DAN, 0),
            )
        )
        burn = rng.choice((0, 0, 400_000))
        (model.token.greedy.add if burn else model.token.greedy.discard)(self.intruder)
        signature = "prepare(address,bytes,uint256)"
        self.evm.call(ALICE, self.intruder, encode(signature, self.vault, attempt, burn))
        if rng.random() < 0.3:  # it comes to power, lawfully
            self._proceed(
                "proposePayoutKey(address)", model.propose_key, model.owner, self.intruder
            )
            self._proceed("acceptPayoutKey()", model.accept_key, self.intruder)
        if rng.random() < 0.3:
            self._proceed(
                "transferOwnership(address)", model.transfer_ownership, model.owner, self.intruder
            )
            self._proceed("acceptOwnership()", model.accept_ownership, self.intruder)

    # --- Calls ---

    def _order(
        self, sender: int, to: int, signature: str, *values: Value, gas: int | None = None
    ) -> list[Log]:
        """The vault's events; what the intruder does goes through its contract."""
        data = encode(signature, *values)
        if sender == self.intruder:
            sender, to, data = ALICE, self.intruder, encode("act(address,bytes)", to, data)
        self.evm.call(sender, to, data, gas)
        return self.evm.logs(self.vault) if hasattr(self, "vault") else []

    def _tried(self, sender: int, signature: str, *values: Value) -> Outcome:
        try:
            return self._order(sender, self.vault, signature, *values)
        except Reverted as error:
            return error.name

    def _expected(self, call: Callable[[], list[Log]]) -> Outcome:
        try:
            return call()
        except Refused as refused:
            return refused.name

    def _agree(self, what: str, expected: Outcome, got: Outcome) -> None:
        assert got == expected, what
        if isinstance(got, str):
            self.done[f"{what}: {got}"] += 1
        else:
            self.done[what] += 1
            for log in got:
                self.done[str(log[0])] += 1


def fuzz(seed: int, steps: int, bytecode: bytes | None = None) -> Counter[str]:
    """How often what was done; an AssertionError or Reverted where the contract differs."""
    return Fuzz(seed, bytecode).run(steps)


def first_difference(bytecode: bytes, seeds: Sequence[int], steps: int) -> str | None:
    """How a faulty vault was noticed, or None."""
    for seed in seeds:
        try:
            fuzz(seed, steps, bytecode)
        except (AssertionError, Reverted) as error:
            return f"{seed}: {error}"
    return None
