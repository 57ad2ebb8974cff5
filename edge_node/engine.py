"""A bundle made ready to judge pictures: preprocessing, interpreters and cascade as one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.cascade import Told, calibrated, decide
from edge_node.errors import BundleError
from edge_node.interpreter import Interpreter, Tensor
from edge_node.preprocess import input_tensor
from edge_node.quantization import Quantization, dequantize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_node.bundle import Bundle
    from edge_node.manifest import InputTensor, ModelFile, OutputTensor, Stage
    from edge_node.verdict import Decision

# Two converters print a scale with different digits; more than this is another scale.
_SCALE_RELATIVE_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the engine says of one picture.

    Attributes:
        decision: the cascade's.
        maps: per stage on the path that has a map its logits, float32 ``(rows, columns, labels)``.
        inference_ms: preprocessing and all models on the path.
    """

    decision: Decision
    maps: dict[str, NDArray[np.float32]]
    inference_ms: float


class Engine:
    """The models of one bundle; belongs to one thread."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, delegate: str | None = None) -> None:
        """Load every model and hold it against the manifest.

        Raises:
            BundleError: a model does not load, or is not what the manifest says.
            RuntimeUnavailableError: there is no TFLite runtime.
        """
        self.bundle = bundle
        self._interpreters: dict[str, Interpreter] = {}
        for model in bundle.manifest.models:
            where = str(bundle.path / model.file)
            interpreter = Interpreter(
                bundle.models[model.file], where=where, threads=threads, delegate=delegate
            )
            _check_signature(model, interpreter, where)
            self._interpreters[model.file] = interpreter

    def judge(self, pixels: NDArray[np.uint8], told: Told | None = None) -> Judgement:
        """Return what the cascade says of a picture, uint8 ``(height, width, 3)``, blue, green, red."""
        started_ns = time.perf_counter_ns()
        frame = _FrameOutputs(self, pixels)
        decision = decide(self.bundle.manifest.cascade, frame.probabilities, told)
        return Judgement(decision, frame.maps, (time.perf_counter_ns() - started_ns) / 1e6)

    def interpreter(self, file: str) -> Interpreter:
        """Return the bare interpreter of one model, for measuring against it."""
        return self._interpreters[file]

    def outputs(self, file: str, tensor: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Return the real values of every output of one model for its input tensor, by tensor name."""
        raw = self._interpreters[file].run(tensor)
        model = self.bundle.manifest.model(file)
        return {
            out.name: dequantize(raw[out.name], Quantization(out.scale, out.zero_point))
            for out in model.outputs
        }


class _FrameOutputs:
    """The outputs for one frame: each input is prepared once, each model runs once, when first asked."""

    def __init__(self, engine: Engine, pixels: NDArray[np.uint8]) -> None:
        self.maps: dict[str, NDArray[np.float32]] = {}
        self._engine = engine
        self._pixels = pixels
        self._tensors: dict[InputTensor, NDArray[np.generic]] = {}
        self._outputs: dict[str, dict[str, NDArray[np.float32]]] = {}

    def probabilities(self, stage: Stage) -> NDArray[np.float64]:
        model = self._engine.bundle.manifest.model(stage.model)
        outputs = self._of(model)
        if stage.map is not None:
            self.maps[stage.name] = outputs[stage.map][0]
        kind = next(out.kind for out in model.outputs if out.name == stage.output)
        return calibrated(outputs[stage.output], kind, stage.temperature)

    def _of(self, model: ModelFile) -> dict[str, NDArray[np.float32]]:
        if model.file not in self._outputs:
            if model.input not in self._tensors:
                self._tensors[model.input] = input_tensor(self._pixels, model.input)
            self._outputs[model.file] = self._engine.outputs(model.file, self._tensors[model.input])
        return self._outputs[model.file]


def _check_signature(model: ModelFile, interpreter: Interpreter, where: str) -> None:
    """Raise BundleError if the file's tensors are not those of the manifest."""
    if len(interpreter.inputs) != 1:
        raise BundleError(f"{where}: {len(interpreter.inputs)} inputs, wanted 1; convert again")
    _check_tensor(interpreter.inputs[0], model.input, f"{where}: input 0")
    outputs = {output.name: output for output in interpreter.outputs}
    for promised in model.outputs:
        found = outputs.get(promised.name)
        if found is None:
            raise BundleError(
                f"{where}: no output {promised.name!r}; it has {', '.join(outputs)}; convert again"
            )
        _check_tensor(found, promised, f"{where}: output {promised.name!r}")


def _check_tensor(found: Tensor, promised: InputTensor | OutputTensor, where: str) -> None:
    if (found.dtype, found.shape) != (promised.dtype, tuple(promised.shape)):
        raise BundleError(
            f"{where} is {found.dtype} {found.shape},"
            f" bundle.json says {promised.dtype} {tuple(promised.shape)}; convert again"
        )
    scales_agree = (
        abs(found.quantization.scale - promised.scale) <= _SCALE_RELATIVE_TOLERANCE * promised.scale
    )
    if not scales_agree or found.quantization.zero_point != promised.zero_point:
        raise BundleError(
            f"{where} has scale {found.quantization.scale:g} and zero point {found.quantization.zero_point},"
            f" bundle.json says {promised.scale:g} and {promised.zero_point}; convert again"
        )
