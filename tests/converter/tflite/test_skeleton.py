"""The sketch of a `.tflite` file has TensorFlow's names, the small constants, and the kernels' shapes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.nodes.graph_index import GraphIndex, Ref
from converter.tflite.foreign_file import read_foreign_file
from converter.tflite.skeleton import Sketch
from tests.support.entry_graphs import body, colours
from tests.support.ready_files import converted


def test_a_sketch_reads_as_the_graph_that_it_was(tmp_path):
    """Padding, arithmetic with its numbers, convolutions with fused activations, the softmax at the end."""

    def build():
        return body(
            tf.pad(colours(1) - np.array([123, 117, 104], np.float32), [[0, 0], [1, 1], [1, 1], [0, 0]])
        )

    file = read_foreign_file(tmp_path, converted(build, tmp_path))
    index = GraphIndex(Sketch(file).graph_def)
    output = index.sinks()[-1]
    ops = [index.op(name) for name in index.upstream([Ref(output)]) if index.op(name) != "Const"]
    assert ops[0] == "Placeholder"
    assert ops[-1] == "Softmax"
    assert ops.count("Conv2D") == 2
    first = next(name for name in index.nodes if index.op(name) == "Conv2D")
    kernel = index.constant(index.inputs(first)[1])
    assert kernel is not None
    assert kernel.shape == (3, 3, 3, 24)
