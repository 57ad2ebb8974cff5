"""How a source takes pictures, found by feeding it colours: no op is read for what it means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from converter.source_model.graph_session import GraphSession
from converter.source_model.input_reading import read_feed
from converter.source_model.model_file import ModelFile
from converter.source_model.request import SourceFlags
from converter.source_model.session import ReadingError
from tests.support.entry_graphs import SIZE_PX, body, channels_first, colours, freeze, placeholder
from tests.support.small_graphs import poets_mobilenet

NOWHERE = Path("graph.pb")
CAFFE = np.array([103.939, 116.779, 123.68], np.float32)


def read(build, path: Path = NOWHERE, **flags):
    """Return how the graph that ``build`` makes is fed."""
    model = ModelFile("frozen graph", freeze(build))
    told = SourceFlags(**flags)
    return read_feed(path, model, GraphSession(model, told), told)[0]


def normalised(x):
    """Return a batch normalisation of pixels, with the figures of ImageNet."""
    ones = tf.constant(1.0, shape=(3,))
    return tf.compat.v1.nn.fused_batch_norm(
        x, ones, ones * 0, ones * 120.0, ones * 3300.0, is_training=False
    )[0]


@pytest.mark.parametrize(
    ("scale", "std"),
    [
        (lambda x: x / 255.0, 1.0),
        (lambda x: x / 127.5 - 1.0, 1.0),
        (lambda x: (x - 128.0) * (1 / 128), 1.0),
        (lambda x: x * 2.0 - 1.0, 255.0),  # hub's retrain.py
        (lambda x: (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], 255.0),
        (lambda x: x - CAFFE[::-1], 1.0),
        (lambda x: x - 127.5, 1.0),
        (lambda x: x * 255.0, 255.0),
        (normalised, 1.0),
        (lambda x: tf.reverse(x, [-1]) - CAFFE, 1.0),
        (lambda x: 1.0 - x / 255.0, 1.0),
        (lambda x: 1.0 - x, 255.0),
        (lambda x: tf.image.rgb_to_yuv(x / 255.0), 1.0),  # mixes colours
        (lambda x: tf.sqrt(x / 255.0), 1.0),  # no straight line
        (lambda x: tf.reduce_mean(2.0 * x - 1.0, -1, keepdims=True), 255.0),
        (lambda x: tf.identity(tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]])) / 255.0, 1.0),
    ],
)
def test_what_the_graph_does_itself_tells_what_it_is_fed(scale, std):
    """Bytes or shares of 255: the one that arrives at the first layer as numbers that a network takes."""
    feed = read(lambda: body(scale(colours())))
    assert (feed.mean, feed.std, feed.channels) == ((0.0,), (std,), "RGB")


@pytest.mark.parametrize(
    "scale",
    [
        lambda x: x,
        tf.identity,
        lambda x: x * 0.1,
        lambda x: x + 300.0,
        tf.math.square,
        tf.image.rgb_to_grayscale,
        lambda x: x * 2.0 - 0.1,
        lambda x: x * [1.8, 1.9, 2.0] - 0.8,
    ],
)
def test_what_tells_nothing_is_asked_for(scale):
    """A beginning that fits bytes and shares alike, or neither: the flags to give."""
    with pytest.raises(ReadingError, match=r"give --input-mean and --input-std"):
        read(lambda: body(scale(colours())))


def test_a_network_that_is_known_has_its_published_scaling():
    """MobileNet's names, and nothing before its first layer."""
    model = ModelFile("frozen graph", poets_mobilenet())
    feed, facts = read_feed(NOWHERE, model, GraphSession(model, SourceFlags()), SourceFlags())
    assert (feed.mean, feed.std) == ((127.5,), (127.5,))
    assert "tf-slim" in facts["scaling"]
    assert feed.resize == "bilinear of TensorFlow 1"


def test_flags_come_before_anything_else():
    """Numbers and order of the colours as given, also where the graph would tell others."""
    feed = read(lambda: body(colours() / 255.0), mean=(1.0, 2.0, 3.0), std=(4.0,), colour_order="BGR")
    assert (feed.mean, feed.std, feed.channels) == ((1.0, 2.0, 3.0), (4.0,), "BGR")


@pytest.mark.parametrize(
    ("build", "channels"),
    [
        (lambda: body(colours() - CAFFE), "BGR"),
        (lambda: body(colours() - CAFFE[::-1]), "RGB"),
        (lambda: body(tf.reverse(colours(), [-1]) - CAFFE), "RGB"),
        (lambda: body(colours(channels=1) / 255.0), "GREY"),
    ],
)
def test_the_order_of_the_channels_is_seen_at_the_first_layer(build, channels):
    """Caffe's means stand blue first, at the channels that they arrive from; one channel is grey."""
    assert read(build).channels == channels


def test_where_the_channels_stand_is_declared_or_tried():
    """Channels first by the shape; where no size is given, by what the graph runs with."""

    def turned(x):
        return tf.transpose(x, [0, 2, 3, 1]) / 255.0

    feed = read(lambda: body(turned(channels_first(4))))
    assert (feed.layout, feed.height, feed.width, feed.batch) == ("NCHW", SIZE_PX, SIZE_PX, 4)
    size = {"height": 20, "width": 30}
    first = read(
        lambda: body(turned(tf.ensure_shape(placeholder(*[None] * 4), (None, 3, None, None)))), **size
    )
    assert (first.layout, first.height, first.width) == ("NCHW", 20, 30)
    last = read(
        lambda: body(tf.ensure_shape(placeholder(*[None] * 4), (None, None, None, 3)) / 255.0), **size
    )
    assert last.layout == "NHWC"
    with pytest.raises(ReadingError, match="its size is open"):
        read(lambda: body(placeholder(None, None, None, 3) / 255.0))


def test_bytes_are_fed_where_whole_numbers_are_wanted():
    """An input of uint8 takes pixels as they are."""
    feed = read(lambda: body(tf.cast(colours(dtype=tf.uint8), tf.float32)))
    assert (feed.dtype, feed.mean, feed.std) == ("uint8", (0.0,), (1.0,))


def test_whole_numbers_of_which_bytes_are_the_darkest_are_not_fed_bytes():
    """16 bits made shares: bytes would all be black."""
    with pytest.raises(ReadingError, match="all but black"):
        read(lambda: body(tf.image.convert_image_dtype(colours(dtype=tf.uint16), tf.float32)))


def test_what_training_wrote_beside_the_graph_counts(tmp_path):
    """The record of ``retrain``: scaling and rule of resizing; a JSON file of another kind is passed by."""
    record = {"size_px": 24, "resize": "area", "mean": [127.0] * 3, "std": [128.0] * 3}
    (tmp_path / "graph.json").write_text(json.dumps({"input": record}), encoding="utf-8")
    feed = read(lambda: body(colours()), tmp_path / "graph.pb")
    assert (feed.mean, feed.std, feed.resize) == ((127.0,) * 3, (128.0,) * 3, "area")
    (tmp_path / "graph.json").write_text('{"input": "picture"}', encoding="utf-8")
    with pytest.raises(ReadingError, match="give --input-mean"):
        read(lambda: body(colours()), tmp_path / "graph.pb")
