"""Heads are balanced so that 8 bits hold their weights."""

from __future__ import annotations

import numpy as np

from converter.quantize.balance_heads import balance_heads
from converter.quantize.tflite_converter import StepContext
from tests.support.stage_maps import context, maps_of, rounded, scaled


def test_balancing_leaves_what_a_graph_computes_and_lets_8_bits_hold_its_head(uneven, pictures):
    """A head whose largest weights were fitted to the smallest features; these lie behind two Concats."""
    tensors = scaled(pictures)
    wanted = maps_of(uneven.graph_def, tensors)
    changed = balance_heads(uneven.graph_def, context(tensors))
    np.testing.assert_allclose(maps_of(changed, tensors), wanted, rtol=1e-4, atol=1e-4)

    def lost(definition):
        return (maps_of(rounded(definition), tensors) - wanted).std() / wanted.std()

    assert lost(uneven.graph_def) > 0.3
    assert lost(changed) < 0.05


def test_heads_with_even_weights_and_features_that_others_read_are_not_balanced(fused, uneven, pictures):
    """Nothing is gained in the first graph; the features of the second are an output as they are."""
    tensors = scaled(pictures)
    assert balance_heads(fused.graph_def, context(tensors)) == fused.graph_def
    outputs_too = StepContext("input", ("steel/map", "features"), tensors)
    assert balance_heads(uneven.graph_def, outputs_too) == uneven.graph_def
