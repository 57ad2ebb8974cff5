"""Load a source model of any kind as TensorFlow itself loads it, flat enough to be run and looked into."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SIGNATURES = ("serving_default", "predict")
_HDF5_START = b"\x89HDF\r\n\x1a\n"
_OLD_BATCH_NORM = "BatchNormWithGlobalNormalization"
_TAKES_OLD_OPS = 8  # the last version of a GraphDef whose ops of 2015 TensorFlow still runs
_ROUNDING_OPS = re.compile(r"FakeQuantWithMinMax(Args|Vars|VarsPerChannel)|QuantizeAndDequantizeV\d")
_TRACED_OPS = frozenset({"FusedBatchNormV3", "AddV2"})  # TensorFlow 1's own scripts wrote older ones


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A source model as a GraphDef without variables, and how its own framework runs it.

    Attributes:
        kind: of the file, in words.
        graph_def: with every function inlined by TensorFlow.
        outputs: that the format declares.
        is_traced: whether TensorFlow 2 or Keras wrote it, so that pictures were resized by them.
        original: runs the model as loaded, before anything was inlined; None where that is the same.
    """

    kind: str
    graph_def: Any = field(repr=False)
    outputs: tuple[str, ...] = ()
    is_traced: bool = False
    original: Callable[[NDArray[np.generic]], NDArray[np.float32]] | None = None


def is_lite(path: Path) -> bool:
    """Return whether a file is a ``.tflite``."""
    return path.is_file() and _read_start(path)[4:8] == b"TFL3"


def is_keras(path: Path) -> bool:
    """Return whether a file is one of Keras, old or new."""
    return (
        path.is_file()
        and (_read_start(path) == _HDF5_START or zipfile.is_zipfile(path))
        and not is_lite(path)
    )


def load_model_file(path: Path) -> ModelFile:
    """Load a frozen graph, a SavedModel's folder or a Keras file; errors are those of its framework."""
    if path.is_dir():
        return _load_saved_model(path)
    if is_keras(path):
        return _load_keras(path)
    graph_def = tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    ops = {node.op for node in graph_def.node}
    if _OLD_BATCH_NORM in ops:
        graph_def.versions.producer = _TAKES_OLD_OPS
    return ModelFile("frozen graph", graph_def, is_traced=bool(ops & _TRACED_OPS))


def without_rounding(model: ModelFile) -> ModelFile | None:
    """Return a model whose activations pass by the ops that round them to a few bits; None if it has none.

    Weights stay rounded: they are constants, which every reader of the graph computes to the same numbers.
    """
    graph_def = tensorflow().compat.v1.GraphDef()
    graph_def.CopyFrom(model.graph_def)
    nodes = {node.name: node for node in graph_def.node}
    rounding = [
        node
        for node in graph_def.node
        if _ROUNDING_OPS.fullmatch(node.op) and not _is_constant(nodes, node.input[0])
    ]
    for node in rounding:
        kind = node.attr["T"].type or tensorflow().float32.as_datatype_enum
        node.op = "Identity"
        del node.input[1:]
        node.attr.clear()
        node.attr["T"].type = kind
    return replace(model, graph_def=graph_def, original=None) if rounding else None


def _is_constant(nodes: dict[str, Any], reference: str) -> bool:
    node = nodes[reference.partition(":")[0]]
    while node.op == "Identity":
        node = nodes[node.input[0].partition(":")[0]]
    return bool(node.op == "Const")


def _load_saved_model(path: Path) -> ModelFile:
    loaded = tensorflow().saved_model.load(str(path))
    name = next(name for name in _SIGNATURES if name in loaded.signatures)
    signature = loaded.signatures[name]
    graph_def, outputs = _inline(signature)
    is_traced = not str(getattr(loaded, "tensorflow_version", "2")).startswith("1.")
    return ModelFile("SavedModel", graph_def, outputs, is_traced, _signature_runner(signature))


def _signature_runner(signature: Any) -> Callable[[NDArray[np.generic]], NDArray[np.float32]] | None:
    """Return what runs a signature of one input and one output; None for others."""
    names = list(signature.structured_input_signature[1])
    if len(names) != 1 or len(signature.structured_outputs) != 1:
        return None
    return lambda batch: next(iter(signature(**{names[0]: tensorflow().constant(batch)}).values())).numpy()


def _load_keras(path: Path) -> ModelFile:
    tf = tensorflow()
    with tempfile.TemporaryDirectory() as work:  # Keras goes by the suffix, and not by what is in the file
        suffix = ".h5" if _read_start(path) == _HDF5_START else ".keras"
        model = _load_keras_model(Path(shutil.copyfile(path, Path(work, f"model{suffix}"))))
    given = model.inputs
    specifications = [tf.TensorSpec(each.shape, each.dtype, name="input") for each in given]
    function = tf.function(
        lambda *pictures: model(list(pictures) if len(given) > 1 else pictures[0], training=False)
    )
    graph_def, outputs = _inline(function.get_concrete_function(*specifications))
    return ModelFile(
        "Keras file",
        graph_def,
        outputs,
        is_traced=True,
        original=lambda batch: np.asarray(model.predict_on_batch(batch)),
    )


def _load_keras_model(path: Path) -> Any:
    """Load by Keras 3, and what that refuses by Keras 2, which wrote most files until 2023.

    Code in a file is not run: ``.keras`` files are read so by default, ``.h5`` files when told.
    """
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as refused:  # noqa: BLE001 - Keras has no error of its own
        try:
            import tf_keras
            from tf_keras.src.saving.serialization_lib import SafeModeScope

            with SafeModeScope(safe_mode=True):
                return tf_keras.models.load_model(path, compile=False)
        except Exception as err:
            if "groups" not in str(refused):
                raise
            return _load_without_groups(path, err)


def _load_without_groups(path: Path, refused: Exception) -> Any:
    """Load an ``.h5`` file by Keras 3 whose depthwise convolutions have Keras 2's word, which is always 1."""
    import h5py
    import keras

    class Depthwise(keras.layers.DepthwiseConv2D):  # type: ignore[misc]  # untyped
        def __init__(self, **settings: Any) -> None:
            if settings.pop("groups", 1) != 1:
                raise refused
            super().__init__(**settings)

    with h5py.File(path, "r") as file:
        return keras.models.load_model(file, compile=False, custom_objects={"DepthwiseConv2D": Depthwise})


def _inline(function: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a function's GraphDef with variables as constants and without calls, and its outputs."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    return frozen.graph.as_graph_def(), tuple(tensor.name for tensor in frozen.outputs)


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)
