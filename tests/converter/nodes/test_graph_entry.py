"""The part of a graph before its first layer, that the node does instead."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.nodes.graph_entry import find_layout, read_declared_input, read_entry
from converter.nodes.graph_index import GraphIndex
from tests.support.entry_graphs import INPUT, body, channels_first, colours, freeze, placeholder


def _read(build):
    index = GraphIndex(freeze(build))
    declared = read_declared_input(index, INPUT)
    layout, _ = find_layout(index, INPUT, declared)
    return read_entry(index, INPUT, layout, declared)


def test_arithmetic_is_read_in_the_order_of_the_last_node():
    """A reversal turns round what was read before it, and not what follows."""
    means, divisors = np.array([1, 2, 3], np.float32), np.array([2, 4, 8], np.float32)
    entry = _read(lambda: body((colours() - means)[..., ::-1] / divisors))
    assert entry.reverses
    assert entry.factor == pytest.approx([1 / 2, 1 / 4, 1 / 8])
    assert entry.offset == pytest.approx([-3 / 2, -2 / 4, -1 / 8])


@pytest.mark.parametrize(
    "build",
    [
        lambda: body(1.0 - colours()),
        lambda: body(colours() - np.zeros((24, 24, 3), np.float32)),
        lambda: body(tf.transpose(colours(), [0, 2, 1, 3])),
        lambda: body(colours()[:, ::-1]),
        lambda: body(tf.cast(tf.cast(colours(), tf.uint8), tf.float32)),
    ],
    ids=["from a constant", "mean picture", "sides swapped", "upside down", "fractions cut off"],
)
def test_what_the_node_cannot_do_stays_in_the_graph(build):
    """The walk ends before such a node."""
    assert _read(build).last == INPUT


@pytest.mark.parametrize(
    ("build", "layout"),
    [
        (lambda: body(tf.transpose(channels_first(), [0, 2, 3, 1])), "NCHW"),
        (lambda: body(placeholder(None, None, None, 3)), "NHWC"),
        (lambda: placeholder(None, 3, None, None) + 1.0, "NCHW"),
        (lambda: body(tf.transpose(placeholder(1, 3, 24, 3), [0, 2, 3, 1])), "NCHW"),
        (lambda: placeholder(1, 3, 24, 3) + 1.0, None),
    ],
    ids=["transposed", "open sizes", "channels first, open sizes", "used as channels first", "either"],
)
def test_the_layout_is_shown_by_use_or_by_shape(build, layout):
    """The first transposition or convolution tells it, else the one dimension that can be channels."""
    index = GraphIndex(freeze(build))
    assert find_layout(index, INPUT, read_declared_input(index, INPUT))[0] == layout
