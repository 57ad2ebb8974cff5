"""Bundles made of the default one: with other inputs and stages, and models of other kinds in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from converter.tflite.tflite_edit import ModelEditor
from converter.tflite.tflite_file import encode_model, parse_model
from edge_node.inference.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, with_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def default_bundle() -> Bundle:
    """Return the bundle that comes with the node: uint8, red first, five maps on one backbone."""
    return load_bundle(DEFAULT_BUNDLE)


def with_input(bundle: Bundle, **changes: Any) -> Bundle:
    """Return the bundle with another description of its one model's input."""
    (model,) = bundle.manifest.models
    models = (msgspec.structs.replace(model, input=msgspec.structs.replace(model.input, **changes)),)
    return with_manifest(bundle, msgspec.structs.replace(bundle.manifest, models=models))


def with_output(bundle: Bundle, name: str, **changes: Any) -> Bundle:
    """Return the bundle with another description of one output."""
    (model,) = bundle.manifest.models
    outputs = tuple(
        msgspec.structs.replace(output, **changes) if output.name == name else output
        for output in model.outputs
    )
    models = (msgspec.structs.replace(model, outputs=outputs),)
    return with_manifest(bundle, msgspec.structs.replace(bundle.manifest, models=models))


def with_root(bundle: Bundle, **changes: Any) -> Bundle:
    """Return the bundle with its first stage alone, changed."""
    stage = bundle.manifest.cascade.stage(bundle.manifest.cascade.root)
    alone = msgspec.structs.replace(stage, routes={}, otherwise=None, meanings={}, **changes)
    cascade = msgspec.structs.replace(bundle.manifest.cascade, root=alone.name, stages=(alone,))
    return with_manifest(bundle, msgspec.structs.replace(bundle.manifest, cascade=cascade))


def with_int8_input(bundle: Bundle) -> Bundle:
    """Return the bundle without its first operator, which makes int8 of bytes."""
    tree = parse_model(bundle.models["model.tflite"])
    graph = tree.subgraphs[0]
    ModelEditor(tree).keep([int(graph.operators[0].outputs[0])], [int(at) for at in graph.outputs])
    return _with_model(with_input(bundle, dtype="int8", zero_point=-1), encode_model(tree))


def with_float_input(bundle: Bundle) -> Bundle:
    """Return the bundle with an operator in front that makes its bytes of real numbers."""
    tree = parse_model(bundle.models["model.tflite"])
    editor, graph = ModelEditor(tree), tree.subgraphs[0]
    real = editor.add_tensor("real_input", (1, 240, 240, 3), "float32")
    editor.prepend([("QUANTIZE", [real], editor.input, {})])
    editor.keep([real], [int(at) for at in graph.outputs])
    return _with_model(with_input(bundle, dtype="float32", scale=0.0, zero_point=0), encode_model(tree))


def pictures() -> list[NDArray[np.uint8]]:
    """Return pictures of the default bundle's size with coarse and fine structure, blue, green, red."""
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        coarse = rng.uniform(0, 255, (8, 8, 3)) * rng.uniform(0.2, 1, 3)
        noisy = np.kron(coarse, np.ones((30, 30, 1))) + rng.normal(0, 20, (240, 240, 3))
        found.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return found


def _with_model(bundle: Bundle, content: bytes) -> Bundle:
    return Bundle(
        bundle.path, bundle.manifest, bundle.manifest_sha256, bundle.golden, {"model.tflite": content}
    )
