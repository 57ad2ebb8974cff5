"""Quantization: the round trip and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.inference.quantization import Quantization, dequantize, quantize


@given(
    scale=st.floats(1e-4, 10.0),
    zero_point=st.integers(-128, 127),
    share=st.floats(0.0, 1.0),
)
def test_inside_the_range_the_round_trip_errs_by_half_a_step(scale, zero_point, share):
    """Any value that int8 can stand for comes back within scale / 2."""
    quantization = Quantization(scale, zero_point)
    low, high = (scale * (bound - zero_point) for bound in (-128, 127))
    value = np.array([low + share * (high - low)], np.float32)
    back = dequantize(quantize(value, quantization, "int8"), quantization)
    assert abs(float(back[0]) - float(value[0])) <= scale * 0.5001 + 1e-5 * abs(float(value[0]))


def test_outside_the_range_values_are_clipped():
    """uint8 with scale 1 and zero point 0 keeps 0..255."""
    found = quantize(np.array([-5.0, 3.4, 300.0], np.float32), Quantization(1.0, 0), "uint8")
    assert found.tolist() == [0, 3, 255]


def test_a_scale_of_zero_means_real_numbers():
    """Float tensors pass unchanged in both directions."""
    values = np.array([1.5, -2.25], np.float32)
    assert dequantize(values, Quantization(0.0, 0)) == pytest.approx(values)
    assert quantize(values, Quantization(0.0, 0), "float32").dtype == np.float32
