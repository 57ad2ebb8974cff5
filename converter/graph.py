"""A trained graph made ready to convert: its input, preprocessing, logits and head are known.

Recognised are the graphs of TensorFlow for Poets (Inception v3 and MobileNet v1); everything else is told by
hand, with the flags that ``label_image`` had.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converter.graph_file import GraphFile, read_graph
from converter.graph_index import GraphIndex, Ref, parse_ref, static_shapes
from converter.head import AffineHead, NotAffineError, affine_head
from converter.old_ops import modernised
from edge_node.errors import GraphError
from edge_node.manifest import Resize

if TYPE_CHECKING:
    from pathlib import Path

_INCEPTION_SIZE_PX = 299
_POETS_OUTPUT = "final_result"


@dataclass(frozen=True, slots=True)
class GraphFlags:
    """What the user says about a graph by hand; None leaves it to be recognised."""

    input_layer: str | None = None
    output_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the graph's input: size in pixels, ``(pixel - mean) / std``, red first."""

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: Resize = Resize.BILINEAR_TF1


@dataclass(frozen=True, slots=True)
class TrainedGraph:
    """One classifier, cut to what lies between its input and its logits.

    Attributes:
        file: where it comes from.
        architecture: what it was recognised as, in words.
        index: its nodes; the input is a float32 placeholder ``(1, height, width, 3)``.
        input: the placeholder's name.
        preprocessing: what leads to the input.
        output: the tensor that users know it by.
        logits: the last tensor before the softmax, or the output where there is none.
        classes: how many values the output has.
        head: the affine head, or None with the reason in ``no_head``.
    """

    file: GraphFile
    architecture: str
    index: GraphIndex = field(repr=False)
    input: str
    preprocessing: Preprocessing
    output: str
    logits: Ref
    classes: int
    head: AffineHead | None = field(repr=False)
    no_head: str = ""


def load_graph(path: Path, flags: GraphFlags | None = None) -> TrainedGraph:
    """Read a trained graph and find what conversion needs to know of it.

    Raises:
        GraphError: the file is no such graph, or something in it could not be found; the text names the flag
            that would say it.
    """
    flags = flags or GraphFlags()
    file = read_graph(path)
    raw = GraphIndex(file.graph_def)
    output = _output(path, raw, flags)
    name, architecture = _input(path, raw, output, flags)
    preprocessing = _preprocessing(path, raw, name, architecture, flags)
    graph_def = modernised(
        file.graph_def, name, output.node, (1, preprocessing.height, preprocessing.width, 3)
    )
    index = GraphIndex(graph_def)
    shapes = _shapes(path, graph_def)
    classes = _classes(path, output, shapes)
    logits = _logits(index, output)
    head, no_head = None, ""
    try:
        head = affine_head(index, shapes, logits)
    except NotAffineError as err:
        no_head = str(err)
    return TrainedGraph(
        file, architecture, index, name, preprocessing, output.node, logits, classes, head, no_head
    )


def _output(path: Path, graph: GraphIndex, flags: GraphFlags) -> Ref:
    if flags.output_layer:
        ref = parse_ref(flags.output_layer)
        if ref.node not in graph:
            raise GraphError(
                f"{path}: no node {ref.node!r} (--output-layer); it ends in {_some(graph.sinks())}"
            )
        return ref
    if _POETS_OUTPUT in graph:
        return Ref(_POETS_OUTPUT)
    sinks = graph.sinks()
    softmaxes = [name for name in sinks if graph.op(name) == "Softmax"]
    if len(sinks) == 1 or len(softmaxes) == 1:
        return Ref((softmaxes or sinks)[0])
    raise GraphError(
        f"{path}: {len(sinks)} outputs ({_some(sinks)}), wanted one classifier; name it with --output-layer"
    )


