"""Layers are ranked by what their float copies gain, best remedy first."""

from __future__ import annotations

import pytest

from converter.quantize.conversion_process import ConversionProcess, convert_graph
from converter.quantize.layer_ranking import LayerGain, order_layers
from converter.quantize.request import (
    CALIBRATED_NAME,
    Mode,
    Target,
)
from converter.tflite.tflite_file import count_weight_types


def test_layers_come_in_the_order_of_what_their_pairs_gain():
    """Each layer once, though it is in two pairs."""
    gains = [
        LayerGain(layers=("a", "b"), gain=1.0),
        LayerGain(layers=("b", "c"), gain=3.0),
        LayerGain(layers=("c", "d"), gain=2.0),
    ]
    assert order_layers(gains) == ("b", "c", "d", "a")


@pytest.mark.slow
def test_layers_are_ranked_and_kept_in_float_by_name(fused, pictures, tmp_path):
    """Best remedy first; the pair kept is float, the others stay int8; ranges are measured once."""
    with ConversionProcess(tmp_path) as process:
        gains = process.rank(fused, pictures, Target.LITERT, tmp_path, lambda _share: None)
        measured = (tmp_path / CALIBRATED_NAME).stat()
        kept = gains[0].layers
        converted = process.convert(
            fused, Mode.INT8, pictures, Target.LITERT, kept, tmp_path, lambda _share: None
        )
        assert process.is_running
    assert [found.gain for found in gains] == sorted((found.gain for found in gains), reverse=True)
    layers = order_layers(gains)
    assert len(layers) == 4  # three of the backbone and the head
    assert "steel/map" in layers
    assert count_weight_types(converted.content) == {"INT8": 2, "FLOAT32": 2}
    assert (tmp_path / CALIBRATED_NAME).stat() == measured
    shares = []
    afresh = convert_graph(fused, Mode.INT8, pictures, float_nodes=kept, report=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > len(pictures) + len(layers)  # each picture is run once, each layer rounded once
    assert shares[-1] < 1
    assert afresh.content == converted.content
