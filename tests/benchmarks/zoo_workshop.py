"""What the zoo's source models are made of: pictures, weights that are here, last layers fitted to them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.tensorflow_import import tensorflow
from edge_node.inference.manifest import Resize
from tests.benchmarks import zoo_graphs
from tests.benchmarks.zoo_pictures import LABELS, ZooPictures, fitted_head, resized, truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.architectures.backbones import InputRule


@dataclass(frozen=True)
class Workshop:
    """What models are made of.

    Attributes:
        pictures: see ``ZooPictures``.
        shared: the folder with ``graphs/`` and ``backbones/``.
        kept: a folder for trained weights, which are made once.
    """

    pictures: ZooPictures
    shared: Path
    kept: Path

    @property
    def poets_graph(self) -> Path:
        """MobileNet v1 1.0 224, retrained with TensorFlow for Poets on steel."""
        return self.shared / "graphs" / "steel" / "retrained_graph.pb"

    @property
    def inception_weights(self) -> Path:
        """Inception v3 without its top."""
        return self.shared / "backbones" / "inception_v3_notop.weights.h5"

    def head(self, name: str, features: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return a last layer fitted to the training pictures: once for each ``name``, then as kept."""
        samples = self.pictures.training
        key = hashlib.sha256("".join(str(sample.path) for sample in samples).encode()).hexdigest()[:12]
        file = self.kept / f"{name}.{key}.head.npz"
        if not file.exists():
            weights, biases = fitted_head(features(), truth(samples))
            np.savez(file, weights=weights, biases=biases)
        with np.load(file) as found:
            return found["weights"], found["biases"]


@dataclass(frozen=True)
class ZooModel:
    """One source model.

    Attributes:
        build: from the workshop and an empty folder to the file (or folder) that ``convert`` is given.
        weights: where its numbers come from, in words.
        told: the flags that a user would have to give.
        all_modes: int16x8 too, which is slow.
    """

    build: Callable[[Workshop, Path], Path]
    weights: str
    told: GraphFlags = field(default_factory=GraphFlags)
    all_modes: bool = False


def write_frozen(folder: Path, definition: Any) -> Path:
    """Write a GraphDef and its labels as TensorFlow for Poets names them, and return the graph's file."""
    path = folder / "retrained_graph.pb"
    path.write_bytes(definition.SerializeToString())
    write_labels(folder)
    return path


def write_labels(folder: Path) -> None:
    """Write the zoo's labels beside a graph."""
    (folder / "retrained_labels.txt").write_text("\n".join(LABELS), encoding="utf-8")


def write_keras(
    folder: Path, base: Any, head: tuple[np.ndarray, np.ndarray], suffix: str, **kind: Any
) -> Path:
    """Write a backbone with a last layer as a Keras file.

    Args:
        folder: for the file and its labels.
        base: Keras model that ends in positions.
        head: weights and biases of the last layer.
        suffix: of the file.
        kind: ``activation`` of the last layer, else softmax; ``keras`` that made ``base``, else TensorFlow's.
    """
    keras = kind.get("keras") or tensorflow().keras
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    dense = keras.layers.Dense(
        len(LABELS), activation=kind.get("activation", "softmax"), name=zoo_graphs.RESULT
    )
    model = keras.Model(base.input, dense(pooled))
    dense.set_weights(list(head))
    path = folder / f"model{suffix}"
    model.save(path)
    write_labels(folder)
    return path


def write_saved_model(folder: Path, definition: Any) -> Path:
    """Write a graph of TensorFlow for Poets as a SavedModel with one signature, and its labels beside it."""
    v1 = tensorflow().compat.v1
    with tensorflow().Graph().as_default() as graph:
        v1.import_graph_def(definition, name="")
        picture, result = (
            graph.get_tensor_by_name(f"{name}:0") for name in (zoo_graphs.INPUT, zoo_graphs.RESULT)
        )
        with v1.Session(graph=graph) as session:
            v1.saved_model.simple_save(
                session, str(folder / "saved"), {"picture": picture}, {"scores": result}
            )
    write_labels(folder)
    return folder / "saved"


