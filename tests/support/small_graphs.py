"""Small graphs of every kind that the converter reads, with seeded weights: seconds instead of minutes.

They have the nodes, names and ages of the real ones, and a few layers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZE_PX = 32


def poets_mobilenet(
    *, head: int = 0, backbone: int = 0, labels: int = 2, prefix: str = "", fake_quant: bool = False
) -> Any:
    """Return a GraphDef as TensorFlow for Poets wrote it over MobileNet v1: three convolutions deep.

    Args:
        head: seed of the last layer.
        backbone: seed of all others.
        labels: outputs.
        prefix: of the backbone's names.
        fake_quant: as the ``_quantized`` graphs had it.
    """
    import tensorflow as tf

    rng = np.random.default_rng(backbone)
    graph = tf.Graph()
    with graph.as_default():
        pictures = tf.compat.v1.placeholder(tf.float32, (1, SIZE_PX, SIZE_PX, 3), name="input")
        scope = f"{prefix}MobilenetV1"

        def weights(name: str, *shape: int) -> Any:
            constant = tf.constant(rng.normal(0, 0.5, shape).astype(np.float32), name=name)
            if fake_quant:
                return tf.quantization.fake_quant_with_min_max_vars(constant, -1.5, 1.5, name=f"{name}/quant")
            return tf.identity(constant, name=f"{name}/read")

        def layer(tensor: Any, name: str, channels: int) -> Any:
            scale = tf.constant(rng.uniform(0.5, 1.5, channels).astype(np.float32), name=f"{name}/gamma")
            shift = tf.constant(rng.normal(0, 0.5, channels).astype(np.float32), name=f"{name}/beta")
            active = tf.nn.relu6(tensor * scale + shift, name=f"{name}/Relu6")
            if fake_quant:
                active = tf.quantization.fake_quant_with_min_max_vars(
                    active, 0.0, 6.0, name=f"{name}/act_quant"
                )
            return active

        x = tf.nn.conv2d(pictures, weights(f"{scope}/c0/w", 3, 3, 3, 8), 2, "SAME", name=f"{scope}/c0")
        x = layer(x, f"{scope}/b0", 8)
        depthwise = weights(f"{scope}/c1/w", 3, 3, 8, 1)
        x = tf.nn.depthwise_conv2d(x, depthwise, [1, 1, 1, 1], "SAME", name=f"{scope}/c1")
        x = layer(x, f"{scope}/b1", 8)
        x = tf.nn.conv2d(x, weights(f"{scope}/c2/w", 1, 1, 8, 24), 2, "SAME", name=f"{scope}/c2")
        x = layer(x, f"{scope}/b2", 24)
        x = tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID", name=f"{scope}/AvgPool")
        x = tf.nn.conv2d(x, weights(f"{scope}/logits/w", 1, 1, 24, 40), 1, "SAME", name=f"{scope}/Logits")
        x = tf.nn.bias_add(x, tf.constant(rng.normal(0, 0.1, 40).astype(np.float32)))
        x = tf.reshape(tf.squeeze(x, [1, 2]), [-1, 40], name=f"{scope}/Predictions/Reshape")
        _final_layer(tf.compat.v1.placeholder_with_default(x, (None, 40)), head, labels)
    return graph.as_graph_def()


def inception_2015(producer: int, *, head: int = 0, labels: int = 2) -> Any:
    """Return a GraphDef with the nodes of the Inception graph of 2015, cut off after its first layers.

    ``BatchNormWithGlobalNormalization`` is removed from today's TensorFlow, so it is written node by node.
    """
    import tensorflow as tf

    rng = np.random.default_rng(3)
    graph = tf.Graph()
    with graph.as_default():
        content = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        decoded = tf.io.decode_jpeg(content, channels=3, name="DecodeJpeg")
        batch = tf.expand_dims(tf.cast(decoded, tf.float32, name="Cast"), 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(batch, [299, 299], name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 1 / 128, name="Mul")
        kernel = tf.constant(rng.normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32), name="conv/conv2d_params")
        checked = tf.debugging.check_numerics(kernel, "bad kernel", name="conv/CheckNumerics")
        x = tf.nn.conv2d(scaled, checked, 8, "VALID", name="conv/Conv2D")
        names = ("moving_mean", "moving_variance", "beta", "gamma")
        for name in names:
            values = rng.uniform(0.5, 1.5, 8).astype(np.float32)
            tf.constant(values, name=f"conv/batchnorm/{name}")
        x = tf.nn.relu(tf.identity(x, name="conv/batchnorm"), name="conv")
        side = int(x.shape[1])
        pooled = tf.nn.avg_pool2d(x, side, 1, "VALID", name="pool_3")
        flat = tf.reshape(pooled, [1, 8], name="pool_3/_reshape")
        named = tf.compat.v1.placeholder_with_default(
            flat, (None, 8), name="input/BottleneckInputPlaceholder"
        )
        _final_layer(named, head, labels)
    definition = graph.as_graph_def()
    for node in definition.node:
        if node.name == "conv/batchnorm":
            node.op = "BatchNormWithGlobalNormalization"
            node.input.extend(f"conv/batchnorm/{name}" for name in names)
            node.attr["variance_epsilon"].f = 0.001
            node.attr["scale_after_normalization"].b = True
    definition.versions.producer = producer
    return definition


def uneven_branches(*, labels: int = 2) -> Any:
    """Return a GraphDef whose features lie side by side as Inception's do, and three powers of ten apart.

    Its head was fitted to features of one size, so that the weights of the smallest are a thousandfold.
    """
    import tensorflow as tf

    rng = np.random.default_rng(7)
    graph = tf.Graph()
    with graph.as_default():
        pictures = tf.compat.v1.placeholder(tf.float32, (1, SIZE_PX, SIZE_PX, 3), name="input")

        def branch(tensor: Any, name: str, channels: int, sizes: Any = 1.0) -> Any:
            shape = (3, 3, int(tensor.shape[-1]), channels)
            kernel = tf.constant((rng.normal(0, 0.3, shape) * sizes).astype(np.float32))
            return tf.nn.relu(tf.nn.conv2d(tensor, kernel, 2, "SAME", name=f"{name}/conv"), name=name)

        x = branch(pictures, "stem", 8)
        sizes = np.ones(576)  # with fewer than 1024 weights the converter would leave a dynamic head in float
        sizes[:8] = 1e-3
        left = tf.concat([branch(x, "left", 384, sizes[:384]), branch(x, "middle", 64)], 3, name="inner")
        right = tf.nn.max_pool2d(branch(x, "right", 128), 3, 1, "SAME", name="pool")
        features = tf.concat([left, right], 3, name="features")
        biases = tf.constant(np.zeros(labels, np.float32))
        weights = rng.normal(0, 0.1, (len(sizes), labels)) / sizes[:, np.newaxis]
        logits = tf.matmul(tf.reduce_mean(features, (1, 2)), tf.constant(weights.astype(np.float32)))
        tf.nn.softmax(tf.nn.bias_add(logits, biases), name="final_result")
    return graph.as_graph_def()


def keras_classifier(*, rescaling: bool = True, labels: int = 2) -> Any:
    """Return a Keras model whose pixels are scaled inside, with a pooled and a dense layer."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(5)
    layers = [tf.keras.Input((SIZE_PX, SIZE_PX, 3))]
    if rescaling:
        layers.append(tf.keras.layers.Rescaling(1 / 127.5, offset=-1.0))
    layers += [
        tf.keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        tf.keras.layers.DepthwiseConv2D(3, padding="same"),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Activation("swish"),
        tf.keras.layers.GlobalAveragePooling2D(),
        tf.keras.layers.Dense(labels, activation="softmax"),
    ]
    return tf.keras.Sequential(layers, name="plates")


def write_graph(folder: Path, definition: Any, labels: tuple[str, ...] = ("corroded", "uncorroded")) -> Path:
    """Write a graph and its labels as retraining does; return the graph's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "retrained_labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    path = folder / "retrained_graph.pb"
    path.write_bytes(definition.SerializeToString())
    return path


def _final_layer(bottleneck: Any, seed: int, labels: int) -> None:
    import tensorflow as tf

    rng = np.random.default_rng(1000 + seed)
    size = int(bottleneck.shape[1])
    kernel = tf.constant(
        rng.normal(0, 1.0, (size, labels)).astype(np.float32), name="final_training_ops/weights"
    )
    biases = tf.constant(rng.normal(0, 0.1, labels).astype(np.float32), name="final_training_ops/biases")
    product = tf.matmul(bottleneck, kernel, name="final_training_ops/Wx_plus_b/MatMul")
    logits = tf.add(product, biases, name="final_training_ops/Wx_plus_b/add")
    tf.nn.softmax(logits, name="final_result")
