"""Source models of every kind, loaded as their framework loads them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.source_model.graph_session import GraphSession
from converter.source_model.model_file import is_keras, is_lite, load_model_file
from converter.source_model.request import SourceFlags
from tests.support.entry_graphs import INPUT, body, colours, draw_picture, written
from tests.support.small_graphs import inception_2015, keras_classifier, write_graph

KERAS_BATCH = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def keras_model():
    """A model whose augmentation must not run when it classifies."""
    model = keras_classifier()
    layers = [tf.keras.Input((32, 32, 3)), tf.keras.layers.RandomFlip("horizontal"), *model.layers]
    return tf.keras.Sequential(layers)


def test_a_keras_file_says_what_keras_says(keras_model, tmp_path):
    """Inlined and as loaded: both give the model's own answer, without augmentation, whatever its name."""
    keras_model.save(tmp_path / "model.h5")
    path = (tmp_path / "model.h5").rename(tmp_path / "model.keras")
    assert is_keras(path)
    found = load_model_file(path)
    assert found.original is not None
    wanted = found.original(KERAS_BATCH)[0]
    assert np.allclose(GraphSession(found, SourceFlags()).run(KERAS_BATCH), wanted, atol=1e-6)
    assert np.array_equal(found.original(KERAS_BATCH)[0], wanted)
    assert found.is_traced


def test_a_saved_model_of_tensorflow_1_is_of_its_age(tmp_path):
    """``simple_save`` of a frozen graph: its answer, by its signature too."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        x = colours(1)
        body(x / 255.0)
        result = graph.get_tensor_by_name("final_result:0")
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "saved"), {INPUT: x}, {"scores": result})
        batch = draw_picture()[np.newaxis].astype(np.float32)
        wanted = session.run(result, {x: batch})[0]
    found = load_model_file(tmp_path / "saved")
    assert np.allclose(GraphSession(found, SourceFlags()).run(batch), wanted, atol=1e-6)
    assert found.original is not None
    assert np.allclose(found.original(batch)[0], wanted, atol=1e-6)


def test_frozen_graphs_of_both_ages_are_told_apart(tmp_path):
    """What TensorFlow 2 traced, and what was written before; the ops of 2015 still run."""
    old = load_model_file(write_graph(tmp_path / "old", inception_2015(producer=21)))
    assert old.graph_def.versions.producer == 8
    traced = load_model_file(written(tmp_path / "new", lambda: body(colours() / 255.0)))
    assert traced.is_traced  # AddV2
    assert not is_lite(tmp_path)