def read_poets(workshop: Workshop) -> Any:
    """Return the shared graph of TensorFlow for Poets as a GraphDef."""
    return tensorflow().compat.v1.GraphDef.FromString(workshop.poets_graph.read_bytes())


def poets_in_keras(workshop: Workshop, keras: Any) -> tuple[Any, tuple[np.ndarray, np.ndarray]]:
    """Return the network of the shared graph as ``keras`` has it, weight by weight, and its last layer."""
    base = make_application("MobileNet", 224, keras, alpha=1.0)
    graph = load_graph(workshop.poets_graph)
    constants = {
        node.name: tensorflow().make_ndarray(node.attr["value"].tensor)
        for node in graph.file.graph_def.node
        if node.op == "Const" and node.name.startswith("MobilenetV1/")
    }
    for layer in base.layers:
        if layer.weights:
            layer.set_weights([constants[name] for name in _slim_names(layer.name)])
    return base, (graph.head.weights, graph.head.biases)


def refit(workshop: Workshop, definition: Any, pictures: Callable[[], np.ndarray]) -> Any:
    """Return a graph of TensorFlow for Poets with a last layer for what its changed body says.

    Args:
        workshop: with the training pictures.
        definition: of the changed graph.
        pictures: returns the training pictures as its input takes them.
    """
    body = hashlib.sha256(definition.SerializeToString(deterministic=True)).hexdigest()[:12]
    return zoo_graphs.with_head(
        definition,
        workshop.head(
            f"poets_{body}",
            lambda: zoo_graphs.run(definition, zoo_graphs.INPUT, [zoo_graphs.POETS_BOTTLENECK], pictures())[
                0
            ],
        ),
    )


def fit_keras_head(
    workshop: Workshop, name: str, base: Any, rule: InputRule
) -> tuple[np.ndarray, np.ndarray]:
    """Return a last layer for a Keras backbone, kept under ``name``."""

    def features() -> np.ndarray:
        scaling = rule.mean[0], rule.std[0]
        pictures = scale(resized(workshop.pictures.training, rule.size_px, rule.resize), scaling)
        return base.predict(pictures, batch_size=16, verbose=0).mean(axis=(1, 2))

    return workshop.head(name, features)


def make_application(name: str, size_px: int, keras: Any = None, **options: Any) -> Any:
    """Return a network of ``keras.applications`` without its top and without weights."""
    maker = getattr((keras or tensorflow().keras).applications, name)
    return maker(include_top=False, weights=None, input_shape=(size_px, size_px, 3), **options)


def read_symmetric(workshop: Workshop, size_px: int) -> np.ndarray:
    """Return the training pictures from -1 to 1, resized as TensorFlow 1 does."""
    return scale_symmetric(resized(workshop.pictures.training, size_px, Resize.BILINEAR_TF1))


def scale(pixels: np.ndarray, scaling: tuple[float, float]) -> np.ndarray:
    """Return pixels in float32, less the first number of ``scaling`` and divided by the second."""
    return (pixels.astype(np.float32) - np.float32(scaling[0])) / np.float32(scaling[1])


def scale_symmetric(pixels: np.ndarray) -> np.ndarray:
    """Return pixels from -1 to 1."""
    return scale(pixels, (127.5, 127.5))


def _slim_names(layer: str) -> list[str]:
    """Return the names in TensorFlow for Poets' graph for the weights of one of Keras' layers."""
    match = re.fullmatch(r"conv(?:1|_(dw|pw)_(\d+))(_bn)?", layer)
    part = {"dw": "_depthwise", "pw": "_pointwise", None: ""}[match[1]]
    scope = f"MobilenetV1/Conv2d_{match[2] or 0}{part}"
    if match[3]:
        return [f"{scope}/BatchNorm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    return [f"{scope}/{'depthwise_' if match[1] == 'dw' else ''}weights"]
