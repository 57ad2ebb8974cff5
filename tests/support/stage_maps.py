"""Convert a fused graph of one stage to a float model, ask it for its maps, and measure its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.quantize.activations import Activations, measure_activations
from converter.quantize.convolutions import read_convolutions
from converter.quantize.int8_builder import convert_exact
from converter.quantize.request import Mode, Target, make_request, write_request
from converter.quantize.tflite_converter import scale_pictures
from converter.tflite.tflite_file import parse_model
from edge_node.inference.interpreter import Interpreter

if TYPE_CHECKING:
    from pathlib import Path


def float_model(work: Path, fused, pictures) -> bytes:
    """Return a graph's float model, made in this process; the folder keeps the request and the pictures."""
    request = make_request(fused, Mode.INT8, Target.LITERT)
    write_request(work, fused, request, pictures)
    return convert_exact(work, request)


def activations_of(work: Path, fused, model: bytes) -> Activations:
    """Return what the pictures of a request show of its float model."""
    tensors = scale_pictures(work, make_request(fused, Mode.INT8, Target.LITERT))
    readings = {convolution.reading for convolution in read_convolutions(parse_model(model))}
    return measure_activations(model, tensors, readings)


def scaled(pictures) -> list[np.ndarray]:
    """Return what the graph is fed with."""
    return [(picture[None, ..., ::-1].astype(np.float32) - 127.5) / 127.5 for picture in pictures]


def maps_of(model: bytes, tensors) -> np.ndarray:
    """Return the stage's map of each tensor, ``(pictures, rows, columns, labels)``."""
    interpreter = Interpreter(model, where="model")
    return np.concatenate([interpreter.run(tensor)["steel/map"] for tensor in tensors])
