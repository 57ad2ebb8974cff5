"""Kept states of trainings: what was killed goes on to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from converter.training.steps.checkpoint import Checkpoint, read_arrays, write_arrays
from converter.training.steps.head_training import train
from converter.training.steps.training_data import TrainingData, TrainingSettings, TrainingTarget
from edge_node.errors import DatasetError


def _upper():
    """Return a small network to be trained along, the same each time."""
    import tensorflow as tf

    start = tf.keras.Input((4, 4, 6))
    convolution = tf.keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="c")
    model = tf.keras.Model(start, tf.keras.layers.BatchNormalization(name="n")(convolution(start)))
    convolution.set_weights([np.random.default_rng(1).normal(0, 0.2, (3, 3, 6, 8))])
    return model


def _data():
    random = np.random.default_rng(0)
    targets = np.array([0, 1] * 15)
    activations = random.normal(size=(2, 30, 4, 4, 6)).astype(np.float16)
    activations[:, :, :, :, 0] += np.where(targets == 1, 0.3, -0.3)[:, None, None]
    masks = random.random((2, 30, 4, 4)).astype(np.float32)
    validation = np.arange(30) >= 22
    return TrainingData(activations, masks, 1.0 - validation, validation), targets


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("patience", [0, 2])
def test_a_training_goes_on_to_the_same_bytes(tmp_path, patience):
    """Killed twice, in the middle of draws, averages, dropout, mixing and patience, it ends as if never."""
    data, targets = _data()
    questions = [
        TrainingTarget("map", ("corroded", "uncorroded"), targets, corroded=0),
        TrainingTarget("kind", ("a", "b"), targets),
    ]
    settings = TrainingSettings(
        steps=14, batch=8, dropout=0.3, style_mixing=0.5, evaluate_every=4, patience=patience, seed=5
    )
    wanted_upper, whole = _upper(), []
    wanted = train(data, questions, settings, upper=wanted_upper, report=whole.append)
    upper, parts, steps = _upper(), [], []
    path = tmp_path / "checkpoint.npz"
    for last in (5, 9, 99):

        def count(done, last=last):
            steps.append(done)
            if len(steps) == last:
                raise _KilledError

        kept = Checkpoint(path, every_s=0.0)
        try:
            heads = train(
                data, questions, settings, upper=_upper() if last < 99 else upper, report=parts.append,
                on_steps=count, kept=kept,
            )  # fmt: skip
        except _KilledError:
            assert path.exists()
    for one, other in zip(wanted, heads, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.biases, other.biases)
    for one, other in zip(wanted_upper.get_weights(), upper.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert {found.step: found for found in parts} == {found.step: found for found in whole}


def test_a_damaged_state_is_none(tmp_path):
    """A file that was cut off, or is none, is begun anew from; a disk that refuses is told."""
    path = tmp_path / "state.npz"
    assert read_arrays(path) is None
    write_arrays(path, {"a": np.arange(5), "told": np.array("words")})
    found = read_arrays(path)
    assert found is not None
    assert (found["a"].tolist(), str(found["told"])) == ([0, 1, 2, 3, 4], "words")
    path.write_bytes(path.read_bytes()[:150])
    assert read_arrays(path) is None
    with pytest.raises(DatasetError, match="cannot be written"):
        write_arrays(tmp_path / "absent" / "state.npz", {"a": np.arange(5)})
