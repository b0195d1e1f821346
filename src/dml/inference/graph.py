"""The static part of the guard: what a graph holds, and what it must not. Sees hostile bytes.

Nothing here follows a path, and every walk has a bound.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from dml.inference.exporters import remedy
from dml.inference.signature import Reason, Refused, Signature, Tensor, quoted

NODES_MAX: Final = 20_000
WEIGHTS_MAX: Final = 10_000
ELEMENTS_MAX: Final = 200_000_000  # in all weights, and in any one tensor between two nodes
NESTING_MAX: Final = 4
METADATA_BYTES_MAX: Final = 64_000
NAME_MAX: Final = 512
EXAMPLES_MAX: Final = 3

# What runtimes of the last years know: devices are not updated in a day.
IR_VERSIONS: Final = range(3, 14)
OPSETS: Final[Mapping[str, range]] = {
    "": range(7, 27),
    "ai.onnx": range(7, 27),
    "ai.onnx.ml": range(1, 6),
}
# What agents of before version 2 of the input spec were sure to know.
OPSET_BEFORE, IR_BEFORE = 24, 12
CONTROL_FLOW: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})
RANDOM: Final = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"}
    | {"RandomUniformLike"}
)
# What hands values on as they are: behind one of these, probabilities are still probabilities.
PASSING_ON: Final = frozenset(
    {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "CastLike", "Transpose"}
    | {"Dropout", "Clip", "ZipMap", "Concat", "Slice", "Gather", "Split"}
    | {"QuantizeLinear", "DequantizeLinear"}
)
SCALES_BY_BATCH: Final = "DynamicQuantizeLinear"
DENIED: Final = frozenset({"ImageDecoder", "StringNormalizer"})  # decoders of hostile bytes


class Survey:
    """What a walk over a model finds: counts, and reasons to refuse it."""

    def __init__(self, model: ModelProto) -> None:
        self.reasons: list[Reason] = []
        self.operators: Counter[str] = Counter()
        self.first: dict[str, str] = {}  # The name of the first node of each operator.
        self.nodes = self.weights = self.elements = 0
        self._producer = as_text(model.producer_name)
        self._model(model)
        self._graph(model.graph, 1)
        self._bounds()
        self._operators({function.domain for function in model.functions})

    def refuse(self, code: str, detail: str) -> None:
        """Note a reason: a few of each code, for a hostile file could give a million."""
        if sum(reason.code == code for reason in self.reasons) < EXAMPLES_MAX:
            self.reasons.append(Reason(code, detail))

    def _model(self, model: ModelProto) -> None:
        if model.ir_version not in IR_VERSIONS:
            first, last = IR_VERSIONS[0], IR_VERSIONS[-1]
            self.refuse(
                "model.ir_version",
                f"Its IR version is {model.ir_version}; {first} to {last} can be run. "
                "Set model.ir_version = 10 before onnx.save.",
            )
        for opset in model.opset_import:
            versions = OPSETS.get(opset.domain)
            # Another domain's import does no harm; a node that uses it is refused.
            if versions is not None and opset.version not in versions:
                self.refuse(
                    "model.opset",
                    f"It imports opset {opset.version} of {opset.domain or 'ai.onnx'}; "
                    f"{versions[0]} to {versions[-1]} can be run. {self._remedy('opset')}",
                )
        if model.functions:
            self.refuse(
                "model.local_function",
                f"It defines functions of its own. {self._remedy('functions')}",
            )
        if model.training_info:
            self.refuse("model.training", "It holds training information. Export for inference.")
        metadata = sum(len(each.key) + len(each.value) for each in model.metadata_props)
        if metadata > METADATA_BYTES_MAX:
            self.refuse(
                "model.metadata",
                f"Its metadata has {metadata} characters; {METADATA_BYTES_MAX} are allowed.",
            )

    def _remedy(self, what: str) -> str:
        return remedy(self._producer, what)

    def _graph(self, graph: GraphProto, depth: int) -> None:
        if depth > NESTING_MAX:
            self.refuse("model.nesting", f"Graphs are nested more than {NESTING_MAX} deep.")
            return
        self.nodes += len(graph.node)
        self.weights += len(graph.initializer) + len(graph.sparse_initializer)
        if self.nodes > NODES_MAX or self.weights > WEIGHTS_MAX:
            return  # _bounds says so; to look at each would only take time
        for tensor in graph.initializer:
            self._tensor(tensor)
        for sparse in graph.sparse_initializer:
            self._sparse(as_text(sparse.values.name))
        true_weights = _true_weights(graph)
        for node in graph.node:
            self._node(node, depth, true_weights)

    def _node(self, node: NodeProto, depth: int, true_weights: frozenset[str]) -> None:
        domain, operator = as_text(node.domain), as_text(node.op_type)
        name = operator if domain in ("", "ai.onnx") else f"{domain}::{operator}"
        if len(self.operators) < 1000 or name in self.operators:
            self.operators[name] += 1
            self.first.setdefault(name, as_text(node.name))
        if by := _trains(node, true_weights):
            what = f"The node {quoted(as_text(node.name))} ({quoted(operator)}) is in training mode"
            self.refuse("model.training_mode", f"{what}, by {by}. {self._remedy('training')}")
        for attribute in node.attribute:
            self._attribute(attribute, node, depth)

    def _attribute(self, attribute: AttributeProto, node: NodeProto, depth: int) -> None:
        if attribute.HasField("t"):
            self._tensor(attribute.t)
        for tensor in attribute.tensors:
            self._tensor(tensor)
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            self._sparse(as_text(node.name))
        if attribute.HasField("g"):
            self._graph(attribute.g, depth + 1)
        for graph in attribute.graphs:
            self._graph(graph, depth + 1)

    def _tensor(self, tensor: TensorProto) -> None:
        size, name = math.prod(tensor.dims), quoted(as_text(tensor.name))
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            self.refuse(
                "model.external_data",
                f"Weight {name} lies in another file. {self._remedy('external_data')}",
            )
        elif any(dimension < 0 for dimension in tensor.dims):
            self.refuse("model.invalid", f"Weight {name} has a negative dimension.")
        elif len(tensor.raw_data) > 16 * max(1, size):
            self.refuse("model.invalid", f"Weight {name} has more data than its shape.")
        elif len(tensor.name) > NAME_MAX:
            self.refuse("model.invalid", f"Weight {name} has too long a name.")
        else:
            self.elements += size

    def _sparse(self, name: str) -> None:
        self.refuse(
            "model.sparse_weight",
            f"{quoted(name)} is sparse, and may unfold to any size: densify it.",
        )

    def _bounds(self) -> None:
        bounds = (
            ("model.too_many_nodes", "nodes", self.nodes, NODES_MAX),
            ("model.too_many_weights", "weights", self.weights, WEIGHTS_MAX),
            ("model.too_many_parameters", "parameters", self.elements, ELEMENTS_MAX),
        )
        for code, what, found, most in bounds:
            if found > most:
                self.refuse(code, f"It has {found} {what}; {most} are allowed.")

    def _operators(self, own_domains: set[str]) -> None:
        def named(wrong: Iterable[str]) -> str:
            names = sorted(wrong)
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            return ", ".join(self._where(name) for name in names[:10]) + more

        plain = {name for name in self.operators if "::" not in name}
        domains = {name: name.partition("::")[0] for name in self.operators.keys() - plain}
        known = OPSETS.keys() | own_domains  # its own functions are refused as such
        if custom := [name for name, domain in domains.items() if domain not in known]:
            remedy = "Export without custom operators, and without a runtime's own optimisations."
            if any(_quantizes(name) for name in custom):
                remedy += " Quantize it with ONNX's own operators, as in the QDQ format."
            self.refuse(
                "model.custom_operator",
                f"Only ONNX's own operators can be run, not {named(custom)}. {remedy}",
            )
        if flow := plain & CONTROL_FLOW:
            self.refuse(
                "model.control_flow",
                f"It branches or loops, by {named(flow)}: nobody can say how long it runs. "
                f"{self._remedy('control_flow')}",
            )
        if chance := plain & RANDOM:
            self.refuse(
                "model.random_operator",
                f"{named(chance)} gives another answer each time. {self._remedy('training')}",
            )
        if denied := plain & DENIED:
            self.refuse("model.operator", f"{named(denied)} can't be run here: leave it out.")

    def _where(self, operator: str) -> str:
        """An operator, and where one of its nodes is."""
        name = self.first.get(operator)
        return f"{quoted(operator)} (node {quoted(name)})" if name else quoted(operator)


def last_operator(model: ModelProto, output: str) -> str | None:
    """Which operator makes that output, behind those that only hand it on; None for an input."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for _ in range(NODES_MAX):
        node = makers.get(output)
        if node is None or node.op_type not in PASSING_ON or not node.input:
            return None if node is None else as_text(node.op_type)
        output = node.input[0]
    return None


