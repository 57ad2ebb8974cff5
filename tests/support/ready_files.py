"""Small `.tflite` files as others make them: number formats, ends, layouts, metadata; and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tests.support.entry_graphs import SIZE_PX, freeze

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = ("corroded", "uncorroded")


def converted(
    build: Callable[[], Any],
    work: Path,
    mode: str = "none",
    io: Any = None,
    span: tuple[float, float] = (-1, 1),
) -> bytes:
    """Return the bare converter's file of a graph.

    Args:
        build: adds the graph's nodes, from ``input`` to ``final_result``.
        work: a folder.
        mode: none, float16, dynamic or int8.
        io: type of an int8 model's input and output; None: float.
        span: of the numbers that int8 is calibrated on.
    """
    work.mkdir(parents=True, exist_ok=True)
    graph = freeze(build)
    inputs = [node.name for node in graph.node if node.op == "Placeholder"]
    (work / "graph.pb").write_bytes(graph.SerializeToString())
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(work / "graph.pb"), inputs, ["final_result"]
    )
    if mode != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        pictures = np.random.default_rng(0).uniform(*span, (8, 1, SIZE_PX, SIZE_PX, 3)).astype(np.float32)
        pictures[:, 0, 0, 0], pictures[:, 0, 0, 1] = span
        converter.representative_dataset = lambda: ([picture] for picture in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if io is not None:
            converter.inference_input_type = converter.inference_output_type = io
    return bytes(converter.convert())


def put(folder: Path, content: bytes, labels: tuple[str, ...] | None = LABELS) -> Path:
    """Write a file and, unless None, labels beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if labels is not None:
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


def plain_answer(content: bytes, pixels: NDArray[np.uint8], mean: float, std: float) -> NDArray[np.float64]:
    """Return what the bare interpreter says of a picture, read as its own input and output declare."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    entry, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    real = (pixels[np.newaxis, ..., ::-1].astype(np.float64) - mean) / std
    scale, zero_point = entry["quantization"]
    if scale:
        bounds = np.iinfo(entry["dtype"])
        real = np.clip(np.floor(real / scale + zero_point + 0.5), bounds.min, bounds.max)
    interpreter.set_tensor(entry["index"], real.astype(entry["dtype"]))
    interpreter.invoke()
    found = interpreter.get_tensor(end["index"])[0].astype(np.float64)
    scale, zero_point = end["quantization"]
    return (found - zero_point) * scale if scale else found
