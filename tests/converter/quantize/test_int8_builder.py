"""Which layers are kept in float together: one that reads another, also where branches part and meet."""

from __future__ import annotations

import numpy as np
import pytest

from converter.quantize.int8_builder import calibrate_model, list_layers, pair_layers, quantize_int8
from converter.quantize.request import Mode, Target, make_request, write_request
from converter.tensorflow_import import tensorflow
from converter.tflite.tflite_file import list_weighted_operators, parse_model


def converted(network) -> bytes:
    """Return the float model of what ``network`` makes of a picture."""
    tf = tensorflow()
    picture = tf.keras.Input((16, 16, 3), batch_size=1)
    model = tf.keras.Model(picture, network(picture))
    function = tf.function(model).get_concrete_function(tf.TensorSpec((1, 16, 16, 3)))
    return tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert()


def conv(name: str, activation: str = "swish"):
    """Return a convolution; behind a swish come two operators without weights."""
    return tensorflow().keras.layers.Conv2D(4, 3, padding="same", activation=activation, name=name)


def chain(picture):
    """Three layers, one after the other."""
    return conv("c")(conv("b")(conv("a")(picture)))


def branches(picture):
    """Two layers read one; what they say is put together and read by a fourth."""
    first = conv("a")(picture)
    both = tensorflow().keras.layers.Concatenate()([conv("b")(first), conv("c")(first)])
    return conv("d")(both)


def shortcut(picture):
    """A layer reads the sum of two that lie one behind the other."""
    first = conv("a")(picture)
    return conv("c")(tensorflow().keras.layers.Add()([first, conv("b")(first)]))


def beside(picture):
    """One layer reads another; a third lies beside them, from the picture to the sum."""
    return tensorflow().keras.layers.Add()([conv("b")(conv("a")(picture)), conv("c")(picture)])


def alone(picture):
    """There is but one."""
    return conv("a", "relu6")(picture)


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (chain, ["ab", "bc"]),
        (branches, ["ab", "ac", "cd"]),
        (shortcut, ["ab", "bc"]),
        (beside, ["ab", "c"]),
        (alone, ["a"]),
    ],
)
def test_a_layer_is_paired_with_the_one_that_it_reads(network, wanted):
    """Of several the last; siblings, which stand side by side in the file, are no pair."""
    model = converted(network)
    letters = dict(zip((layer[0] for layer in list_layers(model)), "abcd", strict=False))
    assert ["".join(letters[name] for name in pair) for pair in pair_layers(model)] == wanted


def test_a_layer_in_float_keeps_its_weights(fused, pictures, tmp_path):
    """It makes no error, so its weights and bias are the exact ones; the others' are rounded."""
    request = make_request(fused, Mode.INT8, Target.LITERT)
    write_request(tmp_path, fused, request, pictures)
    source = calibrate_model(tmp_path, request)
    layer = list_layers(source.model)[1]
    assert layer == ("MobilenetV1/b1/Relu6",)
    exact, found = (
        [constants(tree, operator) for operator, _ in list_weighted_operators(tree)]
        for tree in map(parse_model, (source.exact, quantize_int8(source, request, layer)))
    )
    for at, (wanted, values) in enumerate(zip(exact, found, strict=True)):
        assert (wanted == values) == (at == 1)


def constants(tree, operator) -> list[bytes]:
    """Return weights and bias of an operator in a parsed model."""
    tensors = [tree.subgraphs[0].tensors[at] for at in operator.inputs[1:3]]
    return [bytes(np.asarray(tree.buffers[tensor.buffer].data, np.uint8)) for tensor in tensors]
