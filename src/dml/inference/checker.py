"""ONNX's own checker and shape inference over a model. Sees hostile bytes."""

import heapq
import math
from typing import Final

import onnx
import onnx.checker
import onnx.shape_inference
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from dml.inference.graph import ELEMENTS_MAX
from dml.inference.signature import Reason, quoted

SMALL_WEIGHT: Final = 1024  # elements; all that shape inference ever needs the values of


def check_by_the_book(model: bytes, parsed: ModelProto) -> list[Reason]:
    """What ONNX's own checker and shape inference object to. Takes the weights out of `parsed`.

    Nodes may stand in any order, as converters to float16 leave them: runtimes sort them anyway.
    """
    try:
        if sort_nodes(parsed.graph):
            model = parsed.SerializeToString()
        onnx.checker.check_model(model)  # by value: a path would let it follow external data
        drop_large_weights(parsed)
        inferred = onnx.shape_inference.infer_shapes(parsed, check_type=True, data_prop=True)
    except MemoryError:
        raise
    except Exception as error:  # the checker's own kinds, RuntimeError, UnicodeDecodeError
        said = str(error).encode("ascii", "backslashreplace").decode()[:300]
        return [Reason("model.invalid", f"ONNX's checker says: {said}")]
    reasons = []
    for value in inferred.graph.value_info:
        sizes = [each.dim_value for each in value.type.tensor_type.shape.dim if each.dim_value > 0]
        if math.prod(sizes) > ELEMENTS_MAX:
            detail = f"Between nodes, {quoted(value.name)} has {math.prod(sizes)} elements; "
            reasons.append(Reason("model.too_large_tensor", f"{detail}{ELEMENTS_MAX} are allowed."))
    return reasons


def sort_nodes(graph: GraphProto) -> bool:
    """Put each node behind those whose outputs it takes; whether that changed anything.

    Nodes in a circle stay where they are, for the checker to find.
    """
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    behind: dict[int, list[int]] = {}
    missing = [0] * len(graph.node)
    for place, node in enumerate(graph.node):
        for maker in {makers[name] for name in node.input if name in makers}:
            behind.setdefault(maker, []).append(place)
            missing[place] += 1
    ready = [place for place, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        order.append(heapq.heappop(ready))
        for place in behind.get(order[-1], ()):
            missing[place] -= 1
            if not missing[place]:
                heapq.heappush(ready, place)
    if len(order) < len(graph.node) or order == sorted(order):
        return False
    nodes = [NodeProto.FromString(graph.node[place].SerializeToString()) for place in order]
    del graph.node[:]
    graph.node.extend(nodes)
    return True


def drop_large_weights(model: ModelProto) -> None:
    """Make inputs of large weights: inference would copy them, and needs their shapes alone."""
    graph = model.graph
    known = {each.name for each in graph.input}
    small = [tensor for tensor in graph.initializer if math.prod(tensor.dims) <= SMALL_WEIGHT]
    for tensor in graph.initializer:
        if math.prod(tensor.dims) > SMALL_WEIGHT and tensor.name not in known:
            graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    kept = [TensorProto.FromString(tensor.SerializeToString()) for tensor in small]
    del graph.initializer[:]
    graph.initializer.extend(kept)
