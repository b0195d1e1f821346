"""What the vault must do, written a second time in Python, and its misbehaving token."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chain.builds import selector
from tests.chain.evm import Log, word

DAY = 86_400
TAKER = 0xFEE  # where the odd token's fees go
U64_MAX = 2**64 - 1
TRUE, NOTHING, FALSE, LIE = range(4)  # what the odd token answers
TRANSFER_GAS = 200_000

Payout = tuple[int, int, int]


class Refused(Exception):
    """The call must be reverted, with an error of this name."""

    def __init__(self, name: str, data: bytes = b"") -> None:
        super().__init__(name)
        self.name = name
        self.data = data


def error(signature: str, *values: int) -> bytes:
    return selector(signature) + b"".join(word(value) for value in values)


@dataclass
class Token:
    """An ERC-20 that does what it is told, and the balances it keeps."""

    address: int = 0
    answer: int = TRUE
    fee: int = 0
    toll: int = 0
    reason_bytes: int = 0
    blocked: set[int] = field(default_factory=set)
    greedy: set[int] = field(default_factory=set)  # whose hooks burn more gas than the vault gives
    balances: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, sender: int, to: int, units: int) -> None:
        """All of it or, with the reason, nothing."""
        if self.answer == FALSE:
            raise Refused("SafeERC20FailedOperation")
        if to == 0:
            raise Refused("ERC20InvalidReceiver", error("ERC20InvalidReceiver(address)", 0))
        before = self.balances.copy()
        try:
            if to in self.blocked:
                head = error("Blocked(address,bytes)", to, 64, self.reason_bytes)
                filled = b"\0" * (-(-self.reason_bytes // 32) * 32)
                raise Refused("Blocked", head + filled)
            self._take(sender, to, units)
            if self.fee:
                self._take(to, TAKER, self.fee)
            if self.toll:
                self._take(sender, TAKER, self.toll)
        except Refused:
            self.balances = before
            raise

    def _take(self, sender: int, to: int, units: int) -> None:
        held = self.balances[sender]
        if held < units:
            signature = "ERC20InsufficientBalance(address,uint256,uint256)"
            raise Refused("ERC20InsufficientBalance", error(signature, sender, held, units))
        self.balances[sender] -= units
        self.balances[to] += units


@dataclass
class Model:
    """The vault: each call gives the events it must emit, or raises Refused and changes nothing."""

    token: Token
    scale: int
    owner: int
    key: int
    guardian: int
    daily: int
    now: int
    foreign: int = 0
    vault: int = 0
    pending_owner: int = 0
    pending_key: int = 0
    paused: bool = False
    left: int = field(init=False)  # micro-tokens times seconds, as of `since`
    since: int = field(init=False)
    paid: set[int] = field(default_factory=set)
    deposits: int = 0
    deposited: int = 0
    payouts: int = 0
    paid_out: int = 0
    foreign_held: int = 0
    gifts: int = 0  # units that came without a deposit

    def __post_init__(self) -> None:
        self.left = self.daily * DAY
        self.since = self.now

    def room(self) -> int:
        """What may still be paid out, in micro-tokens times seconds of a day."""
        return min(self.daily * DAY, self.left + self.daily * (self.now - self.since))

    def deposit(self, sender: int, amount: int, user: int) -> list[Log]:
        if user == 0:
            raise Refused("NoUser")
        micro, rest = divmod(amount, self.scale)
        if amount == 0 or rest or micro > U64_MAX:
            raise Refused("NoWholeMicroTokens")
        before = self.token.balances.copy()
        self.token.move(sender, self.vault, amount)
        if self.token.answer == LIE:
            self.token.balances = before
            raise Refused("SafeERC20FailedOperation")
        if self.token.balances[self.vault] - before[self.vault] != amount:
            self.token.balances = before
            raise Refused("AnotherAmountArrived")
        self.deposits += 1
        self.deposited += micro
        return [("Deposited", user, sender, self.deposits, micro)]

    def send(self, sender: int, units: int) -> list[Log]:
        """Tokens that come without a deposit: nothing is told, and nobody is credited."""
        held = self.token.balances[self.vault]
        self.token.move(sender, self.vault, units)
        self.gifts += self.token.balances[self.vault] - held
        return []

    def pay_out(self, sender: int, payouts: Sequence[Payout]) -> list[Log]:
        if self.paused:
            raise Refused("EnforcedPause")
        if sender != self.key:
            raise Refused("NotThePayoutKey")
        before = self.__dict__ | {"paid": self.paid.copy()}, self.token.balances.copy()
        held = self.token.balances[self.vault]
        left = self.room()
        logs: list[Log] = []
        total = 0
        for number, to, amount in payouts:
            if number in self.paid:
                logs.append(("PayoutSkipped", number))
                continue
            reason = self._refusal(to, amount, left)
            if reason:
                logs.append(("PayoutRefused", number, to, amount, reason[:256]))
                continue
            self.paid.add(number)
            left -= amount * DAY
            total += amount
            self.payouts += 1
            logs.append(("PaidOut", number, to, amount))
        self.left, self.since = left, self.now
        self.paid_out += total
        if held - self.token.balances[self.vault] > total * self.scale:
            vault, self.token.balances = before
            self.__dict__.update(vault)
            raise Refused("TokenTookMore")
        return logs

    def _refusal(self, to: int, amount: int, left: int) -> bytes:
        """Pays, or says why not."""
        if to in (0, self.vault, self.token.address):
            return error("BadRecipient(address)", to)
        if amount == 0:
            return error("NothingToPay()")
        if amount * DAY > left:
            return error("DailyLimitReached(uint64)", left // DAY)
        if self.token.answer == FALSE:
            return error("NotTransferred()")
        before = self.token.balances.copy()
        try:
            self.token.move(self.vault, to, amount * self.scale)
        except Refused as refused:
            return refused.data
        if to in self.token.greedy:
            self.token.balances = before
            return error("NotTransferred()")
        return error("NotTransferred()") if self.token.answer == LIE else b""

    def pause(self, sender: int) -> list[Log]:
        if sender not in (self.guardian, self.owner):
            raise Refused("NotTheGuardian")
        if self.paused:
            raise Refused("EnforcedPause")
        self.paused = True
        return [("Paused", sender)]

    def unpause(self, sender: int) -> list[Log]:
        self._only_owner(sender)
        if not self.paused:
            raise Refused("ExpectedPause")
        self.paused = False
        return [("Unpaused", sender)]

    def propose_key(self, sender: int, key: int) -> list[Log]:
        self._only_owner(sender)
        self.pending_key = key
        return [("PayoutKeyProposed", key)]

    def accept_key(self, sender: int) -> list[Log]:
        if sender != self.pending_key:
            raise Refused("NotProposed")
        before, self.key, self.pending_key = self.key, sender, 0
        return [("PayoutKeyChanged", before, sender)]

    def set_guardian(self, sender: int, guardian: int) -> list[Log]:
        self._only_owner(sender)
        before, self.guardian = self.guardian, guardian
        return [("GuardianChanged", before, guardian)]

    def set_daily_limit(self, sender: int, daily: int) -> list[Log]:
        self._only_owner(sender)
        before = self.daily
        self.left, self.since, self.daily = min(self.room(), daily * DAY), self.now, daily
        return [("DailyLimitChanged", before, daily)]

    def transfer_ownership(self, sender: int, owner: int) -> list[Log]:
        self._only_owner(sender)
        self.pending_owner = owner
        return [("OwnershipTransferStarted", sender, owner)]

    def accept_ownership(self, sender: int) -> list[Log]:
        if sender != self.pending_owner:
            raise Refused("OwnableUnauthorizedAccount")
        before, self.owner, self.pending_owner = self.owner, sender, 0
        return [("OwnershipTransferred", before, sender)]

    def renounce_ownership(self, sender: int) -> list[Log]:
        self._only_owner(sender)
        raise Refused("NeedsAnOwner")

    def rescue(self, sender: int, token: int, _to: int, amount: int) -> list[Log]:
        self._only_owner(sender)
        if token == self.token.address:
            raise Refused("OwnToken")
        if amount > self.foreign_held:
            raise Refused("ERC20InsufficientBalance")
        self.foreign_held -= amount
        return [("Rescued", token, _to, amount)]

    def _only_owner(self, sender: int) -> None:
        if sender != self.owner:
            raise Refused("OwnableUnauthorizedAccount")

    def check(self) -> None:
        """What must hold after whatever was done."""
        came = self.deposited * self.scale + self.gifts
        assert self.token.balances[self.vault] == came - self.paid_out * self.scale
        assert self.payouts == len(self.paid)
