"""Files of Keras 3 and Keras 2: frozen as they classify, or refused with both reasons and the way out."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.entry_graphs import draw_picture, node_answer
from tests.support.graph_runs import refusal
from tests.support.keras_files import SIZE_PX, augmented, keras_2, teachable_machine, with_layer


def _random_layers():
    import keras

    layers = keras.layers
    return [
        layers.RandomFlip(),
        layers.RandomRotation(0.2),
        layers.RandomZoom(0.2),
        layers.RandomTranslation(0.2, 0.2),
        layers.RandomContrast(0.3),
        layers.RandomBrightness(0.3),
        layers.GaussianNoise(0.5),
        layers.RandomCrop(SIZE_PX, SIZE_PX),
        layers.Dropout(0.5),
    ]


def _says_the_same(model, path, flags=None):
    """Whether the frozen graph answers as Keras does for the same picture, red first."""
    pixels = draw_picture()
    want = model(pixels[np.newaxis, ..., ::-1].astype(np.float32), training=False)[0]
    np.testing.assert_allclose(node_answer(path, pixels, flags), np.asarray(want), atol=1e-5)


def test_augmentation_is_off_when_a_keras_model_classifies(tmp_path):
    """Random layers take training for granted when they are called; a picture is judged without them."""
    model = augmented(_random_layers())
    model.save(tmp_path / "model.keras")
    _says_the_same(model, tmp_path / "model.keras")


def test_an_exported_folder_with_augmentation_is_told_how_to_export(tmp_path):
    """model.export keeps the random layers: the sentence names training=False and the .keras file."""
    augmented(_random_layers()[:1]).export(tmp_path / "folder", verbose=False)
    said = refusal(tmp_path / "folder")
    assert "training=False" in said
    assert ".keras" in said


@pytest.mark.parametrize("name", ["keras_model.h5", "model.keras"])
def test_files_of_keras_2_are_read_by_keras_2(tmp_path, name):
    """Nested Sequentials, BatchNormalization and DepthwiseConv2D with groups, as Teachable Machine saves."""
    model = teachable_machine(scaled=True)
    model.save(tmp_path / name)
    _says_the_same(model, tmp_path / name)


def test_keras_3_goes_on_beside_keras_2(tmp_path):
    """One process reads a file of Keras 2, whose scaling it asks for, then one of Keras 3."""
    teachable_machine().save(tmp_path / "old.h5")
    assert "--input-mean" in refusal(tmp_path / "old.h5")
    model = augmented([])
    model.save(tmp_path / "new.keras")
    _says_the_same(model, tmp_path / "new.keras")


def test_a_saved_model_of_a_known_architecture_is_asked_for_its_scaling(tmp_path):
    """MobileNet in a SavedModel was trained with 127.5 by some and with 255 by others."""
    keras = keras_2()
    model = keras.Sequential(
        [
            keras.layers.InputLayer((SIZE_PX, SIZE_PX, 3)),
            keras.layers.Conv2D(4, 3, name="mobilenetv2_1.00_224"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.save(tmp_path / "folder")
    assert "mobilenetv2_1.00: how its pixels were scaled is not to be seen" in refusal(tmp_path / "folder")


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_objects_of_ones_own_are_named_with_both_reasons_and_the_way_out(tmp_path, name):
    """Their code is not in the file; no reason is cut off."""
    keras = keras_2()

    class FixedDropout(keras.layers.Dropout):
        """As a package of EfficientNet had it."""

    with_layer(lambda _keras: FixedDropout(0.2)).save(tmp_path / name)
    said = refusal(tmp_path / name)
    for part in ("(FixedDropout)", "tf_keras says:", "Keras 3 says:", "write a SavedModel"):
        assert part in said


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_code_in_a_lambda_layer_is_refused_and_does_not_run(tmp_path, name):
    """Python's own byte code in the file would do anything on the workstation."""
    with_layer(lambda keras: keras.layers.Lambda(lambda x: x / 2, name="halve")).save(tmp_path / name)
    assert "layer 'halve' is a Lambda that holds Python code, which is not run" in refusal(tmp_path / name)


def test_weights_alone_are_called_that(tmp_path):
    """save_weights leaves the layers out."""
    teachable_machine().save_weights(tmp_path / "model.h5")
    assert "weights of a Keras model without its layers" in refusal(tmp_path / "model.h5")


def test_bytes_are_the_numbers_of_an_integer_input(tmp_path):
    """A Keras model that takes uint8 is not divided by 255."""
    import keras

    keras.utils.set_random_seed(3)
    picture = keras.Input((SIZE_PX, SIZE_PX, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(x))
    model = keras.Model(picture, keras.layers.Dense(2, "softmax", kernel_initializer="normal")(x))
    model.save(tmp_path / "model.keras")
    _says_the_same(model, tmp_path / "model.keras")


def test_a_renamed_file_is_read_as_what_it_is(tmp_path):
    """Keras goes by the suffix; a .keras file that was called .h5 still loads."""
    model = augmented([])
    model.save(tmp_path / "model.keras")
    _says_the_same(model, (tmp_path / "model.keras").rename(tmp_path / "model.h5"))


def test_mixed_precision_is_computed_in_float32(tmp_path):
    """TFLite has no half convolutions; a model trained in mixed_float16 keeps its answers."""
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = augmented([])
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "model.keras")
    pixels = draw_picture()
    want = model(pixels[np.newaxis, ..., ::-1].astype(np.float32), training=False)[0]
    np.testing.assert_allclose(node_answer(tmp_path / "model.keras", pixels), np.asarray(want), atol=0.01)
