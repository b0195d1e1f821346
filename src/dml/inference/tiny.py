"""The smallest model there is: what a zygote warms up with."""

from typing import Final

FEATURES: Final = 4
COLUMNS: Final = 2
# ONNX that takes `x` [rows, 4] and gives `y` [rows, 2], both float32: one MatMul. As bytes, because
# a device has no package that writes ONNX; a test writes the same anew.
TINY_MODEL: Final = bytes.fromhex(
    "08093a6c0a110a01780a017712017922064d61744d756c120474696e792a2b08"
    "0408021001222000000000cdcccc3dcdcc4c3e9a99993ecdcccc3e0000003f9a"
    "99193f3333333f4201775a110a0178120c0a0a080112060a000a02080462110a"
    "0179120c0a0a080112060a000a02080242040a001011"
)