def _input(path: Path, graph: GraphIndex, output: Ref, flags: GraphFlags) -> tuple[str, str]:
    """Return the input node and what the graph was recognised as."""
    needed = graph.upstream([output])
    if flags.input_layer:
        name = parse_ref(flags.input_layer).node
        if name not in graph:
            raise GraphError(
                f"{path}: no node {name!r} (--input-layer); inputs are {_some(_placeholders(graph))}"
            )
        if name not in needed:
            raise GraphError(f"{path}: {output.node!r} does not depend on {name!r} (--input-layer)")
        return name, _architecture(graph)
    if "Mul" in needed and "DecodeJpeg" in {graph.op(node) for node in graph.upstream([Ref("Mul")])}:
        return "Mul", "Inception v3 of 2015"
    placeholders = [name for name in needed if graph.op(name) == "Placeholder"]
    if len(placeholders) == 1:
        return placeholders[0], _architecture(graph)
    if not placeholders and (cut_off := sorted(set(graph.missing()))):
        raise GraphError(f"{path}: cut off: node {cut_off[0]!r} is read but not there; export it again")
    found = f"{len(placeholders)} inputs ({_some(placeholders)})" if placeholders else "no input"
    raise GraphError(f"{path}: {found}, wanted one picture; name it with --input-layer")


def _architecture(graph: GraphIndex) -> str:
    scopes = {match[0] for name in graph.nodes if (match := re.search(r"MobilenetV\d", name))}
    if scopes:
        return f"MobileNet v{min(scopes)[-1]}"
    return "unknown architecture"


def _preprocessing(
    path: Path, graph: GraphIndex, name: str, architecture: str, flags: GraphFlags
) -> Preprocessing:
    height, width = _declared_size(graph, name)
    if architecture == "Inception v3 of 2015":
        height = width = _INCEPTION_SIZE_PX
    height, width = flags.input_height or height, flags.input_width or width
    if not height or not width:
        raise GraphError(f"{path}: input {name!r} has no fixed size; give --input-height and --input-width")
    scaling = _scaling(architecture)
    mean = flags.input_mean if flags.input_mean is not None else scaling and scaling[0]
    std = flags.input_std if flags.input_std is not None else scaling and scaling[1]
    if mean is None or std is None:
        raise GraphError(
            f"{path}: {architecture}: how its pixels were scaled is not to be seen;"
            " give --input-mean and --input-std as in training"
        )
    if std == 0:
        raise GraphError(
            f"{path}: --input-std is 0, wanted the divisor that training used (127.5 for example)"
        )
    return Preprocessing(height, width, (mean, mean, mean), (std, std, std))


def _scaling(architecture: str) -> tuple[float, float] | None:
    """Return mean and std of the pixels as retrain.py of TensorFlow for Poets has them."""
    if architecture == "Inception v3 of 2015":
        return 128.0, 128.0
    if architecture.startswith("MobileNet"):
        return 127.5, 127.5
    return None


def _declared_size(graph: GraphIndex, name: str) -> tuple[int | None, int | None]:
    sizes = [dim.size for dim in graph.nodes[name].attr["shape"].shape.dim]
    if len(sizes) != 4:
        return None, None
    return (sizes[1] if sizes[1] > 0 else None), (sizes[2] if sizes[2] > 0 else None)


def _shapes(path: Path, graph_def: Any) -> dict[str, tuple[int | None, ...] | None]:
    try:
        return static_shapes(graph_def)
    except ValueError as err:
        reason = str(err).splitlines()[0]
        raise GraphError(f"{path}: TensorFlow refuses the graph: {reason}") from err


def _classes(path: Path, output: Ref, shapes: dict[str, tuple[int | None, ...] | None]) -> int:
    shape = shapes.get(output.node)
    if shape is None or len(shape) != 2 or shape[0] not in {1, None} or shape[1] is None:
        found = "of open shape" if shape is None else f"of shape {shape}"
        raise GraphError(
            f"{path}: output {output.node!r} is {found}, wanted (1, classes); name a classifier's output with"
            " --output-layer"
        )
    if shape[1] < 2:
        raise GraphError(
            f"{path}: output {output.node!r} has one value, wanted one per class; retrain with a softmax"
        )
    return shape[1]


def _logits(graph: GraphIndex, output: Ref) -> Ref:
    """Return the tensor before the softmax: quantized logits keep what quantized probabilities lose."""
    ref = graph.resolve(output)
    while graph.op(ref.node) in {"Reshape", "Squeeze"}:
        ref = graph.resolve(graph.inputs(ref.node)[0])
    if graph.op(ref.node) == "Softmax":
        return graph.resolve(graph.inputs(ref.node)[0])
    return graph.resolve(output)


def _placeholders(graph: GraphIndex) -> list[str]:
    return [name for name in graph.nodes if graph.op(name) == "Placeholder"]


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "") if names else "none"
