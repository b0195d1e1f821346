// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// A token to develop with: worth nothing, all of it given to who deploys it.
/// It has 6 decimals, as the ledger does, so that one unit is one micro-token.
contract DevToken is ERC20, ERC20Permit {
    constructor(uint256 supply) ERC20("DML Development Token", "devDML") ERC20Permit("DML Development Token") {
        _mint(msg.sender, supply);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
