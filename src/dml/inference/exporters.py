"""What a developer can do, by the option of the exporter that they used. Pure."""

from collections.abc import Mapping
from typing import Final

# By the beginning of the producer's name that the file bears, in lower case; "" for all others.
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "opset": {
        "pytorch": "Export with torch.onnx.export(..., opset_version=18).",
        "tf2onnx": "Export with python -m tf2onnx.convert ... --opset 17.",
        "skl2onnx": "Export with to_onnx(..., target_opset=17).",
        "onnxmltools": "Export with convert_...(..., target_opset=15).",
        "paddle": "Export with paddle2onnx ... --opset_version 17.",
        "": "Convert it: onnx.version_converter.convert_version(model, 17).",
    },
    "external_data": {
        "pytorch": "Export with torch.onnx.export(..., external_data=False).",
        "tf2onnx": "Export with tf2onnx and without --large_model.",
        "": "Save everything in one: onnx.save(onnx.load(path), other_path).",
    },
    "functions": {
        "pytorch": "Export with torch.onnx.export(..., export_modules_as_functions=False), or "
        "inline them: onnx.inliner.inline_local_functions(model).",
        "": "Inline them: onnx.inliner.inline_local_functions(model).",
    },
    "training": {
        "pytorch": "Call model.eval() before torch.onnx.export, and give it no "
        "training=TrainingMode.TRAINING.",
        "tf2onnx": "Export with training=False in the call of the model, as model.predict has it.",
        "paddle": "Call layer.eval() before paddle.onnx.export.",
        "": "Export in evaluation mode: model.eval(), and no dropout.",
    },
    "control_flow": {
        "pytorch": "Trace it, so that loops are unrolled: torch.onnx.export(model.eval(), "
        "example, ...) of no ScriptModule, and without a condition on values or sizes.",
        "tf2onnx": "Freeze it to inference first: a Keras model with training=False has no If.",
        "": "Export by tracing, so that loops are unrolled.",
    },
}


def remedy(producer: str, what: str) -> str:
    """What to do about it with the exporter that a file names as its producer."""
    options = _OPTIONS[what]
    name = producer.lower()
    return next(told for start, told in options.items() if name.startswith(start))
