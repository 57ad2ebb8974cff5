"""Fusing: equal backbones are proved equal and computed once; heads give the same logits from their maps."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import load_graph
from edge_node.inference.manifest import OutputKind
from tests.support import small_graphs
from tests.support.graph_runs import outputs

LOGITS = "final_training_ops/Wx_plus_b/add"


def loaded(folder, **definitions):
    """Write and load graphs, by the names of their stages."""
    return {
        name: load_graph(small_graphs.write_graph(folder / name, definition))
        for name, definition in definitions.items()
    }


def picture():
    """A scaled input of the small graphs."""
    return np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)


def test_stages_with_one_backbone_become_one_graph(tmp_path):
    """Whatever the prefixes of their names: one convolution each, one map per head, logits as they were."""
    definitions = {
        "metal": small_graphs.poets_mobilenet(head=1),
        "steel": small_graphs.poets_mobilenet(head=2, labels=3, prefix="other/"),
    }
    graphs = loaded(tmp_path, **definitions)
    (fused,) = fuse(graphs)
    assert fused.stages == ("metal", "steel")
    operations = [node.op for node in fused.graph_def.node]
    assert operations.count("DepthwiseConv2dNative") == 1
    assert operations.count("Conv2D") == 2 + 2  # the backbone's and one per head
    maps = outputs(fused.graph_def, {"input:0": picture()}, "metal/map", "steel/map")
    for found, definition in zip(maps, definitions.values(), strict=True):
        (wanted,) = outputs(definition, {"input:0": picture()}, LOGITS)
        assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 1e-4


def test_equal_heads_share_one_map(tmp_path):
    """Two stages trained alike on the same rows: TFLite's converter would drop one of two equal outputs."""
    graphs = loaded(
        tmp_path, steel=small_graphs.poets_mobilenet(head=1), any_metal=small_graphs.poets_mobilenet(head=1)
    )
    (fused,) = fuse(graphs)
    assert [output.stage for output in fused.outputs] == ["steel", "any_metal"]
    assert [output.tensor for output in fused.outputs] == ["steel/map", "steel/map"]
    assert [node.op for node in fused.graph_def.node].count("Conv2D") == 2 + 1  # the backbone's and one head


def test_one_different_weight_keeps_stages_apart(tmp_path):
    """A backbone that was fine-tuned is another backbone, though every name and shape is the same."""
    changed = small_graphs.poets_mobilenet(head=2)
    node = next(node for node in changed.node if node.name == "MobilenetV1/c1/w")
    values = tf.make_ndarray(node.attr["value"].tensor).copy()
    values.flat[0] = np.nextafter(values.flat[0], np.float32(np.inf))
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    graphs = loaded(tmp_path, metal=small_graphs.poets_mobilenet(head=1), steel=changed)
    assert [fused.stages for fused in fuse(graphs)] == [("metal",), ("steel",)]


def test_one_different_stride_keeps_stages_apart(tmp_path):
    """Equal constants are not enough: the structure must be equal too."""
    changed = small_graphs.poets_mobilenet(head=2)
    node = next(node for node in changed.node if node.name == "MobilenetV1/c1")
    node.attr["padding"].s = b"VALID"
    pool = next(node for node in changed.node if node.name == "MobilenetV1/AvgPool")
    pool.attr["ksize"].list.i[1:3] = [7, 7]
    graphs = loaded(tmp_path, metal=small_graphs.poets_mobilenet(head=1), steel=changed)
    assert len(fuse(graphs)) == 2


def test_a_head_that_is_not_affine_shares_the_backbone_without_a_map(tmp_path):
    """A rectifier between mean and logits: no map, and the reason is told; convolutions are still shared."""
    changed = small_graphs.poets_mobilenet(head=2)
    node = next(node for node in changed.node if node.name == "MobilenetV1/Predictions/Reshape")
    rectified = changed.node.add()
    rectified.name, rectified.op = "rectified", "Relu"
    rectified.input.append(node.name)
    rectified.attr["T"].CopyFrom(node.attr["T"])
    for reader in changed.node:
        if reader.op == "PlaceholderWithDefault":
            reader.input[0] = "rectified"
    graphs = loaded(tmp_path, metal=small_graphs.poets_mobilenet(head=1), steel=changed)
    (fused,) = fuse(graphs)
    with_map, without_map = fused.outputs
    assert with_map.kind is OutputKind.MAP
    assert without_map.kind is OutputKind.LOGITS
    assert "rectified" in without_map.no_map
    (wanted,) = outputs(changed, {"input:0": picture()}, LOGITS)
    (found,) = outputs(fused.graph_def, {"input:0": picture()}, "steel/logits")
    assert np.abs(found - wanted).max() < 1e-5


def test_sharing_can_be_declined(tmp_path):
    """``--no-fuse``: one model per stage."""
    graphs = loaded(tmp_path, a=small_graphs.poets_mobilenet(head=1), b=small_graphs.poets_mobilenet(head=2))
    assert len(fuse(graphs, share=False)) == 2


def test_the_real_graphs_fuse_into_one(shared):
    """The four graphs of MobileNet v1: one backbone, four maps, logits within 1e-4 of the originals."""
    names = ("material", "steel", "aluminium", "steel_severity")
    graphs = {name: load_graph(shared / "graphs" / name / "retrained_graph.pb") for name in names}
    (fused,) = fuse(graphs)
    scaled = np.random.default_rng(2).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    maps = outputs(fused.graph_def, {"input:0": scaled}, *(f"{name}/map" for name in names))
    for name, found in zip(names, maps, strict=True):
        (wanted,) = outputs(graphs[name].file.graph_def, {"input:0": scaled}, LOGITS)
        assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 1e-4
