// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Never deployed: a node runs this constructor in a call without an addressee, which leaves nothing behind. It makes a
/// wallet whose contract is not on the chain yet in the way that its signature tells (EIP-6492), and asks it whether the
/// signature is its own (EIP-1271). What it returns is what the wallet answers: 32 bytes, all zero where that is no.
contract CounterfactualCheck {
    bytes4 private constant MAGIC = 0x1626ba7e;

    constructor(address wallet, bytes32 digest, bytes memory signature, address factory, bytes memory making) {
        bool made = wallet.code.length > 0;
        // A wallet that is there is never touched: what is called here is chosen by whoever signed.
        if (!made) (made,) = factory.call(making);
        bytes32 answer;
        if (made && wallet.code.length > 0) {
            bytes memory question = abi.encodeWithSelector(MAGIC, digest, signature);
            assembly ("memory-safe") {
                let answered := staticcall(gas(), wallet, add(question, 32), mload(question), 0, 32)
                if and(answered, eq(returndatasize(), 32)) { answer := mload(0) }
            }
        }
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, 32)
        }
    }
}
