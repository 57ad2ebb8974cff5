"""A model for other tools says of red, green and blue bytes what the node says of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from converter.conversion.class_files import node_probabilities, read_pixels
from converter.quantize.class_model import is_moved, make_class_model
from edge_node.inference.cascade import choose_label
from edge_node.inference.engine import Engine
from edge_node.inference.interpreter import Interpreter
from tests.support import stage_bundles
from tests.support.stage_bundles import default_bundle, with_input, with_root

CAFFE = {"colour_order": "BGR", "mean": (103.9, 116.8, 123.7), "std": (60.0, 58.0, 57.0)}


def answers(bundle, *, keep_probabilities=True):
    """Yield for each picture what the node says of the first stage, and what the file says."""
    stage = bundle.manifest.cascade.stage(bundle.manifest.cascade.root)
    model = bundle.manifest.model(stage.model)
    content = make_class_model(
        bundle.models[stage.model], model, stage, keep_probabilities=keep_probabilities
    )
    engine, interpreter = Engine(bundle), Interpreter(content, where="classes")
    (entry,) = interpreter.inputs
    (output,) = interpreter.outputs
    assert (entry.dtype, entry.shape) == ("uint8", model.input.shape)
    assert (output.dtype, output.shape) == ("float32", (1, len(stage.labels)))
    for pixels in stage_bundles.pictures():
        (found,) = interpreter.run(read_pixels(pixels, model)).values()
        yield node_probabilities(bundle, engine, stage, pixels), found[0]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: with_root(default_bundle(), temperature=0.4), id="temperature"),
        pytest.param(lambda: with_root(default_bundle(), label_thresholds={}, temperature=3), id="sigmoid"),
        pytest.param(lambda: with_input(default_bundle(), colour_order="BGR"), id="blue-first"),
        pytest.param(lambda: with_input(default_bundle(), **CAFFE), id="caffe"),
        pytest.param(lambda: stage_bundles.with_int8_input(default_bundle()), id="int8"),
        pytest.param(
            lambda: with_input(stage_bundles.with_int8_input(default_bundle()), **CAFFE), id="int8-caffe"
        ),
        pytest.param(lambda: stage_bundles.with_float_input(default_bundle()), id="float"),
        pytest.param(
            lambda: with_input(stage_bundles.with_float_input(default_bundle()), **CAFFE), id="float-caffe"
        ),
        pytest.param(
            lambda: with_root(
                stage_bundles.with_output(default_bundle(), "material/map", kind="probabilities"),
                temperature=0.7,
            ),
            id="probabilities",
        ),
    ],
)
def test_the_numbers_are_the_nodes(make):
    """Whatever the model wants of a picture, and what makes probabilities of its output, is inside."""
    found = list(answers(make()))
    for node, said in found:
        assert said == pytest.approx(node, abs=2e-6)
    assert not np.array_equal(found[0][0], found[1][0])  # the pictures do differ


@pytest.mark.parametrize("threshold", [0.02, 0.45, 0.55, 0.7, 0.98, 0.0, 1.0])
def test_the_largest_is_the_nodes_label_with_any_threshold(threshold):
    """The first of two labels is the node's from its threshold on; the numbers are moved to show it."""
    bundle = with_root(default_bundle(), decision_threshold=threshold)
    stage = bundle.manifest.cascade.stage(bundle.manifest.cascade.root)
    assert is_moved(stage)
    for node, said in answers(bundle, keep_probabilities=False):
        assert said.sum() == pytest.approx(1, abs=1e-6)
        assert int(said.argmax()) == choose_label(stage, node)


@pytest.mark.parametrize(
    ("first", "second"), [(0.7, 0.3), (0.3, 0.7), (0.05, 0.9), (0.9, 0.05), (0.5, 0.5), (0.0, 1.0)]
)
def test_the_largest_of_independent_labels_is_the_nodes_if_one_holds(first, second):
    """Each label has a threshold of its own; in the file the lowest one tells for all which hold."""
    thresholds = {"aluminium": first, "steel": second}
    bundle = with_root(default_bundle(), label_thresholds=thresholds, temperature=2.0)
    stage = bundle.manifest.cascade.stage(bundle.manifest.cascade.root)
    assert is_moved(stage) is (first != second)
    for node, said in answers(bundle, keep_probabilities=False):
        holds = node >= [first, second]
        if min(first, second) > 0:
            assert ((said >= min(first, second)) == holds).all()
        assert said[holds] == pytest.approx(node[holds], abs=2e-6)
        if holds.any():
            assert int(said.argmax()) == choose_label(stage, node)
