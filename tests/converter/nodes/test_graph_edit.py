"""Changes to a graph in place: constants, and readers that read another node."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.nodes.graph_edit import add_constant, redirect_readers


def test_a_constant_that_was_added_computes() -> None:
    """TensorFlow imports it under its name, with its value."""
    definition = tf.compat.v1.GraphDef()
    assert add_constant(definition, "added", np.array([[1, 2]], np.float32)) == "added"
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            found = session.run("added:0")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1.0, 2.0]])


def test_readers_of_the_first_output_read_another_node() -> None:
    """By either of its names; other outputs, control inputs and names that begin alike stay."""
    definition = tf.compat.v1.GraphDef()
    definition.node.add(name="reader", op="Pack", input=["old", "old:0", "old:1", "^old", "older"])
    redirect_readers(definition, "old", "new")
    assert list(definition.node[0].input) == ["new", "new", "old:1", "^old", "older"]
