"""Run a GraphDef in a TensorFlow session: its picture, its further inputs, its output, its first layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.source_model.session import ReadingError, Scaling
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from converter.source_model.model_file import ModelFile
    from converter.source_model.request import SourceFlags

_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
_DECODERS = frozenset({"DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp"})
_FIRST_LAYERS = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul", "SpaceToBatchND"})
_NO_OUTPUTS = frozenset({"Const", "NoOp", "Assert", *_PLACEHOLDERS})
_SIDE = re.compile(r"keep|train|phase|drop|learn|rate|batch", re.IGNORECASE)
_RUNS_WHERE_ON = re.compile(r"infer|predict|test|eval", re.IGNORECASE)


class GraphSession:
    """A source model's graph, loaded once.

    Attributes:
        input: tensor that pictures are fed to.
        shape: of the input, None for each open size; None where even the rank is open.
        dtype: TensorFlow's name of its numbers.
        takes_bytes: whether its numbers have 8 bits.
        takes_files: whether the graph decodes pictures itself; then decoded pixels are fed as they are.
        output: its tensor.
        output_op: the op that makes its numbers.
        stated: nothing: a graph says how pixels are scaled by its ops alone.
    """

    stated: Scaling | None = None

    def __init__(self, model: ModelFile, flags: SourceFlags) -> None:
        """Find input and output, and load the graph.

        Raises:
            ReadingError: there is not one picture or not one output, and no flag tells.
        """
        tf = tensorflow()
        self._nodes = {node.name: node for node in model.graph_def.node}
        self.output = self._find_output(model, flags)
        needed = set(self._upstream(self.output))
        self._readers = self._list_readers(needed)
        self.input = self._find_input(needed, flags)
        self._graph = tf.Graph()
        with self._graph.as_default():
            tf.import_graph_def(model.graph_def, name="")
        threads = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=2, inter_op_parallelism_threads=1)
        self._session = tf.compat.v1.Session(graph=self._graph, config=threads)
        tensor = self._graph.get_tensor_by_name(self.input)
        rank_known = tensor.shape.rank is not None
        self.shape: tuple[int | None, ...] | None = tuple(tensor.shape.as_list()) if rank_known else None
        self.dtype = str(tensor.dtype.base_dtype.name)
        self.takes_bytes = tensor.dtype.base_dtype.is_integer and tensor.dtype.base_dtype.size == 1
        self.takes_files = self._nodes[_node(self.input)].op in _DECODERS
        self.output_op = self._last_op()
        self._first = self._find_first_layer()
        others = {name for name in self._upstream(self.output, stop=_node(self.input)) if self._is_side(name)}
        self._sides = {} if self.takes_files else {f"{name}:0": self._choose_side(name) for name in others}

    @property
    def names(self) -> Iterator[str]:
        """Yield the names of all nodes."""
        return iter(self._nodes)

    @property
    def first_layer_layout(self) -> str | None:
        """The layout that the first convolution after the input is made for; None if there is none."""
        if self._first is None:
            return None
        attributes = self._nodes[self._first].attr
        return attributes["data_format"].s.decode() if "data_format" in attributes else "NHWC"

    def run(self, batch: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the output for one picture, ``(labels,)``."""
        found = self._session.run(self.output, {self.input: batch, **self._sides})
        rows = np.asarray(found, np.float64)
        return rows.reshape(-1, rows.shape[-1])[0] if rows.ndim else rows.reshape(-1)

    def run_to_first_layer(self, batch: NDArray[np.generic]) -> NDArray[np.float64] | None:
        """Return what the first layer reads of a batch; None if there is no first layer."""
        if self._first is None:
            return None
        read = self._nodes[self._first].input[0]
        found = self._session.run(_tensor(read), {self.input: batch, **self._sides})
        return np.asarray(found, np.float64)

    def try_sides(self, batch: NDArray[np.generic]) -> str:
        """Set shares of a dropout by trial on a batch, so that the model classifies; say what was set.

        1 is right if the graph then says finite numbers, the same again, and not the same of every picture: a
        share of 1 that is dropped leaves nothing. Else it is 0.

        Raises:
            ReadingError: neither is.
        """
        shares = [name for name, value in self._sides.items() if isinstance(value, float)]
        for value in (1.0, 0.0) if shares else ():
            self._sides |= dict.fromkeys(shares, value)
            answers = [self.run(batch) for _ in range(3)]
            is_steady = all(np.array_equal(answers[0], answer) for answer in answers)
            if is_steady and np.isfinite(answers[0]).all() and (answers[0] != self.run(batch * 0)).any():
                break
        else:
            if shares:
                raise ReadingError(f"no value of {', '.join(shares)} gives the same answer twice")
        return ", ".join(f"{name} = {value}" for name, value in self._sides.items())

    def close(self) -> None:
        """Free the graph."""
        self._session.close()

    def _choose_side(self, name: str) -> Any:
        dtype = tensorflow().dtypes.as_dtype(self._nodes[name].attr["dtype"].type)
        if dtype.is_bool:
            return bool(_RUNS_WHERE_ON.search(name.rpartition("/")[2]))
        if dtype.is_integer:
            return int("batch" in name.lower())  # else a phase: 1 trains
        if dtype.is_floating:
            return 1.0
        raise ReadingError(f"beside its picture the graph wants {name!r} ({dtype.name})")

    def _find_output(self, model: ModelFile, flags: SourceFlags) -> str:
        if flags.output_layer:
            return _tensor(flags.output_layer)
        if len(model.outputs) == 1:
            return model.outputs[0]
        if "final_result" in self._nodes:
            return "final_result:0"
        read = {_node(ref) for node in self._nodes.values() for ref in node.input}
        ends = [name for name in self._nodes if name not in read and self._nodes[name].op not in _NO_OUTPUTS]
        softmaxes = [name for name in ends if self._nodes[name].op == "Softmax"]
        if len(softmaxes) == 1 or len(ends) == 1:
            return f"{(softmaxes or ends)[0]}:0"
        raise ReadingError(f"{len(ends)} outputs; name one with --output-layer")

    def _find_input(self, needed: set[str], flags: SourceFlags) -> str:
        if flags.input_layer:
            return _tensor(flags.input_layer)
        decoders = [name for name in needed if self._nodes[name].op in _DECODERS]
        if len(decoders) == 1:
            return f"{decoders[0]}:0"
        found = [name for name in needed if self._nodes[name].op in _PLACEHOLDERS]
        found = found or [name for name in needed if self._takes_a_batch(name)]
        pictures = [name for name in found if len(self._nodes[name].attr["shape"].shape.dim) > 2]
        pictures = pictures or [name for name in found if not self._takes_one_number(name)] or found
        if len(pictures) != 1:
            raise ReadingError(f"{len(pictures)} inputs; name one with --input-layer")
        return f"{pictures[0]}:0"

    def _takes_one_number(self, name: str) -> bool:
        shape = self._nodes[name].attr["shape"].shape
        if shape.unknown_rank or len(shape.dim) > 1:
            return False
        # TensorFlow 1 wrote no rank for what is open: its name is all there is.
        return len(shape.dim) == 1 or bool(_SIDE.search(name))

    def _takes_a_batch(self, name: str) -> bool:
        node = self._nodes[name]
        return node.op == "PlaceholderWithDefault" and len(node.attr["shape"].shape.dim) == 4

    def _is_side(self, name: str) -> bool:
        """Return whether a node is a further input: one that has to be fed, or a switch with a default."""
        node = self._nodes[name]
        if node.op != "PlaceholderWithDefault" or name == _node(self.input):
            return node.op in _PLACEHOLDERS and name != _node(self.input)
        return not node.attr["shape"].shape.dim and bool(_SIDE.search(name.rpartition("/")[2]))

    def _upstream(self, tensor: str, stop: str = "") -> Iterator[str]:
        pending, seen = [_node(tensor)], set[str]()
        while pending:
            name = pending.pop()
            if name not in seen and name in self._nodes:
                seen.add(name)
                yield name
                pending += [_node(ref) for ref in self._nodes[name].input if name != stop]

    def _list_readers(self, needed: set[str]) -> dict[str, list[str]]:
        readers: dict[str, list[str]] = {name: [] for name in needed}
        for name in needed:
            for ref in self._nodes[name].input:
                if not ref.startswith("^") and _node(ref) in readers:
                    readers[_node(ref)].append(name)
        return readers

    def _find_first_layer(self) -> str | None:
        """Return the nearest layer that the input's numbers reach."""
        pending, seen = [_node(self.input)], set[str]()
        while pending:
            name = pending.pop(0)
            if self._nodes[name].op in _FIRST_LAYERS and name != _node(self.input):
                return name
            for reader in self._readers.get(name, ()):
                if reader not in seen and self._nodes[reader].op != "Shape":
                    seen.add(reader)
                    pending.append(reader)
        return None

    def _last_op(self) -> str:
        """Return the op behind the output, past those that only name, copy or reshape it."""
        node = self._nodes[_node(self.output)]
        while node.op in {"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Cast"}:
            node = self._nodes[_node(node.input[0])]
        return str(node.op)


def _node(ref: str) -> str:
    return ref.lstrip("^").split(":")[0]


def _tensor(ref: str) -> str:
    return ref if ":" in ref else f"{ref}:0"
