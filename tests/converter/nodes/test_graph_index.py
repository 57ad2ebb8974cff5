"""The index of a graph: references, constants behind Identities, readers, and what is missing."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.nodes.graph_edit import add_constant
from converter.nodes.graph_index import GraphIndex, Ref, infer_shapes, parse_ref


def graph(*nodes: tuple[str, str, tuple[str, ...]]):
    """Return a GraphDef of nodes given as name, op and inputs."""
    definition = tf.compat.v1.GraphDef()
    for name, op, inputs in nodes:
        definition.node.add(name=name, op=op, input=inputs)
    return definition


CHAIN = (
    ("picture", "Placeholder", ()),
    ("same", "Identity", ("weights",)),
    ("again", "Identity", ("same:0",)),
    ("layer", "Conv2D", ("picture", "again", "^check")),
    ("check", "NoOp", ()),
    ("end", "Relu", ("layer",)),
)


def test_a_reference_has_an_output_number() -> None:
    """The first output's may be left out; a control input is a name too."""
    assert parse_ref("a/b") == parse_ref("a/b:0") == Ref("a/b", 0)
    assert parse_ref("a:2") == Ref("a", 2)
    assert parse_ref("^a") == Ref("a", 0)


def test_a_constant_is_found_behind_ops_that_change_nothing() -> None:
    """Frozen graphs have an Identity before each weight."""
    definition = graph(*CHAIN)
    add_constant(definition, "weights", np.array([1.0, 2.0], np.float32))
    index = GraphIndex(definition)
    assert index.resolve(Ref("again")) == Ref("weights")
    np.testing.assert_array_equal(index.constant(Ref("again")), [1.0, 2.0])
    assert index.constant(Ref("picture")) is None
    assert (index.op("layer"), index.op("nowhere"), "layer" in index) == ("Conv2D", "", True)


def test_control_inputs_are_no_data() -> None:
    """They order effects, which frozen graphs lack."""
    index = GraphIndex(graph(*CHAIN))
    assert index.inputs("layer") == [Ref("picture"), Ref("again")]
    assert index.consumers("picture") == ["layer"]
    assert index.consumers("check") == []
    assert index.sinks() == ["end"]


def test_what_an_output_needs_comes_before_it_and_a_barrier_ends_the_way() -> None:
    """The barrier itself is needed, what lies behind it is not."""
    index = GraphIndex(graph(*CHAIN))
    order = index.upstream([Ref("end")])
    assert order[-2:] == ["layer", "end"]
    assert order.index("same") < order.index("again") < order.index("layer")
    assert index.upstream([Ref("end")], stop=["layer"]) == ["layer", "end"]


def test_what_is_read_and_not_there_was_cut_off() -> None:
    """Each missing node is named."""
    assert list(GraphIndex(graph(*CHAIN)).missing()) == ["weights"]


def test_shapes_are_those_that_tensorflow_infers() -> None:
    """An open dimension is None."""
    with tf.Graph().as_default() as made:
        picture = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 3), name="picture")
        tf.reduce_mean(picture, (1, 2), name="mean")
    shapes = infer_shapes(made.as_graph_def())
    assert shapes["picture"] == (None, 8, 8, 3)
    assert shapes["mean"] == (None, 3)
