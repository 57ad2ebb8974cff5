"""Weights are read from PyTorch's checkpoints, which can run nothing here."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from converter.architectures.pytorch_weights import read_state_dict
from edge_node.errors import GraphError
from tests.support.checkpoints import Storage, Tensor, Torch, pickle_tensors, write_archive


def test_reads_the_zip_layout_by_shape_and_strides(tmp_path):
    """A tensor comes out with the shape and strides that the checkpoint gives it."""
    straight = read_state_dict(write_archive(tmp_path / "a.pth"))["weight"]
    turned = read_state_dict(write_archive(tmp_path / "b.pth", shape=(3, 2), strides=(1, 3)))["weight"]
    np.testing.assert_array_equal(straight, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(turned, straight.T)


def test_reads_the_stream_layout(tmp_path):
    """The layout before PyTorch 1.6, in which the published weights are, is read too."""
    with Torch() as torch:
        tensor = Tensor(Storage(torch.LongStorage, "7", 2), 0, (2,), (1,))
        objects = pickle_tensors(torch, OrderedDict(count=tensor))
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
        read_state_dict(write_archive(tmp_path / "long.pth", shape=(2, 4), strides=(4, 1)))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_refuses_what_is_no_checkpoint(tmp_path, content):
    """Any other file gives one sentence with its name."""
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=r"x\.pth: no PyTorch checkpoint"):
        read_state_dict(path)
    with pytest.raises(GraphError, match="No such file"):
        read_state_dict(tmp_path / "absent.pth")
