"""Make of each stage of a bundle a file that other tools read, and check it against the node's own path."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.quantize.class_model import is_moved, make_class_model
from converter.quantize.tflite_metadata import ClassDescription, add_class_metadata
from edge_node.errors import ConversionError
from edge_node.inference.cascade import calibrate_probabilities, choose_label
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.resize import resize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import ModelFile, Stage

SUFFIX = ".tflite"
SCRIPT_NAME = "classify.py"
# Both run the same operators on the same numbers; the last ones in float32 here and in float64 in the node.
_TOLERANCE = 1e-3
_CLOSE = 1e-3  # so near to a threshold either label is right


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A file with one stage for other tools.

    Attributes:
        stage: of the cascade.
        content: of the ``.tflite`` file.
        notes: what a user of other tools must know of its numbers, a sentence each.
        worst_difference: of a probability from the node's, on the bundle's golden pictures.
    """

    stage: Stage
    content: bytes = field(repr=False)
    notes: tuple[str, ...]
    worst_difference: float


def make_class_file(bundle: Bundle, engine: Engine, stage: Stage, *, keep_probabilities: bool) -> ClassFile:
    """Return the file of one stage, after comparing it with the node on the bundle's golden pictures.

    Args:
        bundle: with the stage.
        engine: that runs the bundle.
        stage: of its cascade.
        keep_probabilities: see ``make_class_model``.

    Raises:
        ConversionError: the file does not say what the node says.
    """
    model = bundle.manifest.model(stage.model)
    plain = make_class_model(bundle.models[stage.model], model, stage, keep_probabilities=keep_probabilities)
    notes = tuple(_describe_numbers(stage, keep_probabilities=keep_probabilities))
    described = ClassDescription(
        name=f"{bundle.manifest.name}: {stage.name}",
        version=bundle.manifest.version,
        licence=bundle.manifest.licence,
        description=f"Stage {stage.name} of a cascade for corrosion inspection, for tools that read one"
        f" classifier: {', '.join(stage.labels)}. Intended use: {bundle.manifest.intended_use}",
        picture=_describe_picture(model),
        probabilities=" ".join(("A probability for each label.", *notes)),
        labels=stage.labels,
    )
    content = add_class_metadata(plain, described)
    worst = _compare(bundle, engine, stage, content, is_exact=keep_probabilities or not is_moved(stage))
    return ClassFile(stage, content, notes, worst)


def read_script() -> str:
    """Return the script that runs such a file in the bare interpreter."""
    return (resources.files("converter") / "templates" / "classify.txt").read_text(encoding="utf-8")


def read_pixels(pixels: NDArray[np.uint8], model: ModelFile) -> NDArray[np.uint8]:
    """Return what a file of this model takes of a picture that was resized as the node resizes it.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        model: its entry in the manifest.
    """
    _, height, width, _ = model.input.shape
    resized = resize(pixels, height, width, model.input.resize)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB), np.uint8)[np.newaxis]


def node_probabilities(
    bundle: Bundle, engine: Engine, stage: Stage, pixels: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the node's probabilities of one stage for a picture, wherever it stands in the cascade."""
    model = bundle.manifest.model(stage.model)
    outputs = engine.outputs(stage.model, input_tensor(pixels, model.input))
    kind = next(output.kind for output in model.outputs if output.name == stage.output)
    return calibrate_probabilities(
        outputs[stage.output], kind, stage.temperature, independent=stage.is_independent
    )


def _compare(bundle: Bundle, engine: Engine, stage: Stage, content: bytes, *, is_exact: bool) -> float:
    """Return the worst difference of a probability from the node's; refuse a file that says otherwise."""
    interpreter = Interpreter(content, where=f"{stage.name}{SUFFIX}")
    model, worst = bundle.manifest.model(stage.model), 0.0
    for picture in bundle.golden.pictures:
        pixels = _resize_to_input(picture, model)
        node = node_probabilities(bundle, engine, stage, pixels)
        (output,) = interpreter.run(read_pixels(pixels, model)).values()
        found = output[0].astype(np.float64)
        if is_exact:
            worst = max(worst, float(np.abs(found - node).max()))
        largest = int(found.argmax())
        is_same = is_exact or largest == choose_label(stage, node) or _is_close(found)
        if worst > _TOLERANCE or not is_same:
            raise ConversionError(
                f"stage {stage.name}: the file says {_format(stage.labels, found)} where the node says"
                f" {_format(stage.labels, node)}; this is a fault of this program, please report it"
            )
    return worst


def _resize_to_input(picture: NDArray[np.uint8], model: ModelFile) -> NDArray[np.uint8]:
    """Return a picture of the input's size: the node then takes its bytes as they are, by any rule."""
    _, height, width, _ = model.input.shape
    return np.asarray(resize(picture, height, width, model.input.resize), np.uint8)


def _is_close(found: NDArray[np.float64]) -> bool:
    second, first = np.sort(found)[-2:]
    return bool(first - second < _CLOSE)


def _format(labels: Sequence[str], values: NDArray[np.float64]) -> str:
    return ", ".join(f"{label} {value:.3f}" for label, value in zip(labels, values, strict=True))


def _describe_picture(model: ModelFile) -> str:
    _, height, width, _ = model.input.shape
    return (
        f"Bytes of red, green and blue, 0 to 255, {height} x {width} pixels; the whole picture, stretched."
        f" The node resizes by {model.input.resize.value}; mean and scale are in the graph."
    )


def _describe_numbers(stage: Stage, *, keep_probabilities: bool) -> list[str]:
    """Return what is not plain about the numbers of a stage, a sentence each."""
    notes = list[str]()
    if stage.is_independent:
        lowest = min(stage.threshold(label) for label in stage.labels)
        told = ", ".join(f"{label} {stage.threshold(label):g}" for label in stage.labels)
        if not is_moved(stage):
            notes.append(f"Labels are independent; each holds from {lowest:g} on.")
        elif keep_probabilities:
            notes.append(f"Labels are independent; each holds from its own threshold on: {told}.")
        else:
            notes.append(
                f"Labels are independent and have thresholds of their own ({told}); smaller probabilities are"
                f" lowered, so that each holds from {lowest:g} on."
            )
    elif is_moved(stage) and keep_probabilities:
        notes.append(
            f"The node says {stage.labels[0]} from {stage.decision_threshold:g} on, otherwise"
            f" {stage.labels[1]}; the largest probability is not always its label."
        )
    elif is_moved(stage):
        notes.append(
            f"The node says {stage.labels[0]} from {stage.decision_threshold:g} on; probabilities are moved"
            " so that this is 0.5 here and the largest is the node's label."
        )
    if stage.abstain_below > 0:
        notes.append(f"Where its label's own probability is below {stage.abstain_below:g} the node abstains.")
    return notes
