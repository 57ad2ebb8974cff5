"""Load a trained graph and find its input, preprocessing, logits and head.

The graphs of TensorFlow for Poets and of ``converter retrain`` are recognised, and Keras files and
SavedModels describe themselves; for other graphs the user gives the flags that ``label_image`` had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converter.architectures.backbones import read_record
from converter.graphs.graph_file import GraphFile, read_graph
from converter.graphs.head import AffineHead, NotAffineError, find_affine_head, find_trunk_end
from converter.graphs.input_adapter import adapt_input
from converter.graphs.input_contract import InputContract, derive_input, describe_input
from converter.graphs.old_ops import modernise_ops
from converter.graphs.ready_model import (
    NO_MAP,
    ReadyModel,
    count_labels,
    fit_model,
)
from converter.graphs.scaling import (
    INCEPTION_2015,
    GraphFlags,
    Preprocessing,
    recognise_architecture,
)
from converter.nodes.graph_index import GraphIndex, Ref, infer_shapes, parse_ref
from converter.nodes.output_contract import (
    OutputContract,
    OutputForm,
    UnknownOutputError,
    describe_output,
    find_form,
    widen_one_sigmoid,
)
from converter.nodes.packed_constants import unpack_constants, widen_floats
from converter.nodes.side_inputs import could_be_side_input, set_side_inputs
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from converter.tflite.foreign_file import ForeignFile, TensorFacts
    from converter.tflite.skeleton import Sketch

_POETS_OUTPUT = "final_result"


@dataclass(frozen=True, slots=True)
class TrainedGraph:
    """One classifier, cut to the part between its input and its logits.

    Attributes:
        file: it was read from.
        architecture: in words.
        index: its nodes; the input is a float32 placeholder ``(1, height, width, 3)``.
        input: the placeholder's name.
        preprocessing: from a picture to the input.
        input_contract: what the graph as it was trained wants of a picture, and where that comes from.
        output: name of the output, as the user knows it.
        logits: the last tensor before the softmax, or the output if there is none.
        classes: number of labels.
        output_contract: what the output's numbers are.
        trunk: the last tensor with positions: the end of a backbone that stages can share.
        head: the affine head; None if there is none.
        no_head: the reason why there is none.
        map_trained: whether the head learned from positions, so that its map shows where.
        ready: the `.tflite` file that it is already; ``index`` is then a sketch that cannot run.
        licences: of the pictures that it was trained on, where a record says them.
        backbone: where the weights of its backbone came from, with their licence, where a record says it.
    """

    file: GraphFile
    architecture: str
    index: GraphIndex = field(repr=False)
    input: str
    preprocessing: Preprocessing
    input_contract: InputContract
    output: str
    logits: Ref
    classes: int
    output_contract: OutputContract
    trunk: Ref
    head: AffineHead | None = field(repr=False)
    no_head: str = ""
    map_trained: bool = False
    ready: ReadyModel | None = field(default=None, repr=False)
    licences: tuple[str, ...] = ()
    backbone: str = ""

    @property
    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact of both contracts by name, with where it comes from."""
        yield from describe_input(self.input_contract)
        yield from describe_output(self.output_contract)


