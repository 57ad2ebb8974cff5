"""What a graph wants of a picture: TensorFlow's answer on the original graph is the right one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.inference.manifest import Resize
from tests.support.entry_graphs import (
    SIZE_PX,
    body,
    channels_first,
    colours,
    draw_picture,
    node_answer,
    placeholder,
    source_answer,
    written,
)
from tests.support.graph_runs import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

_CAFFE = np.array([103.939, 116.779, 123.68], np.float32)
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
_CHANNELS_LAST, _CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def _bytes(rgb: Any) -> Any:
    return rgb[np.newaxis]


def _shares(rgb: Any) -> Any:
    return rgb[np.newaxis] / 255


def _first(rgb: Any) -> Any:
    return rgb.transpose(2, 0, 1)[np.newaxis]


def _grey(rgb: Any) -> Any:
    return tf.image.rgb_to_grayscale(rgb[np.newaxis]).numpy()


def _opaque(rgb: Any) -> Any:
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=-1)[np.newaxis]


def _unfolded_batch_norm(x: Any) -> Any:
    scale = tf.math.rsqrt(tf.constant(np.full(3, 4.0, np.float32)) + 0.001)
    return x * scale + (tf.constant(-_CAFFE) * scale)


def _first_layer_channels_first() -> Any:
    """Build a graph whose mean is taken channels first, and that is turned round for its convolutions."""
    x = channels_first(1) - _MEAN.reshape(1, 3, 1, 1)
    return body(tf.transpose(x / _STD.reshape(1, 3, 1, 1), _CHANNELS_LAST))


@dataclass(frozen=True)
class _Case:
    """One graph, what it is to be fed for a picture (red, green, blue, 0 to 255), and the flags it needs."""

    build: Callable[[], Any]
    feed: Callable[[Any], Any]
    flags: GraphFlags = field(default_factory=GraphFlags)


_BYTES = GraphFlags(input_mean=0.0, input_std=1.0)
_CASES = {
    "channels first": _Case(lambda: body(tf.transpose(channels_first(1) / 255.0, _CHANNELS_LAST)), _first),
    "channels first, open batch": _Case(
        lambda: body(tf.transpose(channels_first() / 255.0, _CHANNELS_LAST)), _first
    ),
    "channels first, its first op a transpose": _Case(
        lambda: body(tf.transpose(channels_first(), _CHANNELS_LAST) / 127.5 - 1.0), _first
    ),
    "channels first, ImageNet's means": _Case(_first_layer_channels_first, lambda rgb: _first(rgb) / 255),
    "channels first, padded before it is transposed": _Case(
        lambda: body(
            tf.transpose(tf.pad(channels_first(1) / 255.0, [[0, 0], [0, 0], [1, 1], [1, 1]]), _CHANNELS_LAST)
        ),
        _first,
    ),
    "channels last, transposed twice": _Case(
        lambda: body(tf.transpose(tf.transpose(colours() / 255.0, _CHANNELS_FIRST), _CHANNELS_LAST)), _bytes
    ),
    "identity, with flags": _Case(
        lambda: body(tf.identity(colours())), _shares, GraphFlags(input_mean=0.0, input_std=255.0)
    ),
    "cast": _Case(
        lambda: body(tf.cast(colours(dtype=tf.uint8), tf.float32) * 0.01),
        lambda rgb: _bytes(rgb).astype(np.uint8),
    ),
    "cast alone": _Case(
        lambda: body(tf.cast(colours(dtype=tf.int32), tf.float32)), lambda rgb: _bytes(rgb).astype(np.int32)
    ),
    "convert_image_dtype": _Case(
        lambda: body(tf.image.convert_image_dtype(colours(1, tf.uint8), tf.float32)),
        lambda rgb: _bytes(rgb).astype(np.uint8),
    ),
    "convert_image_dtype, with flags": _Case(
        lambda: body(tf.image.convert_image_dtype(colours(1, tf.uint8), tf.float32)),
        lambda rgb: _bytes(rgb).astype(np.uint8),
        _BYTES,
    ),
    "half precision": _Case(
        lambda: body(tf.cast(colours(dtype=tf.float16), tf.float32) / 255.0),
        lambda rgb: _bytes(rgb).astype(np.float16),
    ),
    "mean of bytes": _Case(lambda: body(colours() - _CAFFE[::-1]), _bytes),
    "mean of bytes, blue first": _Case(lambda: body(colours() - _CAFFE), lambda rgb: _bytes(rgb)[..., ::-1]),
    "mean of shares": _Case(lambda: body(colours() - 0.5), _shares),
    "sum": _Case(lambda: body(colours() + np.float32(-127.5)), _bytes),
    "division": _Case(lambda: body(colours() / 255.0), _bytes),
    "ImageNet's mean and std of shares": _Case(lambda: body((colours() - _MEAN) / _STD), _shares),
    "ImageNet's mean and std of bytes": _Case(lambda: body((colours() - 255 * _MEAN) / (255 * _STD)), _bytes),
    "shares made bytes": _Case(lambda: body(colours() * 255.0 - _CAFFE[::-1]), _shares),
    "turned round inside": _Case(lambda: body(colours()[..., ::-1] - _CAFFE), _bytes),
    "turned round inside, all dimensions written": _Case(
        lambda: body(colours()[:, :, :, ::-1] - _CAFFE), _bytes
    ),
    "turned round inside by reverse": _Case(lambda: body(tf.reverse(colours(), [-1]) - _CAFFE), _bytes),
    "turned round inside by gather": _Case(
        lambda: body(tf.gather(colours(), [2, 1, 0], axis=3) - _CAFFE), _bytes
    ),
    "turned round inside after its means": _Case(lambda: body((colours() - _CAFFE[::-1])[..., ::-1]), _bytes),
    "batch normalisation of the input, unfolded": _Case(
        lambda: body(_unfolded_batch_norm(colours())), lambda rgb: _bytes(rgb)[..., ::-1]
    ),
    "batch normalisation of the input": _Case(
        lambda: body(
            tf.compat.v1.nn.fused_batch_norm(
                colours(),
                np.ones(3, np.float32),
                np.zeros(3, np.float32),
                255 * _MEAN,
                (255 * _STD) ** 2,
                is_training=False,
            )[0]
        ),
        _bytes,
    ),
    "blue first, by flag": _Case(
        lambda: body(colours()),
        lambda rgb: (_bytes(rgb)[..., ::-1] - np.float32([10, 20, 30])) / np.float32([50, 60, 70]),
        GraphFlags(input_colour_order="BGR", input_mean=(10.0, 20.0, 30.0), input_std=(50.0, 60.0, 70.0)),
    ),
    "Caffe's means, by flag": _Case(
        lambda: body(colours()),
        lambda rgb: _bytes(rgb)[..., ::-1] - _CAFFE,
        GraphFlags(input_mean=(103.939, 116.779, 123.68), input_std=1.0),
    ),
    "flags before the graph's own arithmetic": _Case(
        lambda: body(colours() * 2.0 - 1.0), _shares, GraphFlags(input_mean=0.0, input_std=255.0)
    ),
    "grey": _Case(lambda: body(colours(channels=1) / 255.0), _grey),
    "grey, channels first": _Case(
        lambda: body(tf.transpose(channels_first(channels=1) / 127.5 - 1.0, _CHANNELS_LAST)),
        lambda rgb: _grey(rgb).transpose(0, 3, 1, 2),
    ),
    "grey, by flags": _Case(
        lambda: body(colours(channels=1)),
        lambda rgb: (_grey(rgb) - 33) / 78,
        GraphFlags(input_mean=33.0, input_std=78.0),
    ),
    "opacity": _Case(
        lambda: body(colours(channels=4) / 127.5 - 1.0), _opaque, GraphFlags(input_colour_order="RGBA")
    ),
    "opacity, blue first": _Case(
        lambda: body(colours(channels=4)),
        lambda rgb: _opaque(rgb[..., ::-1]) / 255,
        GraphFlags(input_colour_order="BGRA", input_mean=0.0, input_std=255.0),
    ),
    "a plane without channels, by its ExpandDims": _Case(
        lambda: body(tf.expand_dims(placeholder(None, SIZE_PX, SIZE_PX), -1, name="grey") / 255.0),
        lambda rgb: _grey(rgb)[..., 0],
        GraphFlags(input_layer="grey", input_height=SIZE_PX, input_width=SIZE_PX),
    ),
    "one picture without a batch": _Case(
        lambda: body(tf.expand_dims(placeholder(SIZE_PX, SIZE_PX, 3) / 255.0, 0)), lambda rgb: rgb
    ),
    "one picture without a batch, which something else than its scaling adds": _Case(
        lambda: body(tf.abs(placeholder(SIZE_PX, SIZE_PX, 3) / 255.0)[tf.newaxis]), lambda rgb: rgb
    ),
    "one picture without a batch, channels first": _Case(
        lambda: body(tf.transpose(placeholder(3, SIZE_PX, SIZE_PX)[tf.newaxis] / 127.5, _CHANNELS_LAST)),
        lambda rgb: _first(rgb)[0],
        _BYTES,
    ),
    "signed bytes": _Case(
        lambda: body((tf.cast(colours(dtype=tf.int8), tf.float32) + 128.0) / 255.0),
        lambda rgb: (_bytes(rgb) - 128).astype(np.int8),
    ),
    "white made black": _Case(lambda: body(colours() * (-1 / 255) + 1.0), _bytes),
    "an input that need not be fed": _Case(
        lambda: body(
            tf.compat.v1.placeholder_with_default(
                np.zeros((1, SIZE_PX, SIZE_PX, 3), np.float32), (None, SIZE_PX, SIZE_PX, 3), "input"
            )
            / 255.0
        ),
        _bytes,
    ),
    "eight pictures at a time": _Case(
        lambda: body(colours(8) / 255.0), lambda rgb: np.repeat(_bytes(rgb), 8, 0)
    ),
}


@pytest.mark.parametrize("name", _CASES)
def test_the_node_says_what_tensorflow_says_of_the_original_graph(tmp_path, name):
    """Every way of a graph to take its picture gives TensorFlow's probabilities in the node."""
    case = _CASES[name]
    path = written(tmp_path, case.build)
    pixels = draw_picture()
    wanted = source_answer(case.build, case.feed(pixels[..., ::-1].astype(np.float32)))
    assert node_answer(path, pixels, case.flags) == pytest.approx(wanted, abs=0.002)


