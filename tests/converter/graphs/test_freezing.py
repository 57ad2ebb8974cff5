"""A frozen function has constants where it had variables, and nothing left to compute of constants alone."""

from __future__ import annotations

import tensorflow as tf

from converter.graphs.freezing import freeze


def test_variables_become_constants_and_constants_are_folded():
    """One output is named; a product of two constants is one."""
    variable, twice = tf.Variable([2.0, 3.0]), tf.constant(2.0)
    function = tf.function(lambda x: x * (variable * twice)).get_concrete_function(tf.TensorSpec((1, 2)))
    graph_def, output = freeze(function)
    assert output == "Identity"
    assert [node.op for node in graph_def.node].count("Mul") == 1
