"""Read files of Keras 3 and of Keras 2 as frozen graphs that classify: without augmentation, without code.

Keras 3 reads its own files and some of Keras 2; ``tf_keras``, the last Keras 2, reads the others. Both live
beside each other in one process. Neither runs code that a file holds.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.graphs.freezing import freeze
from converter.tensorflow_import import tensorflow
from converter.work_folder import work_folder
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WAY_OUT = (
    "load it where it was trained and write a SavedModel (model.export, or model.save in Keras 2), then"
    " convert that folder with --input-mean and --input-std"
)
_ADVICE = re.compile(r"Full object config:|\bconfig=\{|Please ensure|Make sure|If `|See http")
_HDF5_START = b"\x89HDF"


@dataclass(frozen=True, slots=True)
class KerasModel:
    """A Keras model frozen for inference.

    Attributes:
        graph_def: the frozen graph.
        output: its output, if it has only one.
        name: that the model was saved under.
    """

    graph_def: Any
    output: str | None
    name: str


def load_keras(path: Path, content: bytes) -> KerasModel:
    """Load a Keras file and freeze the model as it classifies.

    Args:
        path: of the file.
        content: its bytes.

    Raises:
        GraphError: it holds weights alone, or code, or neither Keras loads it; in one sentence.
    """
    tensorflow()
    saved = _read_saved(path, content)
    _refuse_code(path, saved.config)
    loaders: list[tuple[str, Callable[[Path], Any]]] = [
        ("Keras 3", lambda file: _load_keras_3(file, saved)),
        ("tf_keras", _load_keras_2),
    ]
    if saved.version.startswith(("1.", "2.")):
        loaders.reverse()
    reasons = []
    for name, load in loaders:
        try:
            with warnings.catch_warnings(), _with_own_suffix(path, saved) as file:
                warnings.simplefilter("ignore")  # about how the file was written
                model = load(file)
                inputs = [(tensor.shape, tensor.dtype) for tensor in model.inputs]
                return KerasModel(*_freeze_model(model, inputs), model.name)
        except Exception as err:  # noqa: BLE001 - neither Keras has an error of its own
            reasons.append(f"{name} says: {_find_reason(err)}")
    raise GraphError(_explain(path, saved, reasons))


@dataclass(frozen=True, slots=True)
class _SavedKeras:
    """What a file says of itself: the version of Keras that wrote it, and the configuration of its layers."""

    version: str
    config: Any
    is_hdf5: bool


def _read_saved(path: Path, content: bytes) -> _SavedKeras:
    try:
        if content.startswith(_HDF5_START):
            import h5py

            with h5py.File(io.BytesIO(content), "r") as file:
                attributes = {key: _decode(value) for key, value in file.attrs.items()}
            config = attributes.get("model_config")
            version = attributes.get("keras_version", "")
        else:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = archive.namelist()
                config = archive.read("config.json").decode() if "config.json" in names else None
                described = archive.read("metadata.json") if "metadata.json" in names else b"{}"
            version = str(json.loads(described).get("keras_version", ""))
        layers = json.loads(config) if config else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as err:
        raise GraphError(f"{path}: a Keras file that is damaged ({err}); save the model again") from err
    if layers is None:
        raise GraphError(
            f"{path}: weights of a Keras model without its layers; save the whole model with model.save"
        )
    return _SavedKeras(version, layers, content.startswith(_HDF5_START))


def _decode(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@contextmanager
def _with_own_suffix(path: Path, saved: _SavedKeras) -> Iterator[Path]:
    """Give a file whose suffix is of its kind: Keras goes by it, and not by what is in the file."""
    kinds = (".h5", ".hdf5") if saved.is_hdf5 else (".keras",)
    if path.suffix.lower() in kinds:
        yield path
        return
    with work_folder() as work:
        yield Path(shutil.copyfile(path, work / f"model{kinds[0]}"))


def _load_keras_3(path: Path, saved: _SavedKeras) -> Any:
    import keras

    if saved.is_hdf5 and any(_drop_depthwise_groups(layer) for layer in _list_layers(saved.config)):
        import h5py

        with work_folder() as work:
            copy = work / "model.h5"
            copy.write_bytes(path.read_bytes())
            with h5py.File(copy, "r+") as file:
                file.attrs["model_config"] = json.dumps(saved.config)
            return keras.models.load_model(copy, compile=False)
    return keras.models.load_model(path, compile=False)


def _load_keras_2(path: Path) -> Any:
    try:
        import tf_keras
        from tf_keras.src.saving.serialization_lib import SafeModeScope
    except ImportError as err:
        raise RuntimeError(
            f"not installed ({err}); pip install 'corrosion-edge-node[convert]' brings it"
        ) from err
    with SafeModeScope(safe_mode=True):  # an .h5 is read without it otherwise
        return tf_keras.models.load_model(path, compile=False)


def _drop_depthwise_groups(layer: dict[str, Any]) -> bool:
    """Leave out ``groups`` of a depthwise convolution, which Keras 2 wrote, always 1, and Keras 3 refuses."""
    config = layer.get("config")
    if layer.get("class_name") == "DepthwiseConv2D" and isinstance(config, dict):
        return config.pop("groups", None) is not None
    return False


def _freeze_model(model: Any, inputs: list[tuple[Any, Any]]) -> tuple[Any, str | None]:
    tf = tensorflow()
    specifications = [tf.TensorSpec(shape, dtype, name="input") for shape, dtype in inputs]

    def classify(*pictures: Any) -> Any:
        # Layers of augmentation take training=True for granted.
        return model(list(pictures) if len(inputs) > 1 else pictures[0], training=False)

    return freeze(tf.function(classify).get_concrete_function(*specifications))


def _list_layers(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the description of every layer and other object in a configuration, outer before inner."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _list_layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _list_layers(value)


def _refuse_code(path: Path, config: Any) -> None:
    """Refuse a Lambda layer that holds Python code: it would run here."""
    for layer in _list_layers(config):
        inner = layer.get("config")
        if layer["class_name"] != "Lambda" or not isinstance(inner, dict):
            continue
        function = inner.get("function")
        is_stored = isinstance(function, dict) and function.get("class_name") == "__lambda__"
        if is_stored or inner.get("function_type") == "lambda":
            raise GraphError(
                f"{path}: layer {inner.get('name', 'lambda')!r} is a Lambda that holds Python code, which is"
                f" not run; {_WAY_OUT}"
            )


def _explain(path: Path, saved: _SavedKeras, reasons: list[str]) -> str:
    """Return in one sentence why no Keras loads a file, and what to do."""
    wrote = f"Keras {saved.version}" if saved.version else "an unknown version of Keras"
    own = sorted(set(_list_custom(saved.config)))
    if own:
        named = ", ".join(own)
        return (
            f"{path}: a file of {wrote} with objects that are not Keras's own ({named}), whose code is not in"
            f" the file; {'; '.join(reasons)}; {_WAY_OUT}"
        )
    return f"{path}: a file of {wrote} that no Keras loads; {'; '.join(reasons)}; {_WAY_OUT}"


def _list_custom(config: Any) -> Iterator[str]:
    """Yield the names of layers, activations and functions that neither Keras defines."""
    import keras

    known = {name for place in (keras.layers, keras.initializers, keras.regularizers) for name in dir(place)}
    known |= {name for place in (keras.constraints, keras.activations, keras.models) for name in dir(place)}
    known |= {
        "Functional",
        "Model",
        "Sequential",
        "TFOpLambda",
        "SlicingOpLambda",
        "ClassMethod",
        "DTypePolicy",
    }
    known |= {"InstanceMethod", "TensorFlowOpLayer", "AddMetric", "AddLoss", "VarianceScaling", "Policy"}
    known |= {"__tensor__", "__numpy__", "__tuple__", "__keras_tensor__", "__ellipsis__", "__typespec__"}
    for layer in _list_layers(config):
        name = str(layer["class_name"])
        inner = layer.get("config")
        if layer.get("module") == "builtins" and isinstance(inner, str):
            if not hasattr(keras.activations, inner):
                yield inner
        elif name.rpartition(">")[2] not in known:
            yield name
        elif isinstance(inner, dict):
            activation = inner.get("activation")
            if isinstance(activation, str) and not hasattr(keras.activations, activation):
                yield activation


def _find_reason(err: Exception) -> str:
    """Return the telling part of an error of Keras on one line: without the configuration that it quotes."""
    text = str(err).rpartition("Exception encountered:")[2] or type(err).__name__
    text = _ADVICE.split(text)[0]  # to whoever has the code
    return " ".join(text.split()).rstrip(" .") or type(err).__name__