def map_keys(model: ModelProto, output: str) -> tuple[int | str, ...] | None:
    """In which order the ZipMap that makes this output names its columns; None for no ZipMap."""
    for node in model.graph.node:
        if output in node.output and as_text(node.op_type) == "ZipMap":
            said = {as_text(it.name): it for it in node.attribute}
            if "classlabels_int64s" in said:
                return tuple(said["classlabels_int64s"].ints)
            names = said["classlabels_strings"].strings if "classlabels_strings" in said else ()
            return tuple(name.decode(errors="replace") for name in names)
    return None


def _quantizes(operator: str) -> bool:
    """Whether the name is one of those that onnxruntime gives to its own quantized operators."""
    name = operator.rpartition("::")[2]
    return any(part in name for part in ("Quant", "QLinear", "QAttention", "Integer", "NBits"))


def is_quantized(operators: Iterable[str]) -> bool:
    return any(_quantizes(name) for name in operators)


def _trains(node: NodeProto, true_weights: frozenset[str]) -> str | None:
    """What makes it work as in training: an attribute, or Dropout's third input."""
    said = {as_text(it.name): it.i for it in node.attribute if it.type == AttributeProto.INT}
    match node.op_type:
        case "BatchNormalization" if said.get("training_mode"):
            return "its attribute training_mode=1"
        case "BatchNormalization" if sum(map(bool, node.output)) > 1:
            return "its second output"  # How it was said until opset 13.
        case "Dropout" if len(node.input) > 2 and node.input[2] in true_weights:
            return "its input training_mode, which is true"
    return None


