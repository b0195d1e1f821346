// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// Holds the tokens behind the ledger: anyone pays in for a user, one key pays out, each withdrawal once for ever.
///
/// Amounts are micro-tokens (uint64), as in the ledger; only `deposit` and `rescue` take the token's own units.
/// Who may do what:
///   payout key   pays out, within the daily limit, while not paused
///   guardian     pauses payouts, and cannot undo it
///   owner        changes key, guardian and limit, pauses and unpauses; let it be a multisig or a timelock,
///                since by a new key and a new limit it can reach everything
/// A pause does not stop deposits: what is paid in is credited, or can be paid back once payouts go on.
/// Tokens sent here without `deposit` are credited to nobody. Tokens that rebase are not for this vault.
contract Vault is Ownable2Step, Pausable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// `number` is the withdrawal's own, given once and counted upwards: 256 neighbours share a word of storage.
    struct Payout {
        uint64 number;
        address to;
        uint64 amount;
    }

    /// All since the beginning; `deposits` and `payouts` count, `deposited` and `paidOut` are micro-tokens.
    struct Totals {
        uint64 deposits;
        uint64 deposited;
        uint64 payouts;
        uint64 paidOut;
    }

    /// A bucket that refills in a day: at most `daily` at once, and at most twice that in any 24 hours.
    /// `left` is in micro-tokens times seconds of a day, so that a refill never rounds.
    struct Limit {
        uint64 daily;
        uint128 left;
        uint64 since;
    }

    /// No transfer may use more, so that a recipient's hook can't eat what the rest of the batch needs.
    uint256 public constant TRANSFER_GAS = 200_000;
    uint256 private constant GAS_FOR_ONE = TRANSFER_GAS + 50_000;
    uint256 private constant REASON_BYTES_MAX = 256;

    IERC20 public immutable TOKEN;
    /// Units of the token in one micro-token: 1 where the token has 6 decimals, 10^12 where it has 18.
    uint256 public immutable SCALE;

    Totals public totals;
    Limit public limit;
    address public guardian;
    address public payoutKey;
    address public pendingPayoutKey;
    /// Bit n % 256 of word n / 256 is set once withdrawal n has been paid.
    mapping(uint256 word => uint256 bits) public paid;

    /// `ordinal` counts all deposits from 1 without a gap: a log that a node leaves out is missed.
    event Deposited(bytes16 indexed userId, address indexed from, uint64 ordinal, uint64 amount);
    event PaidOut(uint64 indexed number, address indexed to, uint64 amount);
    event PayoutSkipped(uint64 indexed number);
    /// Not paid, and may be tried again. `reason` is an error of this contract, or what the token (with some: the
    /// recipient) said, cut at 256 bytes: not to be trusted.
    event PayoutRefused(uint64 indexed number, address indexed to, uint64 amount, bytes reason);
    event PayoutKeyProposed(address indexed key);
    event PayoutKeyChanged(address indexed before, address indexed key);
    event GuardianChanged(address indexed before, address indexed guardian);
    event DailyLimitChanged(uint64 before, uint64 daily);
    event Rescued(address indexed token, address indexed to, uint256 amount);

    error UnsupportedDecimals(uint8 decimals);
    error NoUser();
    error NoWholeMicroTokens(uint256 amount, uint256 scale);
    error AnotherAmountArrived(uint256 amount, uint256 arrived);
    error NotThePayoutKey(address sender);
    error NotTheGuardian(address sender);
    error NotProposed(address sender);
    error NotEnoughGas(uint64 number);
    error TokenTookMore(uint256 paid, uint256 taken);
    error OwnToken();
    error NeedsAnOwner();
    error BadRecipient(address to);
    error NothingToPay();
    error DailyLimitReached(uint64 available);
    error NotTransferred();

    constructor(IERC20 token, address owner_, address payoutKey_, address guardian_, uint64 daily) Ownable(owner_) {
        uint8 decimals = IERC20Metadata(address(token)).decimals();
        if (decimals < 6 || decimals > 18) revert UnsupportedDecimals(decimals);
        TOKEN = token;
        SCALE = 10 ** (decimals - 6);
        payoutKey = payoutKey_;
        guardian = guardian_;
        limit = Limit(daily, uint128(daily) * 1 days, uint64(block.timestamp));
    }

    // --- Paying in -----------------------------------------------------------------------------------------------

    /// Takes `amount` units of the token from the sender for a user: the 16 bytes of that user's UUID.
    function deposit(uint256 amount, bytes16 userId) external nonReentrant {
        _deposit(amount, userId);
    }

    /// The same, approved by signature. A permit that somebody else has used already is no obstacle: the
    /// allowance is there then, and where it is not, the transfer says so.
    function depositWithPermit(uint256 amount, bytes16 userId, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(amount, userId);
    }

    function _deposit(uint256 amount, bytes16 userId) private {
        if (userId == 0) revert NoUser();
        uint256 micro = amount / SCALE;
        if (amount == 0 || amount % SCALE != 0 || micro > type(uint64).max) revert NoWholeMicroTokens(amount, SCALE);

        uint256 held = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = TOKEN.balanceOf(address(this)) - held;
        if (arrived != amount) revert AnotherAmountArrived(amount, arrived);

        Totals memory sums = totals;
        sums.deposits += 1;
        sums.deposited += uint64(micro);
        totals = sums;
        emit Deposited(userId, msg.sender, sums.deposits, uint64(micro));
    }

    // --- Paying out ----------------------------------------------------------------------------------------------

    /// Pays each that can be paid and was not paid before. What stops one of them is an event and stops no other;
    /// only a wrong key, a pause, too little gas or a token that takes more than it was told to stop all of them.
    function payOut(Payout[] calldata payouts) external nonReentrant whenNotPaused {
        if (msg.sender != payoutKey) revert NotThePayoutKey(msg.sender);
        uint256 held = TOKEN.balanceOf(address(this));
        uint256 left = _left();
        uint64 count;
        uint64 sum;
        for (uint256 i; i < payouts.length; ++i) {
            Payout calldata payout = payouts[i];
            (uint64 number, address to, uint64 amount) = (payout.number, payout.to, payout.amount);
            if (isPaid(number)) {
                emit PayoutSkipped(number);
                continue;
            }
            bytes memory reason = _pay(number, to, amount, left);
            if (reason.length != 0) {
                emit PayoutRefused(number, to, amount, reason);
                continue;
            }
            left -= uint256(amount) * 1 days;
            count += 1;
            sum += amount;
            emit PaidOut(number, to, amount);
        }
        _setLeft(left);
        totals.payouts += count;
        totals.paidOut += sum;

        // Also where a token moves and says that it did not: what counts as unpaid must still be here.
        uint256 now_ = TOKEN.balanceOf(address(this));
        if (now_ + sum * SCALE < held) revert TokenTookMore(sum * SCALE, held - now_);
    }

    /// Pays one, or returns why not.
    function _pay(uint64 number, address to, uint64 amount, uint256 left) private returns (bytes memory reason) {
        if (to == address(0) || to == address(this) || to == address(TOKEN)) {
            return abi.encodeWithSelector(BadRecipient.selector, to);
        }
        if (amount == 0) return abi.encodeWithSelector(NothingToPay.selector);
        if (uint256(amount) * 1 days > left) {
            return abi.encodeWithSelector(DailyLimitReached.selector, left / 1 days);
        }
        // A call gets at most 63/64 of what is left: without this, too little gas would look like a refusal.
        if (gasleft() < GAS_FOR_ONE) revert NotEnoughGas(number);

        uint256 bit = 1 << (number & 0xff);
        paid[number >> 8] |= bit; // before the transfer, whose hooks may look
        bool done;
        (done, reason) = _transfer(to, amount * SCALE);
        if (!done) paid[number >> 8] ^= bit;
    }

    /// Transfers with bounded gas and a bounded answer; true where the token said nothing or said true.
    function _transfer(address to, uint256 units) private returns (bool done, bytes memory reason) {
        bytes memory data = abi.encodeCall(IERC20.transfer, (to, units));
        address token = address(TOKEN);
        uint256 size;
        uint256 word;
        assembly ("memory-safe") {
            done := call(TRANSFER_GAS, token, 0, add(data, 0x20), mload(data), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        if (done && (size == 0 || (size >= 32 && word == 1))) return (true, "");
        if (done || size == 0) return (false, abi.encodeWithSelector(NotTransferred.selector));
        if (size > REASON_BYTES_MAX) size = REASON_BYTES_MAX;
        reason = new bytes(size);
        assembly ("memory-safe") {
            returndatacopy(add(reason, 0x20), 0, size)
        }
        done = false;
    }

    function isPaid(uint64 number) public view returns (bool) {
        return paid[number >> 8] & (1 << (number & 0xff)) != 0;
    }

    /// Micro-tokens that could be paid out now.
    function available() external view returns (uint64) {
        return uint64(_left() / 1 days);
    }

    function _left() private view returns (uint256) {
        Limit memory current = limit;
        uint256 full = uint256(current.daily) * 1 days;
        uint256 left = current.left + current.daily * (block.timestamp - current.since);
        return left < full ? left : full;
    }

    function _setLeft(uint256 left) private {
        limit.left = uint128(left);
        limit.since = uint64(block.timestamp);
    }

    // --- Who may do what -----------------------------------------------------------------------------------------

    function pause() external {
        if (msg.sender != guardian && msg.sender != owner()) revert NotTheGuardian(msg.sender);
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }

    /// The new key must say itself that it is there. The zero address withdraws a proposal.
    function proposePayoutKey(address key) external onlyOwner {
        pendingPayoutKey = key;
        emit PayoutKeyProposed(key);
    }

    function acceptPayoutKey() external {
        if (msg.sender != pendingPayoutKey) revert NotProposed(msg.sender);
        emit PayoutKeyChanged(payoutKey, msg.sender);
        payoutKey = msg.sender;
        pendingPayoutKey = address(0);
    }

    function setGuardian(address guardian_) external onlyOwner {
        emit GuardianChanged(guardian, guardian_);
        guardian = guardian_;
    }

    /// Counts at once. What is left today does not rise by it, and is never more than the new limit.
    function setDailyLimit(uint64 daily) external onlyOwner nonReentrant {
        emit DailyLimitChanged(limit.daily, daily);
        _setLeft(_left());
        limit.daily = daily;
    }

    /// Sends on what came here by mistake; never the vault's own token, which is owed to users.
    function rescue(IERC20 token, address to, uint256 amount) external onlyOwner nonReentrant {
        if (address(token) == address(TOKEN)) revert OwnToken();
        token.safeTransfer(to, amount);
        emit Rescued(address(token), to, amount);
    }

    /// Without an owner no key could be replaced any more.
    function renounceOwnership() public view override onlyOwner {
        revert NeedsAnOwner();
    }
}
