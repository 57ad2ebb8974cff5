"""Preprocessing: hand-computed pictures, and TensorFlow's own on the same pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import InputTensor
from edge_node.inference.preprocess import input_tensor


def test_a_float_input_is_scaled_and_red_comes_first():
    """A pure blue picture (OpenCV order) has its blue in the last channel, at (255 - 127.5) / 127.5 = 1."""
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    tensor = input_tensor(blue, InputTensor(shape=(1, 2, 2, 3), dtype="float32"))
    assert tensor.dtype == np.float32
    assert tensor[0, 0, 0].tolist() == [-1.0, -1.0, 1.0]


def test_an_int8_input_tells_every_byte_from_its_neighbour():
    """The zero point of MobileNet's pictures lies between two integers: no two bytes become one for that."""
    picture = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    for zero_point in (-1, 0):
        spec = InputTensor(shape=(1, 16, 16, 3), dtype="int8", scale=1 / 127.5, zero_point=zero_point)
        wanted = (picture[..., ::-1].astype(np.int16) - 128).astype(np.int8)[np.newaxis]
        np.testing.assert_array_equal(input_tensor(picture, spec), wanted)


def test_a_uint8_input_whose_scale_is_the_graphs_takes_the_bytes_as_they_are():
    """With scale 1/127.5 and zero point 127 or 128 preprocessing is a resize and nothing else."""
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    for zero_point in (127, 128):
        spec = InputTensor(shape=(1, 4, 4, 3), dtype="uint8", scale=1 / 127.5, zero_point=zero_point)
        assert (input_tensor(picture, spec)[0] == picture[..., ::-1]).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_any_other_scale_is_honoured_by_a_table(dtype):
    """The input holds round((x - mean) / std / scale) + zero point for every pixel value."""
    spec = InputTensor(
        shape=(1, 16, 16, 3),
        dtype=dtype,
        scale=0.02,
        zero_point=3,
        mean=(100.0, 110.0, 120.0),
        std=(50.0, 60.0, 70.0),
    )
    picture = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    real = (picture.astype(np.float64) - spec.mean) / spec.std
    bounds = np.iinfo(dtype)
    wanted = np.clip(np.rint(real / 0.02) + 3, bounds.min, bounds.max)
    found = input_tensor(picture, spec)[0]
    assert found.dtype == dtype
    assert np.abs(found - wanted).max() <= 1  # float32 rounding at exact halves
