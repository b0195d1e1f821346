"""The page of what was tried is that of now."""

from pathlib import Path

import pytest

from dml.inference.runner import Sandbox
from tests.inference import models_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


@pytest.mark.slow
def test_the_page_of_what_was_tried_is_that_of_now(sandbox: Sandbox) -> None:
    assert PAGE.read_text() == models_page.page(sandbox), (
        "run `python -m tests.inference.models_page docs/models.md`"
    )
