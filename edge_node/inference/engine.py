"""Run the models of one bundle on pictures: preprocessing, interpreters and cascade."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.errors import BundleError
from edge_node.inference.cascade import OperatorSettings, calibrate_probabilities, decide, first_stage
from edge_node.inference.interpreter import Interpreter, Tensor
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.quantization import Quantization, dequantize
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import InputTensor, ModelFile, OutputTensor, Stage
    from edge_node.messages.verdict import Decision

# Two converters print a scale with different digits; a larger difference is another scale.
_SCALE_RELATIVE_TOLERANCE = 1e-4


class CascadeResult(PlainStruct, frozen=True):
    """The decision on one picture, with its maps.

    Attributes:
        decision: the cascade's.
        maps: by stage on the path the map of logits, float32 ``(rows, columns, labels)``, if it has one.
        inference_ms: time of preprocessing and of all models on the path.
    """

    decision: Decision
    maps: dict[str, NDArray[np.float32]]
    inference_ms: float


class PreparedPicture(PlainStruct, frozen=True):
    """A picture with the input tensor of the model that runs first.

    Attributes:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        tensors: by the manifest's description of an input; others are made on demand.
        prepare_ms: time of preprocessing.
    """

    pixels: NDArray[np.uint8]
    tensors: dict[InputTensor, NDArray[np.generic]]
    prepare_ms: float


class Engine:
    """Run the models of one bundle; ``run`` and ``judge`` belong to one thread, ``prepare`` to any."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, delegate: str | None = None) -> None:
        """Load every model and check it against the manifest.

        Raises:
            BundleError: a model does not load, or differs from the manifest.
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

    def prepare(self, pixels: NDArray[np.uint8], settings: OperatorSettings | None = None) -> PreparedPicture:
        """Preprocess a picture, uint8 ``(height, width, 3)``, blue, green, red, for the first model."""
        started_ns = time.perf_counter_ns()
        manifest = self.bundle.manifest
        spec = manifest.model(first_stage(manifest.cascade, settings).model).input
        tensors = {spec: input_tensor(pixels, spec)}
        return PreparedPicture(pixels, tensors, (time.perf_counter_ns() - started_ns) / 1e6)

    def run(self, prepared: PreparedPicture, settings: OperatorSettings | None = None) -> ModelOutputs:
        """Run the models on a picture and return their outputs, on which ``decide`` is called.

        With a single model the caller may decide in another thread: whatever else this thread does, the
        next picture waits for.
        """
        outputs = ModelOutputs(self, prepared, settings)
        if len(self._interpreters) > 1:  # several models: the cascade picks which run, so walk it here
            outputs.decide()
        return outputs

    def judge(self, pixels: NDArray[np.uint8], settings: OperatorSettings | None = None) -> CascadeResult:
        """Return the decision on a picture, uint8 ``(height, width, 3)``, blue, green, red, and its maps."""
        return self.run(self.prepare(pixels, settings), settings).decide()

    def interpreter(self, file: str) -> Interpreter:
        """Return the interpreter of one model, for measuring it alone."""
        return self._interpreters[file]

    def outputs(self, file: str, tensor: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run one model on its input tensor and return the real values of its outputs, by tensor name."""
        raw = self._interpreters[file].run(tensor)
        return {out.name: _dequantize_output(raw, out) for out in self.bundle.manifest.model(file).outputs}


def _dequantize_output(raw: dict[str, NDArray[np.generic]], output: OutputTensor) -> NDArray[np.float32]:
    return dequantize(raw[output.name], Quantization(output.scale, output.zero_point))


class ModelOutputs:
    """The model outputs for one picture; each input is prepared and each model runs at most once."""

    def __init__(self, engine: Engine, prepared: PreparedPicture, settings: OperatorSettings | None) -> None:
        """Run the first model."""
        self._engine = engine
        self._settings = settings
        self._pixels = prepared.pixels
        self._tensors = dict(prepared.tensors)
        self._raw: dict[str, dict[str, NDArray[np.generic]]] = {}
        self._maps: dict[str, NDArray[np.float32]] = {}
        self._result: CascadeResult | None = None
        self._took_ms = prepared.prepare_ms
        manifest = engine.bundle.manifest
        started_ns = time.perf_counter_ns()
        self._run(manifest.model(first_stage(manifest.cascade, settings).model))
        self._took_ms += (time.perf_counter_ns() - started_ns) / 1e6

    def decide(self) -> CascadeResult:
        """Walk the cascade on the outputs; further models run as the path needs them."""
        if self._result is None:
            started_ns = time.perf_counter_ns()
            decision = decide(self._engine.bundle.manifest.cascade, self._probabilities, self._settings)
            self._took_ms += (time.perf_counter_ns() - started_ns) / 1e6
            self._result = CascadeResult(decision, self._maps, self._took_ms)
        return self._result

    def _probabilities(self, stage: Stage) -> NDArray[np.float64]:
        model = self._engine.bundle.manifest.model(stage.model)
        raw = self._run(model)
        outputs = {out.name: out for out in model.outputs}
        # Only outputs on the path are dequantized: a fused model has those of every stage.
        if stage.map is not None:
            self._maps[stage.name] = _dequantize_output(raw, outputs[stage.map])[0]
        real = (
            self._maps[stage.name]
            if stage.output == stage.map
            else _dequantize_output(raw, outputs[stage.output])
        )
        kind = outputs[stage.output].kind
        return calibrate_probabilities(real, kind, stage.temperature, independent=stage.is_independent)

    def _run(self, model: ModelFile) -> dict[str, NDArray[np.generic]]:
        if model.file not in self._raw:
            if model.input not in self._tensors:
                self._tensors[model.input] = input_tensor(self._pixels, model.input)
            self._raw[model.file] = self._engine.interpreter(model.file).run(self._tensors[model.input])
        return self._raw[model.file]


def _check_signature(model: ModelFile, interpreter: Interpreter, where: str) -> None:
    """Raise BundleError if the file's tensors differ from the manifest's."""
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
