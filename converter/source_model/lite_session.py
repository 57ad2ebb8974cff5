"""Run a ``.tflite`` in TensorFlow's own interpreter, as ``GraphSession`` runs a graph."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.source_model.lite_metadata import Normalization, read_normalization
from converter.source_model.session import ReadingError, Scaling
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.source_model.request import SourceFlags

_NO_ANSWERS = frozenset({"DEQUANTIZE", "QUANTIZE", "RESHAPE", "DELEGATE"})
# What bytes are scaled to in training; calibration pictures rarely have both black and white.
_USUAL = {
    (0.0, 1.0): Normalization((0.0,), (255.0,)),
    (-1.0, 1.0): Normalization((127.5,), (127.5,)),
    (0.0, 255.0): Normalization((0.0,), (1.0,)),
    (-128.0, 127.0): Normalization((128.0,), (1.0,)),
}
_LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})


class LiteSession:
    """A ``.tflite`` model, loaded once; attributes as of ``GraphSession``."""

    takes_files = False
    first_layer_layout = "NHWC"

    def __init__(self, path: Path, flags: SourceFlags) -> None:
        """Load the model.

        Numbers with a scale are fed and read as the real ones that they stand for.

        Raises:
            ReadingError: it has not one input, or which of its outputs is meant is not said.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the interpreter moves to a package of its own one day
            self._model = tensorflow().lite.Interpreter(
                model_path=str(path), num_threads=2, experimental_preserve_all_tensors=True
            )
        self._model.allocate_tensors()
        inputs, outputs = self._model.get_input_details(), self._model.get_output_details()
        meant = outputs
        if flags.output_layer:
            wanted = flags.output_layer.partition(":")[0]
            meant = [each for each in outputs if str(each["name"]).partition(":")[0] == wanted]
        if len(inputs) != 1 or len(meant) != 1:
            raise ReadingError(f"{len(inputs)} inputs and {len(meant)} outputs, wanted one of each")
        self._input, self._output = inputs[0], meant[0]
        self.input, self.output = str(self._input["name"]), str(self._output["name"])
        self.shape: tuple[int | None, ...] | None = tuple(
            int(size) if size > 0 else None for size in self._input["shape_signature"]
        )
        self.dtype = "float32" if self._input["quantization"][0] else np.dtype(self._input["dtype"]).name
        self.takes_bytes = np.dtype(self._input["dtype"]).itemsize == 1
        self._at_size = tuple(self._input["shape"])
        ops = self._model._get_ops_details()  # noqa: SLF001 - the interpreter has no other way to name its ops
        self.output_op = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid", "FULLY_CONNECTED": "MatMul"}.get(
            next(op["op_name"] for op in reversed(ops) if op["op_name"] not in _NO_ANSWERS),
            "",
        )
        self._first = next((int(op["inputs"][0]) for op in ops if op["op_name"] in _LAYERS), None)
        self.stated = self._find_stated(read_normalization(path), ops)

    @property
    def names(self) -> Iterator[str]:
        """Yield the names of all tensors."""
        return (str(tensor["name"]) for tensor in self._model.get_tensor_details())

    def run(self, batch: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the output for one picture, in real numbers, ``(labels,)``."""
        self._invoke(batch)
        found = _real(self._model.get_tensor(self._output["index"]), self._output)
        return np.asarray(found.reshape(-1, found.shape[-1])[0])

    def run_to_first_layer(self, batch: NDArray[np.generic]) -> NDArray[np.float64] | None:
        """Return what the first layer reads of a batch; None if there is no first layer."""
        if self._first is None:
            return None
        self._invoke(batch)
        details = next(each for each in self._model.get_tensor_details() if each["index"] == self._first)
        return _real(self._model.get_tensor(self._first), details)

    def try_sides(self, _batch: NDArray[np.generic]) -> str:
        """Return nothing: there is no further input."""
        return ""

    def close(self) -> None:
        """Nothing to free before the process ends."""

    def _find_stated(self, stated: Normalization | None, ops: list[dict[str, Any]]) -> Scaling | None:
        """Return how pixels are scaled by what the file says: its metadata, or the bytes of its 8 bits."""
        entry = self._input
        if self.dtype != np.dtype(entry["dtype"]).name:
            scale, zero = entry["quantization"]
            lowest = np.iinfo(entry["dtype"]).min
        else:
            entry = self._find_rounded(ops)
            scale, zero, lowest = (
                (*entry["quantization"], np.iinfo(entry["dtype"]).min) if entry else (0, 0, 0)
            )
        if not scale:
            return Scaling(*stated, "its metadata") if stated else None
        ends = (lowest - zero) * scale, (lowest + 255 - zero) * scale
        told = "its metadata"
        if stated is None or not _fits(ends, stated):
            told = "what its 8 bits stand for"
            stated = next((usual for span, usual in _USUAL.items() if _is_part(ends, span)), None)
        if stated is None:
            return None
        worst = max(
            abs((value - mean) / std / scale + zero - (value + lowest))
            for mean, std in zip(*stated, strict=True)
            for value in (0, 255)
        )
        if worst <= 1:  # a byte of the picture is a byte of the tensor
            stated = Normalization((float(zero - lowest),), (1 / float(scale),))
        return Scaling(*stated, told)

    def _find_rounded(self, ops: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the tensor of 8 bits that a float input is rounded to at once, if it is."""
        readers = [op for op in ops if self._input["index"] in op["inputs"] and op["op_name"] != "DELEGATE"]
        if len(readers) != 1 or readers[0]["op_name"] != "QUANTIZE":
            return None
        at = int(readers[0]["outputs"][0])
        found = next(each for each in self._model.get_tensor_details() if each["index"] == at)
        return found if np.dtype(found["dtype"]).itemsize == 1 else None

    def _invoke(self, batch: NDArray[np.generic]) -> None:
        if batch.shape != self._at_size:
            self._model.resize_tensor_input(self._input["index"], batch.shape)
            self._model.allocate_tensors()
            self._at_size = batch.shape
        scale, zero = self._input["quantization"]
        if scale:
            bounds = np.iinfo(self._input["dtype"])
            whole = np.floor(np.asarray(batch, np.float64) / scale + zero + 0.5)
            batch = np.clip(whole, bounds.min, bounds.max)
        self._model.set_tensor(self._input["index"], batch.astype(self._input["dtype"], copy=False))
        self._model.invoke()


def _fits(ends: tuple[float, float], stated: Normalization) -> bool:
    """Return whether pixels that are scaled as stated fill the numbers that an input stands for."""
    pairs = zip(stated.mean, stated.std, strict=False)
    return all(_is_close(((0 - mean) / std, (255 - mean) / std), ends, 0.1) for mean, std in pairs)


def _is_part(ends: tuple[float, float], usual: tuple[float, float]) -> bool:
    """Return whether calibration on pictures without white would leave these ends."""
    width = usual[1] - usual[0]
    return abs(ends[0] - usual[0]) <= 0.04 * width and -0.4 * width <= ends[1] - usual[1] <= 0.04 * width


def _is_close(ends: tuple[float, float], wanted: tuple[float, float], share: float) -> bool:
    return all(abs(a - b) <= share * (wanted[1] - wanted[0]) for a, b in zip(ends, wanted, strict=True))


def _real(values: NDArray[Any], details: dict[str, Any]) -> NDArray[np.float64]:
    scale, zero = details["quantization"]
    numbers = np.asarray(values, np.float64)
    return (numbers - zero) * scale if scale else numbers
