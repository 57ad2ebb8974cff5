"""Conversions of whole graphs: a difficult head survives, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.quantize.conversion_process import ConversionProcess, convert_graph
from converter.quantize.request import Mode, Target
from converter.tflite.tflite_file import read_operators
from edge_node.errors import ConversionError
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.manifest import InputTensor
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.quantization import dequantize
from tests.support.graph_runs import outputs
from tests.support.stage_maps import scaled


def test_a_head_with_weights_of_all_sizes_survives_a_dynamic_model(uneven, pictures):
    """Its weights stay float: without that, it guesses."""
    model = Interpreter(convert_graph(uneven, Mode.DYNAMIC, pictures).content, where="converted", threads=1)
    (entry,), (output,) = model.inputs, model.outputs
    kind = entry.quantization
    spec = InputTensor(shape=entry.shape, dtype=entry.dtype, scale=kind.scale, zero_point=kind.zero_point)
    raw = [model.run(input_tensor(picture, spec))[output.name] for picture in pictures]
    found = dequantize(np.concatenate(raw), output.quantization)
    wanted = graph_maps(uneven.graph_def, scaled(pictures))
    assert (found - wanted).std() < 0.1 * wanted.std()


def graph_maps(definition, tensors) -> np.ndarray:
    """Return the stage's map of each tensor, computed by TensorFlow."""
    return np.concatenate([outputs(definition, {"input:0": t}, "steel/map")[0] for t in tensors])


def test_int8_without_pictures_is_refused(fused):
    """Never random calibration, whoever asks."""
    with pytest.raises(ConversionError, match="--calibration"):
        convert_graph(fused, Mode.INT8, None)


@pytest.mark.slow
def test_a_graph_that_the_converter_refuses_gives_one_sentence(fused, tmp_path):
    """An op that TFLite has no kernel for: its name, and no page of MLIR; the next graph is converted.

    After it the process ends: it holds more than it may.
    """
    broken = tf.compat.v1.GraphDef()
    broken.CopyFrom(fused.graph_def)
    for node in broken.node:
        if node.op == "Relu6" and node.name.endswith("b0/Relu6"):
            node.op = "BesselJ0"
    graph = type(fused)(fused.stages, broken, fused.input, fused.preprocessing, fused.outputs, fused.shared)
    folders = [tmp_path / name for name in ("process", "broken", "good")]
    for folder in folders:
        folder.mkdir()
    with ConversionProcess(folders[0], largest_mb=0.0) as process:
        with pytest.raises(ConversionError) as caught:
            process.convert(graph, Mode.NONE, None, Target.LITERT, (), folders[1], lambda _share: None)
        found = process.convert(fused, Mode.NONE, None, Target.LITERT, (), folders[2], lambda _share: None)
        assert not process.is_running
    assert read_operators(found.content)
    assert "steel as none" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
