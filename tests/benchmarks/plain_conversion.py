"""Converts a frozen graph to int8 as a user would who has no converter; `conversion_cost` measures both.

    python tests/benchmarks/plain_conversion.py GRAPH.pb PICTURES.txt OUT.tflite OUTPUT...

PICTURES.txt names the calibration pictures, one a line. The input is called `input`, 224 x 224, -1 to 1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_PX = 224
graph, listed, out, *outputs = sys.argv[1:]


def pictures() -> Iterator[list[np.ndarray]]:
    """Yield the calibration pictures as the graph takes them."""
    for name in Path(listed).read_text(encoding="utf-8").splitlines():
        pixels = cv2.cvtColor(cv2.imread(name), cv2.COLOR_BGR2RGB)
        resized = cv2.resize(pixels, (SIZE_PX, SIZE_PX))
        yield [(resized[np.newaxis].astype(np.float32) - 127.5) / 127.5]


converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
    graph, ["input"], outputs, {"input": [1, SIZE_PX, SIZE_PX, 3]}
)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = pictures
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
Path(out).write_bytes(converter.convert())
