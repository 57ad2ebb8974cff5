"""A ``.tflite`` as a source: what its own interpreter says, in real numbers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.source_model.input_reading import read_feed
from converter.source_model.lite_session import LiteSession
from converter.source_model.model_file import is_lite
from converter.source_model.request import SourceFlags
from tests.support.entry_graphs import SIZE_PX, body, colours, draw_picture
from tests.support.ready_files import converted, plain_answer, put

BATCH = draw_picture()[np.newaxis].astype(np.float32)
SHAPE = (1, SIZE_PX, SIZE_PX, 3)


def classify(picture):
    """Return what the usual small network says of a picture that it scales itself."""
    return body(picture / 255.0)


def convert(folder, *, to_bytes: bool):
    """Write the network as a ``.tflite``, with bytes at both ends or float inside and out."""
    function = tf.function(classify).get_concrete_function(tf.TensorSpec(SHAPE, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if to_bytes:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: [[BATCH]]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize(("to_bytes", "tolerance"), [(False, 1e-5), (True, 0.02)])
def test_its_answer_is_the_networks_own(tmp_path, to_bytes, tolerance):
    """Bytes go in where bytes are wanted; in float the first layer hides the scaling, and flags say it."""
    path = convert(tmp_path, to_bytes=to_bytes)
    assert is_lite(path)
    flags = SourceFlags() if to_bytes else SourceFlags(mean=(0.0,), std=(1.0,))
    session = LiteSession(path, flags)
    feed, facts = read_feed(path, None, session, flags)
    assert (feed.mean, feed.std, feed.layout, feed.channels) == ((0.0,), (1.0,), "NHWC", "RGB")
    assert feed.takes_bytes is to_bytes
    assert np.abs(session.run(BATCH) - classify(BATCH).numpy()[0]).max() <= tolerance
    assert session.output_op == "Softmax"
    assert f"{SIZE_PX} x {SIZE_PX}" in facts["input"]
    assert session.try_sides(BATCH) == ""


@pytest.mark.parametrize(("io", "mean", "std"), [(tf.uint8, 127.0, 127.5), (tf.int8, 127.0, 127.5)])
def test_bytes_of_a_picture_are_bytes_of_a_symmetric_input(tmp_path, io, mean, std):
    """8 bits that stand for -1 to 1: the plain interpreter gets each byte as it is, less 128 where signed."""
    content = converted(lambda: body(colours(1)), tmp_path, "int8", io)
    path = put(tmp_path, content)
    session = LiteSession(path, SourceFlags())
    feed, _ = read_feed(path, None, session, SourceFlags())
    assert (feed.mean[0], feed.std[0]) == pytest.approx((mean, std), abs=0.01)
    pixels = draw_picture()
    red_first = pixels[..., ::-1].astype(np.float32)
    batch = (red_first[np.newaxis] - feed.mean[0]) / feed.std[0]
    want = plain_answer(content, pixels, feed.mean[0], feed.std[0])
    np.testing.assert_allclose(session.run(batch), want, atol=0.004)
