"""Signatures of wallets whose contracts are not on the chain yet (EIP-6492). Pure.

Such a signature ends in sixteen times `6492`. Before that it names a factory, what to call it with,
and the signature that the wallet will then call its own. A node tries this in a call that leaves
nothing behind, by a constructor of ours: `contracts/CounterfactualCheck.sol`, with whose build a
test compares these bytes.
"""

from dataclasses import dataclass
from typing import Final

from dml.chain import ethereum

SUFFIX: Final = bytes.fromhex("6492" * 16)
# Who asks. Some wallets take any signature where nobody does, as when gas is estimated.
ASKER: Final = "0x" + "64920000" * 5
CHECK: Final = bytes.fromhex(
    "608060405234801561000f575f5ffd5b506040516102c63803806102c683398101604081905261002e916101"
    "e5565b6001600160a01b0385163b15158061009c57826001600160a01b031682604051610058919061027356"
    "5b5f604051808303815f865af19150503d805f8114610091576040519150601f19603f3d011682016040523d"
    "82523d5f602084013e610096565b606091505b50909150505b5f8180156100b357505f876001600160a01b03"
    "163b115b15610125575f631626ba7e60e01b87876040516024016100d4929190610289565b60408051601f19"
    "818403018152919052602080820180516001600160e01b03166001600160e01b031990941693909317835281"
    "51919350915f91908b5afa60203d14811615610122575f5192505b50505b805f5260205ff35b805160016001"
    "60a01b0381168114610143575f5ffd5b919050565b634e487b7160e01b5f52604160045260245ffd5b5f8260"
    "1f83011261016b575f5ffd5b81516001600160401b0381111561018457610184610148565b604051601f8201"
    "601f19908116603f011681016001600160401b03811182821017156101b2576101b2610148565b6040528181"
    "528382016020018510156101c9575f5ffd5b8160208501602083015e5f918101602001919091529392505050"
    "565b5f5f5f5f5f60a086880312156101f9575f5ffd5b6102028661012d565b60208701516040880151919650"
    "94506001600160401b03811115610224575f5ffd5b6102308882890161015c565b93505061023f6060870161"
    "012d565b60808701519092506001600160401b0381111561025a575f5ffd5b6102668882890161015c565b91"
    "50509295509295909350565b5f82518060208501845e5f920191825250919050565b82815260406020820152"
    "5f82518060408401528060208501606085015e5f606082850101526060601f19601f83011684010191505093"
    "9250505056fe"
)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """How to make a wallet, and what it will call its signature."""

    factory: str
    making: bytes
    signature: bytes


def is_wrapped(signature: bytes) -> bool:
    return signature.endswith(SUFFIX)


def unwrap(signature: bytes) -> Counterfactual | None:
    """Read a wrapped signature; None where it is wrapped wrongly."""
    try:
        factory, making, inner = ethereum.decode(
            ["address", "bytes", "bytes"], signature.removesuffix(SUFFIX)
        )
    except ValueError:
        return None
    return Counterfactual(str(factory), bytes(making), bytes(inner))


def question(wallet: str, digest: bytes, wrapped: Counterfactual) -> bytes:
    """Encode the call without an addressee that makes the wallet, and asks it."""
    values = (wallet, digest, wrapped.signature, wrapped.factory, wrapped.making)
    return CHECK + ethereum.encode(["address", "bytes32", "bytes", "address", "bytes"], values)
