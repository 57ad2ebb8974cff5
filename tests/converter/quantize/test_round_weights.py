"""Weights are rounded with care: what the pictures show of the error is made up for."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from converter.quantize.convolutions import read_convolutions
from converter.quantize.round_weights import round_to_grid, round_weights
from converter.tflite.tflite_file import encode_model, parse_model
from tests.support.stage_maps import activations_of, float_model, maps_of, scaled


@pytest.fixture(scope="module")
def model(fused, pictures, tmp_path_factory):
    """A float model, and the same with its weights rounded."""
    work = tmp_path_factory.mktemp("work")
    exact = float_model(work, fused, pictures)
    return exact, round_weights(exact, activations_of(work, fused, exact))


def rounded_to_nearest(model: bytes) -> bytes:
    """Return a model whose kernels hold what 8 bits can, as the quantizer rounds them."""
    tree = parse_model(model)
    for convolution in read_convolutions(tree):
        convolution.change(tree, round_to_grid(convolution.weights, None), 0.0)
    return encode_model(tree)


def test_rounding_with_care_loses_less_than_half_of_rounding_to_the_nearest(model, pictures):
    """Over the pictures it was measured on, both the mean of the maps and what is about it."""
    tensors = scaled(pictures)
    wanted = maps_of(model[0], tensors)
    nearest = maps_of(rounded_to_nearest(model[0]), tensors) - wanted
    careful = maps_of(model[1], tensors) - wanted
    assert np.abs(careful.mean(axis=(0, 1, 2))).max() < np.abs(nearest.mean(axis=(0, 1, 2))).max() / 2
    assert careful.std() < nearest.std()


def test_the_quantizer_finds_the_grid_that_weights_were_put_on(model):
    """Rounding them once more to a 127th of each channel's largest changes nothing."""
    once, again = (read_convolutions(parse_model(m)) for m in (model[1], rounded_to_nearest(model[1])))
    assert len(once) == 4  # three of the backbone and the head
    for first, second in zip(once, again, strict=True):
        np.testing.assert_allclose(first.weights, second.weights, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("groups", "inputs", "outs"), [(1, 300, 40), (16, 9, 1)])
def test_losses_are_made_up_for_by_weights_of_inputs_that_go_together(groups, inputs, outs):
    """A convolution and a depthwise one: the noise at the output falls by half or more."""
    random = np.random.default_rng(0)
    common = np.abs(random.normal(size=(groups, 2000, 1)))  # neighbouring pixels are bright together
    values = common + 0.2 * np.abs(random.normal(size=(groups, 2000, inputs)))
    weights = random.normal(size=(groups, inputs, outs))
    covariance = np.stack([np.cov(group.T) for group in values])

    def noise(found):
        return (values @ (found - weights)).std(axis=1).mean()

    assert noise(round_to_grid(weights, covariance)) < 0.5 * noise(round_to_grid(weights, None))


def test_few_weights_are_rounded_as_well_as_can_be():
    """No other way of rounding three weights up or down, but for the largest, costs less."""
    random = np.random.default_rng(2)
    weights = random.normal(size=(20, 3, 1))
    values = 3 + 0.1 * random.normal(size=(20, 500, 3)) + random.normal(size=(20, 500, 1))
    covariance = np.stack([np.cov(group.T) for group in values])
    found = round_to_grid(weights, covariance)
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127

    def cost(rounded):
        error = (rounded - weights)[..., 0]
        return np.einsum("gi,gij,gj->g", error, covariance, error)

    np.testing.assert_allclose(found / scale, np.rint(found / scale), atol=1e-6)
    largest = np.abs(weights).argmax(axis=1)[:, 0]
    for ups in np.ndindex(2, 2, 2):
        other = (np.floor(weights / scale) + np.reshape(ups, (1, 3, 1))) * scale
        other[range(20), largest] = weights[range(20), largest]
        assert (cost(found) <= 1.1 * cost(other) + 1e-9).all()


def test_a_covariance_that_is_none_is_no_trouble():
    """Sums of few pictures, rounded, may be impossible: weights are then rounded to their nearest."""
    weights = np.random.default_rng(0).normal(size=(1, 30, 3))
    covariance = np.full((1, 30, 30), 2.0) - np.eye(30)
    np.testing.assert_allclose(round_to_grid(weights, covariance), round_to_grid(weights, None))


def test_a_covariance_that_rounding_spoilt_costs_only_its_own_channel_its_correlations():
    """A variance below zero, of few pictures: its weights stay numbers, and the others as good as before."""
    random = np.random.default_rng(4)
    weights, values = random.normal(size=(3, 9, 1)), random.normal(size=(3, 500, 1))
    covariance = np.stack([np.cov(group.T) for group in values + 0.2 * random.normal(size=(3, 500, 9))])
    wanted = round_to_grid(weights, covariance)
    covariance[1] = 1e-9 * np.abs(covariance[1])
    covariance[1, 4, 4] = -1e-8
    found = round_to_grid(weights, covariance)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[[0, 2]], wanted[[0, 2]])


def test_large_depthwise_kernels_are_rounded_well_in_little_memory():
    """Hundreds of 5x5 kernels, as in EfficientNet-Lite: branches are never kept of all at once."""
    random = np.random.default_rng(5)
    values = random.normal(size=(300, 60, 1)) + 0.3 * random.normal(size=(300, 60, 25))
    covariance = values.transpose(0, 2, 1) @ values / 60
    weights = random.normal(size=(300, 25, 1))

    def cost(rounded):
        error = (rounded - weights)[..., 0]
        return np.einsum("gi,gij,gj->", error, covariance, error, optimize=True)

    tracemalloc.start()
    try:
        found = round_to_grid(weights, covariance)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * covariance.nbytes
    assert cost(found) < 0.2 * cost(round_to_grid(weights, None))


def test_inputs_that_never_vary_are_no_trouble():
    """A dead channel, and all of them dead."""
    weights = np.random.default_rng(0).normal(size=(2, 4, 3))
    covariance = np.zeros((2, 4, 4))
    covariance[0] = np.diag([1.0, 0.0, 2.0, 0.0])
    np.testing.assert_allclose(round_to_grid(weights, covariance), round_to_grid(weights, None))
