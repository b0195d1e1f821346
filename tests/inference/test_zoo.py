"""Models as exporters write them: each is run for what it is, or refused for what it is."""

import numpy as np
import pytest

from dml.inference.images import prepare
from dml.inference.runner import Refused, Sandbox
from tests.inference import zoo
from tests.inference.models import grey_image


@pytest.mark.parametrize("name", zoo.ACCEPTED)
def test_what_can_be_read_in_one_way_alone_is_accepted_and_counts_right(
    sandbox: Sandbox, name: str
) -> None:
    sample = zoo.ACCEPTED[name]
    signature = sandbox.check(sample.model, sample.spec, sample.labels)
    assert max(signature.spec_version, sample.spec.version) == sample.version
    shades = [round(label * 255 / (min(sample.labels, 10) - 1)) for label in range(10)]
    shades = [shade for shade in shades if shade <= 255]
    items = np.stack([prepare(grey_image(shade), sample.spec) for shade in shades])
    labels, shares = sandbox.predict(sample.model, sample.spec, items, sample.labels)
    expected = [round(shade / 255 * (sample.labels - 1)) for shade in shades]
    assert labels.tolist() == expected
    assert (shares > 0.5).all() or sample.labels > 10


@pytest.mark.parametrize("name", zoo.REFUSED)
def test_what_counts_nothing_for_labels_is_refused_for_what_it_is(
    sandbox: Sandbox, name: str
) -> None:
    sample = zoo.REFUSED[name]
    with pytest.raises(Refused) as refusal:
        sandbox.check(sample.model, sample.spec, sample.labels)
    assert refusal.value.codes[0] == sample.code, str(refusal.value)
    for part in sample.says:
        assert part in str(refusal.value)
    if "regression" in str(refusal.value):
        assert "softmax" not in str(refusal.value)
