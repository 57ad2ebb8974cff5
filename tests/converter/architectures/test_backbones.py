"""The architectures, and reading their weights."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from converter.architectures import efficientnet_lite
from converter.architectures.backbones import (
    GraphRecord,
    InputRule,
    find_architecture,
    list_architectures,
    load_backbone,
    read_record,
    record_path,
)
from converter.architectures.pytorch_weights import read_state_dict
from edge_node.errors import GraphError
from edge_node.inference.manifest import Resize


class _Storage:
    """Stands in a pickle for a storage, as PyTorch's persistent ids do."""

    def __init__(self, kind, key, count):
        self.persistent_id = ("storage", kind, key, "cpu", count)


class _Tensor:
    """Pickles as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())


class _Torch:
    """The modules that a checkpoint names, while one is written."""

    def __enter__(self):
        module, functions = type(sys)("torch"), type(sys)("torch._utils")

        def _rebuild_tensor_v2(*arguments):
            return arguments

        _rebuild_tensor_v2.__module__ = "torch._utils"
        _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
        functions._rebuild_tensor_v2 = _rebuild_tensor_v2
        for name in ("FloatStorage", "LongStorage"):
            setattr(module, name, type(name, (), {"__module__": "torch"}))
        module._utils = functions
        self._before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
        sys.modules.update({"torch": module, "torch._utils": functions})
        return module

    def __exit__(self, *_exception):
        for name, module in self._before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _pickled(torch, tensors):
    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return thing.persistent_id if isinstance(thing, _Storage) else None

        def reducer_override(self, thing):
            if isinstance(thing, _Tensor):
                return torch._utils._rebuild_tensor_v2, thing.arguments
            return NotImplemented

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(tensors)
    return buffer.getvalue()


def _archive(path, shape=(2, 3), strides=(3, 1), count=6):
    """Write a checkpoint in the layout of PyTorch 1.6 with one tensor, 0, 1, 2, ..."""
    with _Torch() as torch:
        tensor = _Tensor(_Storage(torch.FloatStorage, "0", count), 0, shape, strides)
        pickled = _pickled(torch, OrderedDict(weight=tensor))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        archive.writestr("net/data/0", np.arange(count, dtype="<f4").tobytes())
    return path


def test_reads_the_zip_layout_by_shape_and_strides(tmp_path):
    """A tensor comes out with the shape and strides that the checkpoint gives it."""
    straight = read_state_dict(_archive(tmp_path / "a.pth"))["weight"]
    turned = read_state_dict(_archive(tmp_path / "b.pth", shape=(3, 2), strides=(1, 3)))["weight"]
    np.testing.assert_array_equal(straight, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(turned, straight.T)


def test_reads_the_stream_layout(tmp_path):
    """The layout before PyTorch 1.6, in which the published weights are, is read too."""
    with _Torch() as torch:
        tensor = _Tensor(_Storage(torch.LongStorage, "7", 2), 0, (2,), (1,))
        objects = _pickled(torch, OrderedDict(count=tensor))
    path = tmp_path / "old.pth"
    header = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    with path.open("wb") as file:
        for value in header:
            pickle.dump(value, file, protocol=2)
        file.write(objects)
        pickle.dump(["7"], file, protocol=2)
        file.write(struct.pack("<q", 2) + np.array([5, -6], "<i8").tobytes())
    np.testing.assert_array_equal(read_state_dict(path)["count"], [5, -6])


class _Shell:
    """Pickles as a call of os.system: what a hostile checkpoint would do."""

    def __init__(self, command):
        self._command = command

    def __reduce__(self):
        return os.system, (self._command,)


@pytest.mark.parametrize("layout", ["zip", "stream"])
def test_runs_nothing_that_a_checkpoint_names(tmp_path, layout):
    """A checkpoint that calls a function is refused by name, and the function is not called."""
    marker, path = tmp_path / "ran", tmp_path / "hostile.pth"
    hostile = pickle.dumps({"weight": _Shell(f"touch {marker}")}, protocol=2)
    if layout == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("net/data.pkl", hostile)
    else:
        path.write_bytes(hostile)
    with pytest.raises(GraphError, match=r"hostile\.pth: .*system, which is no tensor"):
        read_state_dict(path)
    assert not marker.exists()


def test_refuses_tensors_outside_their_storage(tmp_path):
    """A shape that reaches past its storage is an error, not foreign memory."""
    with pytest.raises(GraphError, match="reaches outside its storage"):
        read_state_dict(_archive(tmp_path / "long.pth", shape=(2, 4), strides=(4, 1)))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_refuses_what_is_no_checkpoint(tmp_path, content):
    """Any other file gives one sentence with its name."""
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=r"x\.pth: no PyTorch checkpoint"):
        read_state_dict(path)
    with pytest.raises(GraphError, match="No such file"):
        read_state_dict(tmp_path / "absent.pth")


@pytest.mark.parametrize(
    ("width", "depth", "blocks", "parameters"),
    # Published sizes with classifier: 4.65, 5.42 and 6.09 million; the classifier has 1,281,000.
    [(1.0, 1.0, 16, 4.65e6), (1.0, 1.1, 21, 5.42e6), (1.1, 1.2, 21, 6.09e6)],
)
def test_lite_has_the_published_size(width, depth, blocks, parameters):
    """Each member of the family has the published number of parameters."""
    scaling = efficientnet_lite.Scaling(width, depth)
    assert len(efficientnet_lite.list_blocks(scaling)) == blocks
    model = efficientnet_lite.build(scaling, 64)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable + 1_281_000 == pytest.approx(parameters, rel=0.003)


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
        load_backbone("efficientnet_lite0", weights=str(_archive(tmp_path / "net.pth")), size_px=64)
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
    """A graph of an older tool has no record; a broken one is an error."""
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
    record_path(graph).write_bytes(b'{"format": 1}')
    with pytest.raises(GraphError, match=r"retrained_graph\.json"):
        read_record(graph)