def load_graph(path: Path, flags: GraphFlags | None = None) -> TrainedGraph:
    """Read a trained graph and find all that its conversion needs.

    Raises:
        GraphError: the file is no such graph, or something in it was not found; the message names the flag
            that tells it.
    """
    flags = flags or GraphFlags()
    file = read_graph(path)
    if file.foreign is not None and file.sketch is not None:
        return _load_ready(file, file.foreign, file.sketch, flags)
    record = read_record(path) if path.is_file() else None
    raw = GraphIndex(widen_floats(unpack_constants(path, file.graph_def)))
    output = _find_output(path, raw, flags, file.output)
    source = _find_input(path, raw, output, flags)
    raw = GraphIndex(set_side_inputs(path, raw.graph_def, source, output))
    derived = derive_input(file, raw, source, flags, record.input if record else None)
    name, preprocessing = derived.entry.last, derived.preprocessing
    architecture = record.architecture if record else recognise_architecture(raw)
    graph_def = modernise_ops(
        raw.graph_def, name, output.node, (1, preprocessing.height, preprocessing.width, 3)
    )
    adapt_input(graph_def, name, derived)
    index = GraphIndex(graph_def)
    shapes = _infer_shapes(path, graph_def)
    classes = _count_classes(path, output, shapes)
    form, logits = _find_form(path, index, output)
    if classes == 1:
        if form is not OutputForm.SIGMOID:
            raise GraphError(
                f"{path}: output {output.node!r} has one value, wanted one per class; retrain with a softmax"
            )
        form, classes, logits = OutputForm.ONE_SIGMOID, 2, widen_one_sigmoid(graph_def, logits)
        index, shapes = GraphIndex(graph_def), _infer_shapes(path, graph_def)
    head, no_head = None, ""
    try:
        head = find_affine_head(index, shapes, logits)
    except NotAffineError as err:
        no_head = str(err)
    return TrainedGraph(
        file=file,
        architecture=architecture,
        index=index,
        input=name,
        preprocessing=preprocessing,
        input_contract=derived.contract,
        output=output.node,
        logits=logits,
        classes=classes,
        output_contract=OutputContract(output.node, form, classes),
        trunk=head.features if head else find_trunk_end(index, shapes, logits),
        head=head,
        no_head=no_head,
        map_trained=record is not None and record.map_trained,
        licences=record.licences if record else (),
        backbone=record.backbone if record else "",
    )


def _load_ready(file: GraphFile, foreign: ForeignFile, sketch: Sketch, flags: GraphFlags) -> TrainedGraph:
    """Return the trained graph that a `.tflite` file is already: its numbers stay as they are."""
    path, index = file.path, GraphIndex(file.graph_def)
    name = sketch.node(foreign.inputs[0].at)
    output, tensor = _find_ready_output(path, foreign, sketch, index, flags)
    derived = derive_input(file, index, name, flags)
    channels = derived.contract.channels
    if channels != 3:
        raise GraphError(
            f"{path}: its input has {channels} channel{'s' * (channels > 1)}, wanted three; convert the graph"
            " that it was made from, which is then given grey or opacity"
        )
    classes = count_labels(path, tensor)
    form, logits = _find_form(path, index, Ref(output))
    if classes == 1:
        if form is not OutputForm.SIGMOID:
            raise GraphError(f"{path}: output {output!r} has one value, wanted one per class")
        form, classes = OutputForm.ONE_SIGMOID, 2
    contract = OutputContract(output, form, classes)
    ready = fit_model(path, (foreign, sketch), derived.preprocessing, contract, logits)
    return TrainedGraph(
        file=file,
        architecture=recognise_architecture(index),
        index=index,
        input=name,
        preprocessing=derived.preprocessing,
        input_contract=derived.contract,
        output=output,
        logits=logits,
        classes=classes,
        output_contract=contract,
        trunk=logits,
        head=None,
        no_head=NO_MAP,
        ready=ready,
    )


def _find_ready_output(
    path: Path, foreign: ForeignFile, sketch: Sketch, index: GraphIndex, flags: GraphFlags
) -> tuple[str, TensorFacts]:
    """Return the node and the tensor of a `.tflite` file's classifier."""
    outputs = {sketch.node(tensor.at): tensor for tensor in foreign.outputs}
    if flags.input_layer and parse_ref(flags.input_layer).node not in {*index.nodes} - {*outputs}:
        raise GraphError(f"{path}: no node {flags.input_layer!r} (--input-layer); leave it out")
    wanted = parse_ref(flags.output_layer).node if flags.output_layer else None
    if wanted is None and len(outputs) == 1:
        return next(iter(outputs.items()))
    if wanted not in outputs:
        told = f"no output {wanted!r} (--output-layer)" if wanted else f"{len(outputs)} outputs"
        raise GraphError(
            f"{path}: {told}, wanted one classifier; name one of {_join(list(outputs))} with --output-layer"
        )
    return wanted, outputs[wanted]


