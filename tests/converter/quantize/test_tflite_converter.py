"""Steps of a conversion are fed with the bytes that the node feeds."""

from __future__ import annotations

import numpy as np
import pytest

from converter.quantize.request import Mode, Target, make_request, write_request
from converter.quantize.tflite_converter import feed_pictures
from edge_node.inference.interpreter import Tensor
from edge_node.inference.quantization import Quantization


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_layers_are_ranked_on_the_bytes_that_the_node_feeds(fused, pictures, tmp_path, dtype):
    """Not on scaled pictures rounded back, which makes one byte of two; the first row has marked pixels."""
    lowest = np.iinfo(dtype).min
    request = make_request(fused, Mode.INT8, Target.LITERT)
    write_request(tmp_path, fused, request, pictures)
    entry = Tensor("input", 0, (1, 32, 32, 3), dtype, Quantization(1 / 127.5, 127 + lowest))
    found = np.concatenate(feed_pictures(tmp_path, request, entry, 3))
    wanted = (pictures[:3, ..., ::-1].astype(np.int16) + lowest).astype(dtype)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found[:, 1:], wanted[:, 1:])
