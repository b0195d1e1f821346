"""`python -m demo.examples`: what the guides use, made anew: a small model, photos, and a bounty.

The photos are of digits that the model never saw, forty in each of five people's folders.
"""

import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from demo import cells, digits, photos
from demo.digits import Digits

FOLDER: Final = Path(__file__).resolve().parents[1] / "examples"
PEOPLE: Final = ("ana", "ben", "cleo", "dan", "eva")
PHOTOS_EACH: Final = 40
SEED: Final = 7
ABOUT: Final[dict[str, Any]] = {
    "title": "Handwritten digits",
    "summary": "Reads one handwritten digit on a photo.",
    "model_card": (
        "# Handwritten digits\n\nA small neural network, trained on 898 of the 1,797 digits of "
        "8 × 8 pixels that come with scikit-learn. Of the others it reads {accuracy:.1%} right.\n"
    ),
    "device_fee": "0.01",
    "tags": ["digits", "example"],
}


def make_digits(folder: Path) -> None:
    """Write `digits.onnx`, its `model.yaml`, and `photos/` with a folder for each person."""
    halves = digits.halve(SEED)
    classifier = digits.train(halves, SEED)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "digits.onnx").write_bytes(classifier.onnx)
    card = ABOUT["model_card"].format(accuracy=classifier.accuracy)
    spec = {key: it for key, it in classifier.input_spec.items() if key != "kind"}
    about = ABOUT | {"model_card": card, "labels": list(classifier.labels), "input_spec": spec}
    text = yaml.safe_dump(about, sort_keys=False, allow_unicode=True, default_flow_style=None)
    (folder / "model.yaml").write_text(text)
    shutil.rmtree(folder / "photos", ignore_errors=True)
    _photograph(halves.unseen, folder / "photos")


def _photograph(unseen: Digits, folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(len(unseen.numbers), (len(PEOPLE), PHOTOS_EACH), replace=False)
    for person, theirs in zip(PEOPLE, chosen, strict=True):
        (folder / person).mkdir(parents=True)
        for number, place in enumerate(theirs, 1):
            path = folder / person / f"{number:02}.jpg"
            photos.write_photo(path, unseen.pixels[place], photos.draw_moment(rng))


def make_bounty(folder: Path) -> None:
    """Write a bounty's description and files, and what two entrants send: predictions, a model."""
    shutil.rmtree(folder, ignore_errors=True)
    entries = {it.name: it for it in cells.prepare(folder, SEED)}
    (folder / "predictions.csv").write_bytes(entries["few"].files[0])
    (folder / "model.onnx").write_bytes(entries["regression"].files[0])


if __name__ == "__main__":
    make_digits(FOLDER / "digits")
    make_bounty(FOLDER / "bounty")
