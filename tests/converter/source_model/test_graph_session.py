"""A source graph in a session: its picture, its further inputs, its output and its first layer."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.source_model.graph_session import GraphSession
from converter.source_model.model_file import ModelFile
from converter.source_model.request import SourceFlags
from converter.source_model.session import ReadingError
from tests.support.entry_graphs import SIZE_PX, body, colours, draw_picture, freeze, placeholder
from tests.support.small_graphs import inception_2015

BATCH = draw_picture()[np.newaxis].astype(np.float32) / 255


def session(build, **flags) -> GraphSession:
    """Return a session of the graph that ``build`` makes."""
    return GraphSession(ModelFile("frozen graph", freeze(build)), SourceFlags(**flags))


def dropout(value_of_share):
    """Return what builds a network whose dropout takes its share from a second input."""

    def build() -> None:
        share = placeholder(name="share")
        body(colours(), middle=lambda x: tf.compat.v1.nn.dropout(x, rate=value_of_share(share)))

    return build


@pytest.mark.parametrize(("rate", "said"), [(lambda x: 1 - x, "1.0"), (lambda x: x, "0.0")])
def test_a_dropouts_share_is_found_by_trying(rate, said):
    """Whatever it is called: kept or dropped, the value with which the answer is steady and not empty."""
    found = session(dropout(rate))
    assert found.try_sides(BATCH) == f"share:0 = {said}"
    plain = session(lambda: body(colours()))
    assert np.allclose(found.run(BATCH), plain.run(BATCH), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind", "value"), [("is_training", tf.bool, "False"), ("phase", tf.int32, "0")]
)
def test_what_switches_training_is_off(name, kind, value):
    """A switch is off; the picture is found beside it."""

    def build() -> None:
        training = tf.cast(placeholder(name=name, dtype=kind), tf.float32)
        body(colours(), middle=lambda x: x * (1 - training))

    found = session(build)
    assert found.input == "input:0"
    assert found.try_sides(BATCH) == f"{name}:0 = {value}"


def test_a_switch_that_need_not_be_fed_is_off_too():
    """What training left on by default is off for the proof, as it is for the bundle."""

    def build() -> None:
        keep = tf.compat.v1.placeholder_with_default(0.5, (), "keep_prob")
        body(colours(), middle=lambda x: tf.compat.v1.nn.dropout(x, rate=1 - keep))

    found = session(build)
    assert found.try_sides(BATCH) == "keep_prob:0 = 1.0"


def test_what_lies_before_the_named_input_is_not_fed():
    """A picture that is entered behind its placeholder needs no value for that."""
    found = session(
        lambda: body(tf.reshape(placeholder(None, 3 * SIZE_PX**2), (-1, SIZE_PX, SIZE_PX, 3), name="here")),
        input_layer="here",
    )
    assert found.try_sides(BATCH) == ""
    assert found.run_to_first_layer(BATCH) is not None


def test_the_first_layer_reads_what_the_graph_made_of_the_picture():
    """A padded, scaled picture arrives; its layout is that of the convolution."""
    found = session(lambda: body(tf.pad(colours() * 2.0, [[0, 0], [1, 1], [1, 1], [0, 0]])))
    read = found.run_to_first_layer(BATCH)
    assert read is not None
    assert np.allclose(read[:, 1:-1, 1:-1], 2 * BATCH)
    assert found.first_layer_layout == "NHWC"
    assert (found.shape, found.dtype) == ((None, SIZE_PX, SIZE_PX, 3), "float32")
    assert found.output_op == "Softmax"


def test_a_graph_that_decodes_pictures_gets_them_as_they_are():
    """The graph of 2015 takes decoded pixels of any size, and does everything else itself."""
    model = ModelFile("frozen graph", inception_2015(producer=8))
    found = GraphSession(model, SourceFlags())
    assert found.takes_files
    assert found.input == "DecodeJpeg:0"
    assert found.run(draw_picture()).shape == (2,)


def test_flags_name_input_and_output():
    """Two outputs and two pictures are told apart by flags; without them by nothing."""

    def build() -> None:
        x = colours()
        tf.nn.relu(x, name="second")
        body(x)

    def of_two() -> None:
        body(colours() + placeholder(None, SIZE_PX, SIZE_PX, 3, name="other"))

    assert session(build).output == "final_result:0"
    assert session(build, output_layer="second").output == "second:0"
    assert session(of_two, input_layer="other").input == "other:0"
    with pytest.raises(ReadingError, match=r"2 inputs; name one with --input-layer"):
        session(of_two)
