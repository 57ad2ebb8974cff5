"""Run one TFLite model; the only importer of the TFLite runtime.

LiteRT, TFLite's present name, is preferred; ``tflite-runtime`` is used where nothing else is installed, or
where ``EDGE_NODE_RUNTIME=tflite-runtime`` selects it.

No weight cache: XNNPACK can keep packed weights in a file, but no runtime's Interpreter has an option for it
(a test notices when one has). LiteRT's CompiledModel has: the start is 30 ms faster for 6 MB more memory
(``tests/benchmarks/weight_cache.py``), but it would be a second way to run models.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_node.errors import BundleError, RuntimeUnavailableError, TensorMismatchError
from edge_node.inference.quantization import Quantization
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Distribution name -> module with the Interpreter class, in order of preference.
_RUNTIMES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
RUNTIME_VARIABLE = "EDGE_NODE_RUNTIME"


class Runtime(PlainStruct, frozen=True):
    """The TFLite runtime in use."""

    name: str
    version: str


class Tensor(PlainStruct, frozen=True):
    """An input or output tensor as the model file declares it."""

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization


class Interpreter:
    """Run one model; used by one thread alone."""

    def __init__(
        self,
        content: bytes,
        *,
        where: str,
        threads: int = 1,
        xnnpack: bool = True,
        delegate: str | None = None,
    ) -> None:
        """Load the model in ``content`` and allocate its tensors.

        Args:
            content: a ``.tflite`` file.
            where: its name in messages.
            threads: exact number for XNNPACK and for the built-in kernels.
            xnnpack: False omits the default delegate; for comparison only.
            delegate: shared library of an accelerator, as the dynamic linker finds it.

        Raises:
            RuntimeUnavailableError: no runtime is installed, or it does not work here.
            BundleError: the runtime does not load the model.
        """
        module = _module()
        options: dict[str, Any] = {"model_content": content, "num_threads": threads}
        if not xnnpack:
            options["experimental_op_resolver_type"] = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        if delegate is not None:
            options["experimental_delegates"] = [_delegate(module, delegate)]
        try:
            with _suppress_greeting():
                self._interpreter = module.Interpreter(**options)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as err:
            first_line = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
            raise BundleError(
                f"{where}: {runtime().name} {runtime().version} does not load it: {first_line}"
            ) from err
        self._where = where
        self.inputs = tuple(_tensor(detail) for detail in self._interpreter.get_input_details())
        self.outputs = tuple(_tensor(detail) for detail in self._interpreter.get_output_details())

    @property
    def delegated(self) -> bool:
        """Whether a delegate, XNNPACK by default, runs at least a part of the graph."""
        # No public call exists; LiteRT names the node DELEGATE, tflite-runtime TfLiteXNNPackDelegate.
        names = [str(op["op_name"]) for op in self._interpreter._get_ops_details()]  # noqa: SLF001
        return any("DELEGATE" in name.upper() for name in names)

    def run(self, tensor: NDArray[np.generic]) -> dict[str, NDArray[np.generic]]:
        """Run the model on its one input and return copies of its outputs by tensor name.

        Raises:
            TensorMismatchError: the tensor's shape or dtype differs from the input's.
        """
        wanted = self.inputs[0]
        if tensor.shape != wanted.shape or tensor.dtype.name != wanted.dtype:
            raise TensorMismatchError(
                f"{self._where}: input is {wanted.dtype} {wanted.shape},"
                f" given was {tensor.dtype.name} {tensor.shape}"
            )
        self._interpreter.set_tensor(wanted.index, tensor)
        self._interpreter.invoke()
        return {output.name: self._interpreter.get_tensor(output.index) for output in self.outputs}


def runtime() -> Runtime:
    """Return the TFLite runtime that is in use.

    Raises:
        RuntimeUnavailableError: none is installed.
    """
    from importlib import metadata  # takes milliseconds, and the daemon needs no version

    name = _choose()
    try:
        return Runtime(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Runtime(name, "of unknown version")


def _choose() -> str:
    """Return the name of the distribution whose runtime is used."""
    wanted = os.environ.get(RUNTIME_VARIABLE)
    if wanted and wanted not in _RUNTIMES:
        raise RuntimeUnavailableError(
            f"{RUNTIME_VARIABLE}={wanted}: unknown; known are {', '.join(_RUNTIMES)}"
        )
    for name in [wanted] if wanted else _RUNTIMES:
        if find_spec(_RUNTIMES[name].split(".")[0]) is not None:
            return name
    raise RuntimeUnavailableError(
        f"no TFLite runtime: wanted {wanted or ' or '.join(_RUNTIMES)};"
        f" pip install {wanted or 'ai-edge-litert'}"
    )


def _module() -> Any:
    chosen = _choose()
    if chosen == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
        # Its own message for this is pages of text at the first interpreter.
        raise RuntimeUnavailableError(
            f"tflite-runtime {runtime().version} needs numpy < 2, found {np.__version__};"
            " pip install 'corrosion-edge-node[tflite]'"
        )
    try:
        return import_module(_RUNTIMES[chosen])
    except ImportError as err:
        raise RuntimeUnavailableError(f"{chosen} {runtime().version} is installed but fails: {err}") from err


@contextmanager
def _suppress_greeting() -> Iterator[None]:
    """Remove the runtime's "INFO: Created TensorFlow Lite XNNPACK delegate" from stderr; no option does.

    Everything else that is written to stderr meanwhile is written out afterwards.
    """
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            kept.seek(0)
            rest = b"".join(line for line in kept if not line.startswith(b"INFO: Created TensorFlow Lite"))
            with os.fdopen(stderr, "wb") as out:
                out.write(rest)


def _delegate(module: Any, library: str) -> Any:
    """Load an accelerator's delegate, checked before, because the runtime's own failure is a traceback."""
    try:
        found = ctypes.CDLL(library)
    except OSError as err:
        raise RuntimeUnavailableError(f"delegate {library}: {err}") from err
    if not hasattr(found, "tflite_plugin_create_delegate"):
        raise RuntimeUnavailableError(f"delegate {library}: a library, but no TFLite delegate")
    try:
        return module.load_delegate(library)
    except (ValueError, OSError, RuntimeError) as err:
        why = str(err).strip() or "it refuses; is the accelerator plugged in?"
        raise RuntimeUnavailableError(f"delegate {library}: {why}") from err


def _tensor(detail: dict[str, Any]) -> Tensor:
    scale, zero_point = detail["quantization"]
    return Tensor(
        name=detail["name"],
        index=int(detail["index"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        quantization=Quantization(float(scale), int(zero_point)),
    )
