"""Run a ``.tflite`` in TensorFlow's own interpreter, as ``GraphSession`` runs a graph."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.source_model.session import ReadingError
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.source_model.request import SourceFlags

_NO_ANSWERS = frozenset({"DEQUANTIZE", "QUANTIZE", "RESHAPE", "DELEGATE"})
_LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})


class LiteSession:
    """A ``.tflite`` model, loaded once; attributes as of ``GraphSession``."""

    takes_files = False
    first_layer_layout = "NHWC"

    def __init__(self, path: Path, _flags: SourceFlags) -> None:
        """Load the model.

        Raises:
            ReadingError: it has not one input and one output.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the interpreter moves to a package of its own one day
            self._model = tensorflow().lite.Interpreter(
                model_path=str(path), num_threads=2, experimental_preserve_all_tensors=True
            )
        self._model.allocate_tensors()
        inputs, outputs = self._model.get_input_details(), self._model.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ReadingError(f"{len(inputs)} inputs and {len(outputs)} outputs, wanted one of each")
        self._input, self._output = inputs[0], outputs[0]
        self.input, self.output = str(self._input["name"]), str(self._output["name"])
        self.shape: tuple[int | None, ...] | None = tuple(int(size) for size in self._input["shape"])
        self.dtype = np.dtype(self._input["dtype"]).name
        ops = self._model._get_ops_details()  # noqa: SLF001 - the interpreter has no other way to name its ops
        self.output_op = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid", "FULLY_CONNECTED": "MatMul"}.get(
            next(op["op_name"] for op in reversed(ops) if op["op_name"] not in _NO_ANSWERS),
            "",
        )
        self._first = next((int(op["inputs"][0]) for op in ops if op["op_name"] in _LAYERS), None)

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

    def _invoke(self, batch: NDArray[np.generic]) -> None:
        self._model.set_tensor(self._input["index"], batch.astype(self._input["dtype"], copy=False))
        self._model.invoke()


def _real(values: NDArray[Any], details: dict[str, Any]) -> NDArray[np.float64]:
    scale, zero = details["quantization"]
    numbers = np.asarray(values, np.float64)
    return (numbers - zero) * scale if scale else numbers
