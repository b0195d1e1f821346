// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

interface IVault {
    function deposit(uint256 amount, bytes16 userId) external;
    function TOKEN() external view returns (IERC20);
}

/// Deposits several times in one transaction, from tokens of its own.
contract ManyDeposits {
    function deposit(IVault vault, bytes16 userId, uint256 amount, uint256 count) external {
        vault.TOKEN().approve(address(vault), (amount + count) * count);
        for (uint256 i; i < count; ++i) vault.deposit(amount + i, userId);
    }
}
