"""The smallest model there is: what a zygote warms up with."""

from onnx import TensorProto, helper

FEATURES = 4
COLUMNS = 2


def tiny_model() -> bytes:
    """ONNX that takes `x` [rows, 4] and gives `y` [rows, 2], both float32."""
    values = [0.1 * each for each in range(FEATURES * COLUMNS)]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [FEATURES, COLUMNS], values)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, COLUMNS])],
        [weight],
    )
    opset = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(made.SerializeToString())
