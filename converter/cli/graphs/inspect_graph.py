"""``converter inspect``: print the facts found in a graph, and the flags that supply those not found."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.architectures.backbones import record_path
from converter.cli.graphs.graph_flags import add_graph_flags, read_graph_flags
from converter.graphs.cascade_file import describe_doubt
from converter.graphs.graph_file import GraphFile, read_graph
from converter.graphs.input_contract import InputContract, describe_input
from converter.graphs.label_meanings import derive_meanings
from converter.graphs.label_names import LABEL_FILES, labels_path, load_labels
from converter.graphs.scaling import GraphFlags, Preprocessing, recognise_architecture
from converter.graphs.trained_graph import load_graph
from converter.nodes.graph_index import GraphIndex
from converter.nodes.output_contract import OutputContract, describe_output
from converter.quantize.trial_conversion import find_unconvertible
from converter.tensorflow_import import tensorflow
from edge_node.errors import CorrosionError, GraphError

if TYPE_CHECKING:
    import argparse

    from converter.graphs.trained_graph import TrainedGraph

_LISTED = 12


class GraphDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a graph, the output of ``--json``; None or empty where something was not found."""

    file: str
    kind: str
    size_bytes: int
    sha256: str
    producer: int
    architecture: str
    parameters: int
    nodes: int
    operators: dict[str, int]
    placeholders: dict[str, tuple[int, ...]]
    ends: tuple[str, ...]
    input: str | None = None
    preprocessing: Preprocessing | None = None
    input_contract: InputContract | None = None
    output: str | None = None
    logits: str | None = None
    bottleneck: str | None = None
    head: str = ""
    output_contract: OutputContract | None = None
    classes: int | None = None
    labels: tuple[str, ...] = ()
    labels_problem: str = ""
    labels_doubt: str = ""
    problem: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter inspect``."""
    parser.add_argument("graph", type=Path, help="frozen graph, SavedModel folder, .keras, .h5 or .tflite")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write the graph for TensorBoard")
    add_graph_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Print the facts about the graph; return 1 if one is missing that conversion needs.

    Raises:
        GraphError: it cannot be read at all.
    """
    file = read_graph(args.graph)
    found = inspect_graph(file, read_graph_flags(args))
    if args.tensorboard:
        _write_for_tensorboard(file, args.tensorboard)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        print("\n".join(_format_lines(found)))
        if args.tensorboard:
            print(f"look at it    tensorboard --logdir {args.tensorboard}")
    if found.problem:
        print(found.problem, file=sys.stderr)
    return 1 if found.problem else 0


def inspect_graph(file: GraphFile, flags: GraphFlags) -> GraphDescription:
    """Return the facts about a graph, with the problem that conversion would meet, if any."""
    index = GraphIndex(file.graph_def)
    labels, labels_problem = _read_labels(file.path)
    basic = GraphDescription(
        file=str(file.path),
        kind=file.kind,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        producer=int(file.graph_def.versions.producer),
        architecture=recognise_architecture(index),
        parameters=_count_parameters(file),
        nodes=len(index.nodes),
        operators=dict(Counter(str(node.op) for node in file.graph_def.node).most_common()),
        placeholders={
            name: tuple(dim.size for dim in node.attr["shape"].shape.dim)
            for name, node in index.nodes.items()
            if node.op == "Placeholder"
        },
        ends=tuple(index.sinks()[:_LISTED]),
        labels=labels,
        labels_problem=labels_problem,
        labels_doubt=describe_doubt(labels, derive_meanings(labels), is_file=False) if labels else "",
    )
    try:
        graph = load_graph(file.path, flags)
    except GraphError as err:
        return msgspec.structs.replace(basic, problem=str(err))
    reason = find_unconvertible(graph) if graph.ready is None else None
    problem = f"{file.path}: {reason}" if reason else labels_problem
    return msgspec.structs.replace(_add_graph(basic, graph), problem=problem)


def _add_graph(basic: GraphDescription, graph: TrainedGraph) -> GraphDescription:
    head = f"no map: {graph.no_head}"
    if graph.head:
        channels, labels = graph.head.weights.shape
        head = f"affine, {channels} x {labels}; can be a 1x1 convolution before the mean, so it has a map"
    return msgspec.structs.replace(
        basic,
        architecture=graph.architecture,
        input=graph.input,
        preprocessing=graph.preprocessing,
        input_contract=graph.input_contract,
        output=graph.output,
        logits=graph.logits.node,
        bottleneck=graph.head.pool if graph.head else graph.trunk.node,
        head=head,
        output_contract=graph.output_contract,
        classes=graph.classes,
    )


def _format_lines(found: GraphDescription) -> list[str]:
    labels = ", ".join(found.labels[:_LISTED]) or found.labels_problem or "no label file beside it"
    fits = found.classes == len(found.labels)
    if found.labels and not fits:
        labels = f"the label file beside it has {len(found.labels)}: not of this output"
    placeholders = ", ".join(f"{name} {shape}" for name, shape in found.placeholders.items()) or "none"
    counts = ", ".join(f"{count} {name}" for name, count in list(found.operators.items())[:_LISTED])
    lines = [
        f"{found.file}: {found.kind}, {found.size_bytes / 1e6:.2f} MB, producer {found.producer}",
        f"sha256        {found.sha256}",
        f"architecture  {found.architecture}",
        f"parameters    {found.parameters:,} in {found.nodes} nodes",
        f"operators     {counts}",
        f"placeholders  {placeholders}",
        f"ends in       {', '.join(found.ends) or 'nothing'}",
    ]
    if found.input_contract is not None:
        lines += [f"{name:<14}{text}" for name, text in describe_input(found.input_contract)]
        if found.output_contract is not None:
            lines += [f"{name:<14}{text}" for name, text in describe_output(found.output_contract)]
        lines += [
            f"output        {found.output}: {found.classes} classes ({labels})",
            *([f"doubt         {found.labels_doubt}"] if fits and found.labels_doubt else []),
            f"logits        {found.logits}",
            f"bottleneck    {found.bottleneck}",
            f"head          {found.head}",
        ]
    return lines


def _count_parameters(file: GraphFile) -> int:
    """Return how many float32 numbers the constants hold; shapes and axes are int32."""
    total = 0
    for node in file.graph_def.node:
        if node.op == "Const" and node.attr["dtype"].type == tensorflow().float32.as_datatype_enum:
            size = 1
            for dim in node.attr["value"].tensor.tensor_shape.dim:
                size *= dim.size
            total += size
    return total


def _read_labels(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the labels beside a graph, or in a sentence what is wrong with their file."""
    names = (labels_path(path).name, record_path(path).name, *LABEL_FILES)
    if not any(path.with_name(name).is_file() for name in names):
        return (), ""
    try:
        return load_labels(path), ""
    except CorrosionError as err:
        return (), str(err)


def _write_for_tensorboard(file: GraphFile, folder: Path) -> None:
    tf = tensorflow()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise GraphError(f"{folder}: {err.strerror or err}; give another --tensorboard DIR") from err
    with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
        writer.add_graph(graph=None, graph_def=file.graph_def)
