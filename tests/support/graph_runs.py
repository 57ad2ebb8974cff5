"""Run graphs in TensorFlow, and load graphs that are refused."""

from __future__ import annotations

import pytest
import tensorflow as tf

from converter.graphs.trained_graph import load_graph
from edge_node.errors import GraphError


def outputs(definition, feeds, *names):
    """Run a GraphDef in a session of its own."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run([f"{name}:0" for name in names], feeds)


def refusal(path, flags=None) -> str:
    """Return the one sentence with which a graph is refused."""
    with pytest.raises(GraphError) as caught:
        load_graph(path, flags)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)
