"""Idle channels become copies of others, half a step of 8 bits apart: the same function, less rounding."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.quantize.duplicate_channels import assign_copies, duplicate_channels
from converter.quantize.tflite_converter import StepContext
from tests.converter.graphs.test_trained_graph import outputs

IDLE = (1, 3, 5)
RECTIFIER = "first/Relu6"


def block(size_px: int = 128, *, then: bool = False):
    """Return a convolution, a depthwise and a pointwise one: three of six channels say nothing.

    Args:
        size_px: of the picture.
        then: the same once more, on the first's output.
    """
    random = np.random.default_rng(0)
    first = random.normal(0, 0.2, (3, 3, 3, 6)).astype(np.float32)
    first[..., IDLE] = 0
    offset = np.full(6, 3.0, np.float32)
    offset[list(IDLE)] = (-1.0, -0.5, -2.0)
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, (1, size_px, size_px, 3), name="input")
        x = tf.nn.conv2d(pictures, tf.constant(first), 2, "SAME", name="first/conv")
        x = tf.add(x * tf.constant(random.uniform(0.9, 1.1, 6), tf.float32), tf.constant(offset))
        x = tf.nn.relu6(x, name=RECTIFIER)
        kernel = random.normal(0, 0.1, (3, 3, 6, 1)).astype(np.float32)
        x = tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], "SAME", name="second/conv")
        x = tf.nn.relu6(tf.nn.bias_add(x, tf.constant(np.full(6, 2.0, np.float32))), name="second/Relu6")
        x = _pointwise(x, random, "third", 4, offset=3.0)
        if then:
            x = tf.nn.depthwise_conv2d(x, tf.constant(kernel[:, :, :4]), [1, 1, 1, 1], "SAME", name="fourth")
            x = tf.nn.relu6(x + 2.0, name="fourth/Relu6")
            x = _pointwise(x, random, "fifth", 4, offset=3.0)
        head = random.normal(0, 1.0, (1, 1, 4, 2)).astype(np.float32)
        tf.nn.conv2d(x, tf.constant(head), 1, "SAME", name="map")
    return graph.as_graph_def()


def _pointwise(x, random, name: str, channels: int, offset: float):
    """Return a 1x1 convolution and its rectifier; the last channel of its output says nothing."""
    kernel = random.normal(0, 0.1, (1, 1, x.shape[-1], channels)).astype(np.float32)
    offsets = np.full(channels, offset, np.float32)
    kernel[..., -1], offsets[-1] = 0, -1.0
    x = tf.nn.conv2d(x, tf.constant(kernel), 1, "SAME", name=f"{name}/conv")
    return tf.nn.relu6(tf.nn.bias_add(x, tf.constant(offsets)), name=f"{name}/Relu6")


def smooth(count: int, size_px: int = 128) -> list[np.ndarray]:
    """Return pictures of one slow gradient each: their roundings go one way together."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[0:size_px, 0:size_px] / size_px
    slopes = random.uniform(-0.4, 0.4, (count, 3, 3)) * [[0.05], [0.05], [1]]
    return [
        np.float32(slope[0] * rows[..., None] + slope[1] * columns[..., None] + slope[2])[None]
        for slope in slopes
    ]


def eight_bits(definition, largest: float):
    """Return a copy whose first rectifier rounds to a 255th of its largest value."""
    copy = tf.compat.v1.GraphDef()
    copy.CopyFrom(definition)
    for node in copy.node:
        for at, name in enumerate(node.input):
            if name == RECTIFIER:
                node.input[at] = "rounded"
    node = copy.node.add()
    node.name, node.op = "rounded", "FakeQuantWithMinMaxArgs"
    node.input.append(RECTIFIER)
    node.attr["min"].f, node.attr["max"].f = 0.0, largest
    return copy


def maps(definition, pictures) -> np.ndarray:
    """Return the maps of pictures, ``(pictures, rows, columns, labels)``."""
    return np.concatenate([outputs(definition, {"input:0": tensor}, "map")[0] for tensor in pictures])


@pytest.fixture(scope="module")
def doubled():
    """The block and the same with copies, as calibration pictures ask for them."""
    plain = block()
    return plain, duplicate_channels(plain, StepContext("input", ("map",), smooth(12)))


def test_a_graph_with_copies_computes_the_same(doubled):
    """But for the frame of its map, where what is read beyond the border is zero, shifted or not."""
    plain, changed = doubled
    pictures = smooth(3)
    here, there = maps(plain, pictures), maps(changed, pictures)
    np.testing.assert_allclose(there[:, 1:-1, 1:-1], here[:, 1:-1, 1:-1], atol=1e-3)
    np.testing.assert_allclose(there.mean(axis=(1, 2)), here.mean(axis=(1, 2)), atol=0.02)
    values = outputs(changed, {"input:0": pictures[0]}, RECTIFIER)[0]
    assert (values[..., IDLE] > 0).all()


def test_rounding_to_eight_bits_costs_the_logits_less(doubled):
    """On pictures that were not asked, inside of the frame."""
    pictures = smooth(40)[12:]
    wanted = maps(doubled[0], pictures)
    largest = max(outputs(doubled[0], {"input:0": tensor}, RECTIFIER)[0].max() for tensor in smooth(12))
    errors = [(maps(eight_bits(graph, largest), pictures) - wanted)[:, 1:-1, 1:-1] for graph in doubled]
    before, after = (error.mean(axis=(1, 2)) @ (1.0, -1.0) for error in errors)
    # The median: what lies beyond the range is cut off before and after.
    assert np.median(np.abs(after)) < 0.7 * np.median(np.abs(before))


def test_blocks_that_share_a_convolution_both_keep_their_copies():
    """The last convolution of one is the first of the next; no change undoes another."""
    plain = block(256, then=True)
    changed = duplicate_channels(plain, StepContext("input", ("map",), smooth(6, 256)))
    names = {node.name for node in changed.node}
    assert {f"{RECTIFIER}/shifted", "third/Relu6/shifted"} <= names
    pictures = smooth(2, 256)
    here, there = maps(plain, pictures), maps(changed, pictures)
    np.testing.assert_allclose(there[:, 2:-2, 2:-2], here[:, 2:-2, 2:-2], atol=1e-3)


def test_small_maps_are_left_alone():
    """There the frame is a large part, and its error would outweigh the gain."""
    plain = block(64)
    changed = duplicate_channels(plain, StepContext("input", ("map",), smooth(4, 64)))
    assert changed.SerializeToString(deterministic=True) == plain.SerializeToString(deterministic=True)


def test_the_costliest_channels_get_the_idle_places():
    """A second copy of one that costs much comes before a first of one that costs little."""
    low = np.array([1.0, -3.0, 1.0, -3.0, 1.0, -3.0])
    high = np.array([4.0, -2.0, 4.0, -2.0, 4.0, -2.0])
    assert assign_copies(low, high, np.array([9.0, 0, 100.0, 0, 1.0, 0])) == {2: [1, 3], 0: [5]}


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ([0.0, -3.0], [4.0, -2.0]),  # the rectifier cuts it off
        ([1.0, -3.0], [5.99, -2.0]),  # no room above
        ([1.0, -3.0], [4.0, -0.5]),  # asleep on these pictures only
    ],
)
def test_what_cannot_be_shifted_or_may_wake_is_left_alone(low, high):
    """No copies."""
    assert assign_copies(np.array(low), np.array(high), np.array([1.0, 0.0])) == {}
