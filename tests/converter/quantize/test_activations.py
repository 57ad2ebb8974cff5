"""What is measured on a float model is what its convolutions read, held against TensorFlow's own patches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from converter.quantize.activations import measure_activations
from converter.quantize.convolutions import Reading, read_convolutions
from converter.tflite.tflite_file import parse_model, read_operators
from tests.support.stage_maps import activations_of, float_model, maps_of, scaled


@pytest.mark.parametrize("size", [(7, 10), (8, 9)])
@pytest.mark.parametrize(
    ("kernel", "strides", "dilations"), [((3, 3), (2, 2), (1, 1)), ((1, 5), (1, 1), (1, 2))]
)
@pytest.mark.parametrize("is_padded", [True, False])
def test_places_are_those_that_tensorflow_reads(size, kernel, strides, dilations, is_padded):
    """With strides, dilations and either padding; what is beyond the edges is 0."""
    if not is_padded and kernel == (1, 5):
        size = (size[0], size[1] + 4)  # the reach of the dilated kernel
    values = np.arange(1, 1 + size[0] * size[1], dtype=np.float32).reshape(1, *size, 1)
    reading = Reading(0, 1, kernel, strides, dilations, is_padded)
    wanted = tf.image.extract_patches(
        values, [1, *kernel, 1], [1, *strides, 1], [1, *dilations, 1], "SAME" if is_padded else "VALID"
    ).numpy()
    rows, columns = reading.find_places(0, size[0]), reading.find_places(1, size[1])
    assert wanted.shape[1:3] == (len(rows), len(columns))
    padded = np.pad(values[0, ..., 0], 8)
    found = padded[rows[:, None, :, None] + 8, columns[None, :, None, :] + 8]
    np.testing.assert_array_equal(found.reshape(wanted.shape[1:]), wanted[0])


def test_means_and_covariances_are_those_of_the_patches(fused, pictures, tmp_path):
    """The first layer, whose input is the picture: the mean over all positions, the covariance over some."""
    model = float_model(tmp_path, fused, pictures)
    first = read_convolutions(parse_model(model))[0]
    tensors = scaled(pictures)
    found = measure_activations(model, tensors, [first.reading]).readings[first.reading]
    stride, (rows, columns) = first.reading.strides[0], first.reading.kernel
    patches = tf.image.extract_patches(
        np.concatenate(tensors), [1, rows, columns, 1], [1, stride, stride, 1], [1, 1, 1, 1], "SAME"
    ).numpy()
    flat = patches.reshape(-1, patches.shape[-1])
    np.testing.assert_allclose(found.mean[0], flat.mean(axis=0), atol=1e-5)
    wanted = np.cov(flat.T)
    assert found.covariance is not None
    assert np.abs(found.covariance[0] - wanted).max() < 0.2 * wanted.diagonal().max()


def test_ranges_are_those_of_each_operator_where_kernels_compute_in_place():
    """A sigmoid lies between 0 and 1, whatever the product that follows it writes into its place."""
    layers = tf.keras.layers
    picture = tf.keras.Input((8, 8, 3), batch_size=1)
    model = tf.keras.Model(picture, layers.Conv2D(4, 3, activation="swish")(picture))
    function = tf.function(model).get_concrete_function(tf.TensorSpec((1, 8, 8, 3)))
    frozen = convert_variables_to_constants_v2(function)
    content = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    values = np.random.default_rng(0).normal(0, 9, (4, 1, 8, 8, 3)).astype(np.float32)
    ranges = measure_activations(content, list(values), []).ranges
    names = {op.output: op.name for op in read_operators(content)}
    tensors = parse_model(content).subgraphs[0].tensors
    found = {names.get(tensors[number].name.decode()): span for number, span in ranges.items()}
    lowest, highest = found["LOGISTIC"]
    assert 0.0 <= lowest < highest <= 1.0
    assert found["MUL"][1] > 2.0


def test_ranges_are_the_least_and_the_largest_of_each_tensor(fused, pictures, tmp_path):
    """Of the picture with its two marked pixels, all that a camera can give; of the map, what it says."""
    model = float_model(tmp_path, fused, pictures)
    ranges = activations_of(tmp_path, fused, model).ranges
    graph = parse_model(model).subgraphs[0]
    assert ranges[graph.inputs[0]] == (-1.0, 1.0)
    assert len(ranges) == 5  # the picture, three layers, the head
    pictures = pictures.copy()
    pictures[0, 0, 0], pictures[0, 0, 1] = 0, 255
    maps = maps_of(model, scaled(pictures))
    np.testing.assert_allclose(ranges[graph.outputs[0]], (maps.min(), maps.max()), rtol=1e-5)
