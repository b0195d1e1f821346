"""A model that scikit-learn trained on real handwriting, from its export to counts."""

import numpy as np
from PIL import Image
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dml.inference.images import prepare
from dml.inference.runner import Sandbox
from tests.inference.models import image_spec


def test_digits_are_told_apart_on_a_device_as_they_were_in_training(sandbox: Sandbox) -> None:
    pixels, digits = load_digits(return_X_y=True)  # 8 × 8, values from 0 to 16
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    classifier.fit(pixels[:1000].astype(np.float32), digits[:1000])

    def export(zipmap: bool) -> bytes:
        made = to_onnx(
            classifier,
            initial_types=[("x", FloatTensorType([None, 64]))],
            options={"zipmap": zipmap},
            target_opset=17,
        )
        made.ir_version = 9
        return bytes(made.SerializeToString())

    spec = image_spec(scale=1 / 15)  # a photo's 255 is a digit's 17
    images = (pixels[1000:].reshape(-1, 8, 8) * 15).astype(np.uint8).repeat(8, 1).repeat(8, 2)
    items = np.stack([prepare(Image.fromarray(image), spec) for image in images])
    model = export(zipmap=False)
    assert "ai.onnx.ml::Scaler" in sandbox.check(model, spec, 10).operators
    labels, _ = sandbox.predict(model, spec, items)
    assert labels.tolist() == classifier.predict(pixels[1000:].astype(np.float32)).tolist()
    assert (labels == digits[1000:]).mean() > 0.9

    by_map = image_spec(output={"name": "output_probability", "activation": "none"})
    with_maps = export(zipmap=True)
    assert sandbox.check(with_maps, by_map, 10).spec_version == 2
    assert sandbox.predict(with_maps, by_map, items, 10)[0].tolist() == labels.tolist()
