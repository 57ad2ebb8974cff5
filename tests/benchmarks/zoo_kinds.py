"""Source models of the kinds that strangers bring: axes, channels, inputs and outputs unlike ours.

All of them are networks with weights of ImageNet, so that a misread picture shows in their answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.architectures.backbones import load_backbone
from converter.graphs.scaling import GraphFlags
from converter.tensorflow_import import tensorflow
from edge_node.inference.manifest import Resize
from tests.benchmarks import zoo_graphs
from tests.benchmarks.zoo_pictures import resized
from tests.benchmarks.zoo_workshop import (
    Workshop,
    ZooModel,
    fit_keras_head,
    poets_in_keras,
    read_poets,
    read_symmetric,
    refit,
    scale_symmetric,
    write_frozen,
    write_keras,
    write_labels,
    write_saved_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGENET = "ImageNet"
SYMMETRIC = GraphFlags(input_mean=127.5, input_std=127.5)
_SIZE_PX = 224
_GREY = np.array([0.299, 0.587, 0.114])  # of red, green, blue
_CAFFE_MEANS = (103.939, 116.779, 123.68)  # of blue, green, red
_RANGED_PICTURES = 50


def _channels_first(workshop: Workshop, folder: Path) -> Path:
    def enter() -> Any:
        tf = tensorflow()
        picture = tf.compat.v1.placeholder(tf.float32, (1, 3, _SIZE_PX, _SIZE_PX), name=zoo_graphs.INPUT)
        return tf.transpose(picture, (0, 2, 3, 1), name="channels_last")

    return write_frozen(folder, zoo_graphs.behind_entry(read_poets(workshop), enter))


def _uint8(workshop: Workshop, folder: Path) -> Path:
    def enter() -> Any:
        tf = tensorflow()
        picture = tf.compat.v1.placeholder(tf.uint8, (1, _SIZE_PX, _SIZE_PX, 3), name=zoo_graphs.INPUT)
        return tf.multiply(tf.subtract(tf.cast(picture, tf.float32), 127.5), 1 / 127.5, name="scaled")

    return write_frozen(folder, zoo_graphs.behind_entry(read_poets(workshop), enter))


def _grey(workshop: Workshop, folder: Path) -> Path:
    """Write a network whose first kernels are summed: on a grey picture it says what three channels would."""
    definition = zoo_graphs.with_first_layer(
        read_poets(workshop), 1, lambda kernel, mean: (kernel.sum(axis=2, keepdims=True), mean)
    )

    def pictures() -> np.ndarray:
        colours = resized(workshop.pictures.training, _SIZE_PX, Resize.BILINEAR_TF1)
        return scale_symmetric((colours @ _GREY)[..., np.newaxis])

    return write_frozen(folder, refit(workshop, definition, pictures))


def _blue_first(workshop: Workshop, folder: Path) -> Path:
    """Write a network that takes pictures as Caffe's do: blue first, less three means, not divided."""

    def change(kernel: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blue_first = kernel[:, :, ::-1] / 127.5
        moved = np.array(_CAFFE_MEANS) - 127.5
        return blue_first, mean - np.einsum("hwcf,c->f", blue_first, moved)

    return write_frozen(folder, zoo_graphs.with_first_layer(read_poets(workshop), 3, change))


def _hub(workshop: Workshop, folder: Path) -> Path:
    definition = read_poets(workshop)

    def features() -> np.ndarray:
        pictures = read_symmetric(workshop, _SIZE_PX)
        (pooled,) = zoo_graphs.run(definition, zoo_graphs.INPUT, [zoo_graphs.POETS_POOL], pictures)
        return pooled.reshape(len(pooled), -1)

    return write_frozen(folder, zoo_graphs.as_hub_writes(definition, workshop.head("poets_pool", features)))


def _sigmoid(workshop: Workshop, folder: Path) -> Path:
    backbone = load_backbone("efficientnet_lite0")
    weights, biases = fit_keras_head(workshop, "efficientnet_lite0", backbone.model, backbone.input)
    # A label's own probability is the sigmoid of the whole difference that a softmax would see.
    return write_keras(folder, backbone.model, (2 * weights, 2 * biases), ".keras", activation="sigmoid")


def _keras_2(workshop: Workshop, folder: Path) -> Path:
    import tf_keras  # takes seconds, and one model needs it

    return write_keras(folder, *poets_in_keras(workshop, tf_keras), ".h5", keras=tf_keras)


def _tflite(workshop: Workshop, folder: Path) -> Path:
    return _write_tflite(workshop, folder, quantized=False)


def _tflite_uint8(workshop: Workshop, folder: Path) -> Path:
    return _write_tflite(workshop, folder, quantized=True)


def _write_tflite(workshop: Workshop, folder: Path, *, quantized: bool) -> Path:
    """Write what TensorFlow's own converter makes of the shared graph."""
    tf = tensorflow()
    converter = tf.lite.TFLiteConverter.from_saved_model(str(write_saved_model(folder, read_poets(workshop))))
    if quantized:
        chosen = resized(workshop.pictures.training[:_RANGED_PICTURES], _SIZE_PX, Resize.BILINEAR_TF1)

        def pictures() -> Iterator[list[np.ndarray]]:
            for picture in scale_symmetric(chosen):
                yield [picture[np.newaxis]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = pictures
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    write_labels(folder)
    return path


KINDS: dict[str, ZooModel] = {
    "MobileNet v1 1.0 224, channels first": ZooModel(_channels_first, IMAGENET),
    "MobileNet v1 1.0 224, grey": ZooModel(_grey, IMAGENET),
    "MobileNet v1 1.0 224, blue first, Caffe's means": ZooModel(
        _blue_first,
        IMAGENET,
        GraphFlags(input_mean=_CAFFE_MEANS, input_std=1.0, input_colour_order="BGR"),
    ),
    "MobileNet v1 1.0 224, uint8": ZooModel(_uint8, IMAGENET),
    "MobileNet v1 1.0 224, hub's retrain.py": ZooModel(_hub, IMAGENET),
    "MobileNet v1 1.0 224, Keras 2 .h5": ZooModel(_keras_2, IMAGENET, SYMMETRIC),
    "MobileNet v1 1.0 224, .tflite": ZooModel(_tflite, IMAGENET, SYMMETRIC),
    "MobileNet v1 1.0 224, uint8 .tflite": ZooModel(_tflite_uint8, IMAGENET),
    "EfficientNet-Lite0, sigmoid, .keras": ZooModel(
        _sigmoid, IMAGENET, GraphFlags(input_mean=127.0, input_std=128.0)
    ),
}