def _true_weights(graph: GraphProto) -> frozenset[str]:
    """The names of constants that say yes."""
    constants = [
        (node.output[0], attribute.t)
        for node in graph.node
        if node.op_type == "Constant" and node.output
        for attribute in node.attribute
        if attribute.HasField("t")
    ]
    named = [*((tensor.name, tensor) for tensor in graph.initializer), *constants]
    return frozenset(
        name
        for name, tensor in named
        if tensor.data_type == TensorProto.BOOL
        and (any(tensor.raw_data[:1]) or any(tensor.int32_data[:1]))
    )


def parse(model: bytes) -> ModelProto:
    """The model in these bytes, external data not followed; Refused where there is none."""
    parsed = ModelProto()
    try:
        parsed.ParseFromString(model)
    except MemoryError:
        raise
    except Exception as error:  # DecodeError is in a package that is no dependency of ours
        detail = "It is damaged within, or nested deeper than 100 levels. Export it again."
        raise Refused([Reason("model.unparsable", detail)]) from error
    if not parsed.HasField("graph"):
        raise Refused([Reason("model.not_onnx", "It holds no graph, so it is no ONNX model.")])
    if not parsed.opset_import:
        detail = "It imports no opset: it was cut off, or written by hand. Export it again."
        raise Refused([Reason("model.opset", detail)])
    return parsed


def signature(model: ModelProto, survey: Survey) -> Signature:
    """What the model takes and gives; weights that are also listed as inputs are none."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return Signature(
        inputs=tuple(_port(each) for each in model.graph.input if each.name not in weights),
        outputs=tuple(_port(each) for each in model.graph.output),
        opset={as_text(each.domain) or "ai.onnx": each.version for each in model.opset_import},
        ir_version=model.ir_version,
        operators=dict(sorted(survey.operators.items())),
        parameters=survey.elements,
    )


def is_for_all(signature: Signature) -> bool:
    """Whether agents of every release were sure to load it."""
    opsets = [signature.opset.get(domain, 0) for domain in ("", "ai.onnx")]
    return max(opsets) <= OPSET_BEFORE and signature.ir_version <= IR_BEFORE


def as_text(field: str | bytes) -> str:
    """A string field; the parser gives bytes where it is no UTF-8, whatever its type says."""
    if isinstance(field, bytes):
        raise Refused([Reason("model.invalid", "It holds text that is not UTF-8.")])
    return field


def _port(value: ValueInfoProto) -> Tensor:
    kind = value.type.WhichOneof("value")
    value_name = as_text(value.name)
    if kind != "tensor_type":
        return Tensor(value_name, (kind or "nothing").removesuffix("_type"), None)
    tensor = value.type.tensor_type
    try:
        name = TensorProto.DataType.Name(tensor.elem_type).lower()
    except ValueError:
        name = "undefined"
    if not tensor.HasField("shape"):
        return Tensor(value_name, name, None)
    return Tensor(value_name, name, tuple(_dimension(each) for each in tensor.shape.dim))


def _dimension(dimension: "onnx.TensorShapeProto.Dimension") -> int | str | None:
    if dimension.HasField("dim_value"):
        return dimension.dim_value
    return as_text(dimension.dim_param) or None
