// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Does what it is told, and while tokens move to or from it, tries `attempt` on the vault once more.
contract Intruder {
    address private target;
    bytes private attempt;
    uint256 private burn;
    uint256 public entered;

    function prepare(address target_, bytes calldata attempt_, uint256 burn_) external {
        (target, attempt, burn) = (target_, attempt_, burn_);
    }

    function act(address to, bytes calldata data) external {
        (bool done, bytes memory answer) = to.call(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function moved() external {
        if (target == address(0)) return;
        uint256 until = gasleft() < burn ? 0 : gasleft() - burn;
        while (burn != 0 && gasleft() > until) {}
        (bool done,) = target.call(attempt);
        if (done) entered += 1;
    }
}
