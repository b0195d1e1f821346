// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

interface IHook {
    function moved() external;
}

/// A token that can be told to misbehave in each of the ways that real ones do.
contract OddToken is ERC20 {
    enum Answer {
        True,
        Nothing,
        False,
        Lie // moves, and says false
    }

    uint8 private immutable DECIMALS;
    Answer public answer;
    uint256 public fee; // kept back from what arrives
    uint256 public toll; // taken from the sender on top
    uint256 public reasonBytes; // how long a refusal's reason is, beside the blocked address
    mapping(address => bool) public blocked;
    mapping(address => bool) public hooked;

    error Blocked(address account, bytes more);

    constructor(uint256 supply, uint8 decimals_) ERC20("Odd", "ODD") {
        DECIMALS = decimals_;
        _mint(msg.sender, supply);
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }

    function behave(Answer answer_, uint256 fee_, uint256 toll_, uint256 reasonBytes_) external {
        (answer, fee, toll, reasonBytes) = (answer_, fee_, toll_, reasonBytes_);
    }

    function setBlocked(address account, bool is_) external {
        blocked[account] = is_;
    }

    function setHooked(address account, bool is_) external {
        hooked[account] = is_;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (answer == Answer.False) return false;
        super.transfer(to, value);
        return _say();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (answer == Answer.False) return false;
        super.transferFrom(from, to, value);
        return _say();
    }

    function _say() private view returns (bool) {
        if (answer == Answer.Nothing) {
            assembly {
                return(0, 0)
            }
        }
        return answer != Answer.Lie;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[to]) revert Blocked(to, new bytes(reasonBytes));
        super._update(from, to, value);
        if (from == address(0)) return;
        if (fee != 0) super._update(to, address(0xfee), fee);
        if (toll != 0) super._update(from, address(0xfee), toll);
        if (hooked[from]) IHook(from).moved();
        if (hooked[to]) IHook(to).moved();
    }
}
