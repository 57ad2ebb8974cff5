"""How a graph's pixels are scaled: what the graph itself says, and what only a flag can say."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graphs.fuse import fuse
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.inference.manifest import OutputKind, Resize
from tests.support import small_graphs
from tests.support.graph_runs import outputs, refusal


@pytest.mark.parametrize("kind", ["plates.keras", "plates.h5", "saved_model"])
def test_keras_and_saved_models_keep_their_own_scaling(tmp_path, kind):
    """Arithmetic at the beginning of the graph moves into the node's preprocessing."""
    model = small_graphs.keras_classifier()
    path = tmp_path / kind
    if kind == "saved_model":
        model.export(path, verbose=False)
    else:
        model.save(path)
    graph = load_graph(path)
    assert graph.preprocessing.mean == pytest.approx((127.5,) * 3, rel=1e-6)
    assert graph.preprocessing.std == pytest.approx((127.5,) * 3, rel=1e-6)
    assert graph.preprocessing.resize is Resize.BILINEAR
    fused = fuse({"plates": graph})[0]
    assert fused.outputs[0].kind is OutputKind.MAP
    pictures = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    scaled = (pictures - 127.5) / 127.5
    (found,) = outputs(fused.graph_def, {f"{graph.input}:0": scaled}, "plates/map")
    logits = found.mean(axis=(1, 2))
    powers = np.exp(logits - logits.max())
    assert powers / powers.sum() == pytest.approx(model.predict(pictures, verbose=0), abs=1e-5)


def test_a_keras_model_without_scaling_asks_for_it(tmp_path):
    """Nothing in it says how its pixels were scaled, so nothing is assumed."""
    path = tmp_path / "plates.keras"
    small_graphs.keras_classifier(rescaling=False).save(path)
    assert "--input-mean" in refusal(path)
    graph = load_graph(path, GraphFlags(input_mean=0.0, input_std=255.0))
    assert graph.preprocessing.std == (255.0, 255.0, 255.0)