_REFUSED = {
    "identity alone": (
        lambda: body(tf.identity(colours())),
        GraphFlags(),
        "give --input-mean and --input-std",
    ),
    "nothing at all": (lambda: body(colours()), GraphFlags(), "give --input-mean and --input-std"),
    "numbers from -1 to 1 made shares": (
        lambda: body(colours() * 0.5 + 0.5),
        GraphFlags(),
        "give --input-mean and --input-std",
    ),
    "four channels": (lambda: body(colours(channels=4) / 255.0), GraphFlags(), "--input-colour-order RGBA"),
    "many channels": (lambda: body(colours(channels=12) / 255.0), GraphFlags(), "12 channels"),
    "three pixels high": (
        lambda: body(placeholder(1, 3, SIZE_PX, 3) / 255.0),
        GraphFlags(),
        f"a picture of 3 x {SIZE_PX} px",
    ),
    "either end could be the channels": (
        lambda: body(tf.reshape(placeholder(1, 3, SIZE_PX, 1) / 255.0, (1, 6, SIZE_PX // 2, 1))),
        GraphFlags(),
        "no dimension alone can be the channels",
    ),
    "a row of numbers": (
        lambda: body(tf.reshape(placeholder(1, 48), (1, 4, 4, 3))),
        GraphFlags(),
        "of shape (1, 48), wanted a picture",
    ),
    "a plane": (
        lambda: body(tf.expand_dims(placeholder(None, SIZE_PX, SIZE_PX), -1) / 255.0),
        GraphFlags(),
        (
            f"of shape (?, {SIZE_PX}, {SIZE_PX}), height and width without channels; name the node behind it"
            f" that adds them, such as an ExpandDims or Reshape: --input-layer NODE --input-height {SIZE_PX}"
            f" --input-width {SIZE_PX}"
        ),
    ),
    "a plane without a batch": (
        lambda: body(tf.reshape(placeholder(SIZE_PX, SIZE_PX) / 255.0, (1, SIZE_PX, SIZE_PX, 1))),
        GraphFlags(),
        f"of shape ({SIZE_PX}, {SIZE_PX}), height and width without channels",
    ),
    "text": (
        lambda: body(tf.reshape(tf.io.decode_raw(placeholder(1, dtype=tf.string), tf.float32), (1, 4, 4, 3))),
        GraphFlags(),
        "encoded pictures; name the node of their pixels with --input-layer",
    ),
    "scaled pixels for whole numbers": (
        lambda: body(tf.cast(colours(dtype=tf.uint8), tf.float32)),
        GraphFlags(input_mean=127.5, input_std=127.5),
        "whole numbers (uint8)",
    ),
    "an order of three for one channel": (
        lambda: body(colours(channels=1) / 255.0),
        GraphFlags(input_colour_order="BGR"),
        "has 1 channel, but --input-colour-order says BGR",
    ),
    "three means for one channel": (
        lambda: body(colours(channels=1)),
        GraphFlags(input_mean=(1.0, 2.0, 3.0), input_std=1.0),
        "has 1 channel, but its means are 3",
    ),
    "whole numbers of which bytes are the darkest": (
        lambda: body(tf.image.convert_image_dtype(colours(dtype=tf.uint16), tf.float32)),
        GraphFlags(),
        "takes uint16, of which bytes are but the darkest",
    ),
    "a batch normalisation that may have learned on -1 to 1": (
        lambda: body((colours() - np.float32([0.01, 0.02, 0.03])) / np.float32(0.55)),
        GraphFlags(),
        "give --input-mean and --input-std",
    ),
    "truth values": (
        lambda: body(tf.cast(colours(dtype=tf.bool), tf.float32)),
        GraphFlags(),
        "and bool, wanted the numbers of a picture",
    ),
    "pictures that lie on their side": (
        lambda: body(tf.transpose(placeholder(1, 32, SIZE_PX, 3) / 255.0, [0, 2, 1, 3], name="turn")),
        GraphFlags(),
        "'turn' exchanges height and width",
    ),
    "another size than its own": (
        lambda: body(colours() / 255.0),
        GraphFlags(input_height=48),
        f"is {SIZE_PX} px in height, but --input-height says 48",
    ),
    "a mean without a divisor": (
        lambda: body(colours()),
        GraphFlags(input_mean=1.0),
        "--input-mean and --input-std go together",
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_nothing_tells_is_asked_for_in_one_sentence(tmp_path, name):
    """No scaling, order or layout is made up: the sentence names the input and the flag."""
    build, flags, words = _REFUSED[name]
    assert words in refusal(written(tmp_path, build), flags)


def test_a_size_that_a_rewritten_graph_lost_is_asked_for(tmp_path):
    """Tools that optimize graphs drop the placeholder's shape; with the flags it is read as before."""
    path = written(tmp_path, lambda: body(colours() / 255.0))
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    del next(node for node in definition.node if node.op == "Placeholder").attr["shape"]
    path.write_bytes(definition.SerializeToString())
    assert "give --input-height and --input-width" in refusal(path)
    found = load_graph(path, GraphFlags(input_height=SIZE_PX, input_width=SIZE_PX)).preprocessing
    assert (found.height, found.width, found.std) == (SIZE_PX, SIZE_PX, (255.0,) * 3)


def _mobilenet(scale: Callable[[Any], Any]) -> Any:
    """Build a body under MobileNet's name, its pixels scaled inside or not."""
    with tf.name_scope("MobilenetV1"):
        x = tf.identity(scale(colours()), name="pixels")
    return body(x)


def test_a_known_architecture_says_its_scaling_where_the_graph_does_none(tmp_path):
    """Arithmetic that cannot be read may be that scaling: then it is asked for, not done twice."""
    bare = load_graph(written(tmp_path / "bare", lambda: _mobilenet(lambda x: x)))
    assert bare.preprocessing.mean == bare.preprocessing.std == (127.5,) * 3
    assert "MobileNet v1" in bare.input_contract.sources["scaling"]
    resized = written(
        tmp_path / "resized",
        lambda: _mobilenet(lambda x: tf.compat.v1.image.resize_bilinear(x, (16, 16)) / 127.5 - 1.0),
    )
    assert "give --input-mean and --input-std" in refusal(resized)


def test_each_fact_says_where_it_comes_from(tmp_path):
    """Layout and scaling come from the graph, the order from Caffe's means; a flag comes before both."""
    path = written(
        tmp_path, lambda: body(tf.transpose(channels_first(1) - _CAFFE.reshape(3, 1, 1), _CHANNELS_LAST))
    )
    contract = load_graph(path).input_contract
    assert (contract.layout, contract.channels, contract.dtype) == ("NCHW", 3, "float32")
    assert (contract.height, contract.width) == (SIZE_PX, SIZE_PX)
    assert (contract.colour_order, contract.mean) == ("BGR", pytest.approx(_CAFFE))
    assert contract.sources["scaling"] == "the graph's own ops"
    assert "Caffe" in contract.sources["colour_order"]
    assert not contract.not_known
    assert load_graph(path, GraphFlags(input_colour_order="RGB")).preprocessing.colour_order == "RGB"


def test_an_order_that_nothing_tells_is_named_as_not_known(tmp_path):
    """Red first is taken as ever, but said to be taken, with the flag that says otherwise."""
    (told,) = load_graph(written(tmp_path, lambda: body(colours() / 255.0))).input_contract.not_known
    assert "--input-colour-order BGR" in told


def test_a_keras_file_is_resized_as_keras_resizes(tmp_path):
    """The kind of file tells the resize rule, also where no op of TensorFlow 2 is in the graph."""
    path = tmp_path / "model.keras"
    tf.keras.Sequential(
        [tf.keras.Input((16, 16, 3)), tf.keras.layers.GlobalAveragePooling2D(), tf.keras.layers.Dense(2)]
    ).save(path)
    graph = load_graph(path, GraphFlags(input_mean=0.0, input_std=255.0))
    assert graph.preprocessing.resize is Resize.BILINEAR
