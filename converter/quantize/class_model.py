"""Make of one stage a model for other tools: pixels in, one probability for each label out. Runs nothing.

What only the node knows goes into the graph: the order of colours, mean and scale, the mean over positions,
the temperature and the threshold. So whoever feeds red, green and blue bytes and takes the largest number has
the node's label.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from converter.tflite.tflite_edit import ModelEditor
from converter.tflite.tflite_file import encode_model, parse_model
from edge_node.inference.manifest import OutputKind
from edge_node.inference.preprocess import input_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import InputTensor, ModelFile, OutputTensor, Stage

INPUT_NAME, OUTPUT_NAME = "picture", "probabilities"
_BYTES = 256
_SURE = 1e-6  # a threshold of 0 or 1 has no finite logarithm of its odds
_TINY = np.float32(1e-12)  # keeps the logarithm of a probability of 0 finite
_DEQUANTIZE_VERSIONS = {"uint8": 1, "int8": 2, "int16": 3}


def make_class_model(content: bytes, model: ModelFile, stage: Stage, *, keep_probabilities: bool) -> bytes:
    """Return a ``.tflite`` whose input is uint8 ``(1, height, width, 3)`` and output float32 ``(1, labels)``.

    Args:
        content: the model of the stage.
        model: its entry in the manifest.
        stage: of the cascade.
        keep_probabilities: leave them the node's own where its threshold is not that of the largest one;
            otherwise they are moved so that the node's label has the largest.
    """
    tree = parse_model(content)
    editor = ModelEditor(tree)
    picture = _put_pixels_in_front(editor, model.input)
    entry = next(output for output in model.outputs if output.name == stage.output)
    logits = _add_logits(editor, entry)
    probabilities = _add_probabilities(editor, logits, stage, keep_probabilities)
    editor.keep([picture], [probabilities])
    return encode_model(tree)


def is_moved(stage: Stage) -> bool:
    """Return whether the largest probability is not always that of the node's label."""
    if stage.is_independent:
        return len({stage.threshold(label) for label in stage.labels}) > 1
    return len(stage.labels) == 2 and stage.decision_threshold != 0.5


def _put_pixels_in_front(editor: ModelEditor, spec: InputTensor) -> int:
    """Let the graph begin with red, green and blue bytes; return its new input.

    Mean, scale and quantization are one table of the numbers that each byte of a channel becomes, so the
    graph computes from exactly what the node feeds it.
    """
    table = _tabulate_pixels(spec)
    is_plain = spec.dtype == "uint8" and (table == np.arange(_BYTES, dtype=np.uint8)).all()
    if is_plain and spec.colour_order == "RGB":
        return editor.input
    picture = pixels = editor.add_tensor(INPUT_NAME, spec.shape, "uint8")
    steps: list[tuple[str, list[int], int, dict[str, int]]] = []
    if spec.colour_order == "BGR":
        reversed_channels = editor.add_constant("channels", np.array([2, 1, 0], np.int32))
        pixels = editor.input if is_plain else editor.add_tensor("blue_first", spec.shape, "uint8")
        steps.append(("GATHER", [picture, reversed_channels], pixels, {"axis": 3}))
    if not is_plain:
        numbers, rows = (editor.add_tensor(name, spec.shape, "int32") for name in ("bytes", "rows"))
        starts = editor.add_constant("starts", np.arange(3, dtype=np.int32) * _BYTES)
        entries = editor.add_constant("numbers_of_bytes", table.ravel(), like=editor.input)
        types = {"inDataType": editor.type_number("uint8"), "outDataType": editor.type_number("int32")}
        steps += [
            ("CAST", [pixels], numbers, types),
            ("ADD", [numbers, starts], rows, {}),
            ("GATHER", [entries, rows], editor.input, {"axis": 0}),
        ]
    editor.prepend(steps)
    return picture


def _tabulate_pixels(spec: InputTensor) -> NDArray[np.generic]:
    """Return what the node feeds for each byte of each channel of the model, ``(3, 256)``."""
    flat = spec.__class__(
        shape=(1, 1, _BYTES, 3),
        dtype=spec.dtype,
        scale=spec.scale,
        zero_point=spec.zero_point,
        mean=spec.mean,
        std=spec.std,
    )
    every_byte = np.repeat(np.arange(_BYTES, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(input_tensor(every_byte, flat)[0, 0].T)


def _add_logits(editor: ModelEditor, entry: OutputTensor) -> int:
    """Return the tensor with the logits of one picture, float32 ``(1, labels)``."""
    found = editor.find_output(entry.name)
    if entry.dtype != "float32":
        real = editor.add_tensor("real", entry.shape, "float32")
        found = editor.append("DEQUANTIZE", [found], real, version=_DEQUANTIZE_VERSIONS[entry.dtype])
    shape = (1, entry.shape[-1])
    if len(entry.shape) > 2:
        axes = editor.add_constant("positions", np.arange(1, len(entry.shape) - 1, dtype=np.int32))
        mean = editor.add_tensor("mean", shape, "float32")
        found = editor.append("MEAN", [found, axes], mean, keepDims=False)
    if entry.kind is OutputKind.PROBABILITIES:
        least = editor.add_constant("least", _TINY.reshape(1))
        positive, logarithm = (
            editor.add_tensor(name, shape, "float32") for name in ("positive", "logarithm")
        )
        found = editor.append("LOG", [editor.append("MAXIMUM", [found, least], positive)], logarithm)
    return found


def _add_probabilities(editor: ModelEditor, logits: int, stage: Stage, keep: bool) -> int:
    shape = (1, len(stage.labels))
    if stage.temperature != 1.0:
        logits = _add_arithmetic(editor, "MUL", logits, np.full(shape, 1 / stage.temperature))
    moved = is_moved(stage) and not keep
    if moved and not stage.is_independent:
        shift = -_log_odds(stage.decision_threshold)
        logits = _add_arithmetic(editor, "ADD", logits, np.array([[shift, 0.0]]))
    probabilities = editor.add_tensor(OUTPUT_NAME, shape, "float32")
    if not stage.is_independent:
        return editor.append("SOFTMAX", [logits], probabilities, beta=1.0)
    editor.append("LOGISTIC", [logits], probabilities)
    return _lower_those_that_do_not_hold(editor, probabilities, stage) if moved else probabilities


def _lower_those_that_do_not_hold(editor: ModelEditor, probabilities: int, stage: Stage) -> int:
    """Scale probabilities below their label's threshold to below the lowest threshold of all.

    So the largest is the node's label, and one threshold tells which labels hold.
    """
    thresholds = np.array([[stage.threshold(label) for label in stage.labels]])
    shares = thresholds.min() / np.maximum(thresholds, _SURE)
    wanted = editor.add_constant("thresholds", thresholds.astype(np.float32))
    holds = editor.add_tensor("holds", thresholds.shape, "bool")
    editor.append("GREATER_EQUAL", [probabilities, wanted], holds)
    lowered = _add_arithmetic(editor, "MUL", probabilities, shares)
    chosen = editor.add_tensor(f"{OUTPUT_NAME}_by_threshold", thresholds.shape, "float32")
    return editor.append("SELECT_V2", [holds, probabilities, lowered], chosen)


def _add_arithmetic(editor: ModelEditor, operator: str, tensor: int, values: NDArray[np.float64]) -> int:
    constant = editor.add_constant(f"{operator.lower()}_by", values.astype(np.float32))
    found = editor.add_tensor(f"{operator.lower()}_done", values.shape, "float32")
    return editor.append(operator, [tensor, constant], found)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _SURE), 1 - _SURE)
    return math.log(inside / (1 - inside))