def _find_output(path: Path, graph: GraphIndex, flags: GraphFlags, declared: str | None) -> Ref:
    if flags.output_layer:
        ref = parse_ref(flags.output_layer)
        if ref.node not in graph:
            raise GraphError(
                f"{path}: no node {ref.node!r} (--output-layer); it ends in {_join(graph.sinks())}"
            )
        return ref
    for name in (declared, _POETS_OUTPUT):
        if name is not None and name in graph:
            return Ref(name)
    sinks = graph.sinks()
    softmaxes = [name for name in sinks if graph.op(name) == "Softmax"]
    if len(sinks) == 1 or len(softmaxes) == 1:
        return Ref((softmaxes or sinks)[0])
    raise GraphError(
        f"{path}: {len(sinks)} outputs ({_join(sinks)}), wanted one classifier; name it with --output-layer"
    )


def _find_input(path: Path, graph: GraphIndex, output: Ref, flags: GraphFlags) -> str:
    needed = graph.upstream([output])
    if flags.input_layer:
        name = parse_ref(flags.input_layer).node
        if name not in graph:
            raise GraphError(
                f"{path}: no node {name!r} (--input-layer); inputs are {_join(_list_placeholders(graph))}"
            )
        if name not in needed:
            raise GraphError(f"{path}: {output.node!r} does not depend on {name!r} (--input-layer)")
        return name
    if "Mul" in needed and recognise_architecture(graph) == INCEPTION_2015:
        return "Mul"
    placeholders = [name for name in _list_placeholders(graph) if name in needed]
    placeholders = placeholders or [name for name in needed if _takes_pictures_by_default(graph, name)]
    placeholders = [name for name in placeholders if not could_be_side_input(graph, name)] or placeholders
    if len(placeholders) == 1:
        return placeholders[0]
    if not placeholders and (cut_off := sorted(set(graph.missing()))):
        raise GraphError(f"{path}: cut off: node {cut_off[0]!r} is read but not there; export it again")
    found = f"{len(placeholders)} inputs ({_join(placeholders)})" if placeholders else "no input"
    raise GraphError(f"{path}: {found}, wanted one picture; name it with --input-layer")


def _infer_shapes(path: Path, graph_def: Any) -> dict[str, tuple[int | None, ...] | None]:
    try:
        return infer_shapes(graph_def)
    except ValueError as err:
        reason = str(err).splitlines()[0]
        raise GraphError(f"{path}: TensorFlow refuses the graph: {reason}") from err


def _find_form(path: Path, graph: GraphIndex, output: Ref) -> tuple[OutputForm, Ref]:
    try:
        return find_form(graph, output)
    except UnknownOutputError as err:
        raise GraphError(
            f"{path}: output {output.node!r} ends in {err}, which is neither a softmax, a sigmoid nor a"
            " linear layer; name the tensor before it with --output-layer, or retrain with a softmax"
        ) from err


def _count_classes(path: Path, output: Ref, shapes: dict[str, tuple[int | None, ...] | None]) -> int:
    shape = shapes.get(output.node)
    if shape is None or len(shape) != 2 or shape[0] not in {1, None} or shape[1] is None:
        found = "of open shape" if shape is None else f"of shape {shape}"
        raise GraphError(
            f"{path}: output {output.node!r} is {found}, wanted (1, classes); name a classifier's output with"
            " --output-layer"
        )
    return shape[1]


def _list_placeholders(graph: GraphIndex) -> list[str]:
    return [name for name in graph.nodes if graph.op(name) == "Placeholder"]


def _takes_pictures_by_default(graph: GraphIndex, name: str) -> bool:
    """Return whether an input that need not be fed is a batch of pictures, as training scripts have it."""
    shape = graph.nodes[name].attr["shape"].shape if graph.op(name) == "PlaceholderWithDefault" else None
    return shape is not None and len(shape.dim) == 4


def _join(names: list[str]) -> str:
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "") if names else "none"
