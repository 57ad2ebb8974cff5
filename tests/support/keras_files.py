"""Small Keras models of both generations as people save them: augmentation, Teachable Machine, own layers."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE_PX = 24


def augmented(layers: Any) -> Any:
    """Return a model with layers that change pictures at random in training, of Keras's ``layers``."""
    import keras

    keras.utils.set_random_seed(3)
    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    x = picture
    for layer in layers:
        x = layer(x)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, keras.layers.Dense(2, "softmax", kernel_initializer="normal")(x))


def keras_2() -> Any:
    """Return Keras 2's module, whose warnings about formats are left out."""
    import tf_keras

    warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
    return tf_keras


def teachable_machine(*, scaled: bool = False) -> Any:
    """Return a model of Keras 2 as Teachable Machine nests it: a network and a head, each a Sequential."""
    keras = keras_2()
    layers = keras.layers
    keras.utils.set_random_seed(3)
    first = layers.Rescaling(1 / 127.5, offset=-1.0) if scaled else layers.Activation("linear")
    network = keras.Sequential(
        [
            layers.InputLayer((SIZE_PX, SIZE_PX, 3)),
            first,
            layers.Conv2D(8, 3, strides=2, use_bias=False, name="Conv1"),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    head = keras.Sequential(
        [layers.InputLayer((8,)), layers.Dense(10, activation="relu"), layers.Dense(2, activation="softmax")]
    )
    model = keras.Sequential([network, head])
    model.build((None, SIZE_PX, SIZE_PX, 3))
    return model


def with_layer(layer: Callable[[Any], Any]) -> Any:
    """Return a model of Keras 2 that holds what ``layer`` makes of Keras 2's module."""
    keras = keras_2()
    layers = keras.layers
    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    x = layers.GlobalAveragePooling2D()(layer(keras)(picture))
    return keras.Model(picture, layers.Dense(2)(x))


def rewritten(path: Path, change: Callable[[dict[str, Any]], None], version: str) -> Path:
    """Change the configuration of every layer of an ``.h5`` file, and the version that it was written by."""
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            change(layer)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path
