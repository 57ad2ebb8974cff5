"""The golden probe: a runtime that computes wrongly is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.errors import BundleError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import MAX_STEPS_OF_MEAN, SMALL_MODEL_FACTOR, run_probe
from tests.support.bundles import refusal

pytestmark = pytest.mark.runtime


def test_a_changed_golden_probe_is_refused(bundle):
    """The probe is hashed like the models."""
    with (bundle / "golden.npz").open("ab") as file:
        file.write(b"x")
    assert "golden.npz: its sha256" in refusal(bundle)


def test_a_runtime_that_computes_wrongly_is_noticed(bundle):
    """Golden outputs that are off by more than their tolerance fail the probe."""
    loaded = load_bundle(bundle)
    for outputs in loaded.golden.outputs.values():
        for name in outputs:
            outputs[name] = outputs[name] + 10.0
    with pytest.raises(BundleError, match="further from the golden probe than allowed"):
        run_probe(Engine(loaded))


@pytest.mark.parametrize(("labels", "holds"), [(slice(None), True), (slice(0, 1), False)])
def test_eight_bits_may_be_further_off_where_probabilities_stay(labels, holds):
    """All labels of a map shifted alike say the same; one label shifted as far says something else."""
    loaded = load_bundle(DEFAULT_BUNDLE)
    (model,) = loaded.manifest.models
    output = next(out for out in model.outputs if out.name == "steel/map")
    shift = np.zeros_like(loaded.golden.outputs[model.file][output.name])
    shift[..., labels] = 0.9 * SMALL_MODEL_FACTOR * MAX_STEPS_OF_MEAN * output.scale
    loaded.golden.outputs[model.file][output.name] += shift
    if holds:
        assert max(result.share_of_tolerance for result in run_probe(Engine(loaded))) <= 1.0
    else:
        with pytest.raises(BundleError, match=r"steel/map.*further"):
            run_probe(Engine(loaded))
