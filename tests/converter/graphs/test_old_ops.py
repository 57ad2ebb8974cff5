"""Old graphs: their removed ops become arithmetic that today's TensorFlow imports."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import load_graph
from tests.support import small_graphs
from tests.support.graph_runs import outputs


@pytest.mark.parametrize("producer", [0, 8, 21, 27])
def test_an_inception_of_2015_gives_the_same_logits_at_every_version(tmp_path, producer):
    """Its removed op becomes arithmetic; TensorFlow's own, at a version that has it, is the reference."""
    definition = small_graphs.inception_2015(producer)
    graph = load_graph(small_graphs.write_graph(tmp_path, definition))
    assert (graph.input, graph.preprocessing.height, graph.preprocessing.mean[0]) == ("Mul", 299, 128.0)
    assert graph.preprocessing.std[0] == 128.0
    fused = fuse({"plates": graph})[0]
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype(np.float32)
    (found,) = outputs(fused.graph_def, {"Mul:0": pictures}, "plates/map")
    definition.versions.producer = 8
    (wanted,) = outputs(definition, {"Mul:0": pictures}, "final_training_ops/Wx_plus_b/add")
    assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 1e-5


def test_fake_quantization_is_taken_out(tmp_path):
    """Weights stay rounded as they were trained; activations are left to calibration."""
    definition = small_graphs.poets_mobilenet(fake_quant=True)
    graph = load_graph(small_graphs.write_graph(tmp_path, definition))
    fused = fuse({"plates": graph})[0]
    assert not any("FakeQuant" in node.op for node in fused.graph_def.node)
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    (found,) = outputs(fused.graph_def, {"input:0": pictures}, "plates/map")
    (wanted,) = outputs(definition, {"input:0": pictures}, "final_training_ops/Wx_plus_b/add")
    # A step of the activations is 6 / 255; forty inputs of the last layer average it out.
    assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 6 / 255
