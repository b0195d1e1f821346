"""What README says of its pictures is what they show."""

import re
from typing import Final

from PIL import Image

from tests.guides.pages import ROOT

COUNTS: Final = re.compile(r"(\d+) photos on (\d+) devices")


def test_the_caption_of_the_demo_is_of_the_same_run_as_its_picture() -> None:
    captions = re.findall(r"!\[(.*)\]\(docs/pictures/demo\.png\)", (ROOT / "README.md").read_text())
    with Image.open(ROOT / "docs" / "pictures" / "demo.png") as picture:
        title = picture.info["Title"]  # `demo/picture.py` writes it beside the pixels.
    said, shown = (COUNTS.search(it) for it in (captions[0], title))
    assert said is not None
    assert shown is not None
    assert said.groups() == shown.groups()
    assert said[2] == "20"  # As `make demo` plays it.
