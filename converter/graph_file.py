"""Files of trained models -> a frozen GraphDef, whatever they were saved as."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

MAX_GRAPH_BYTES = 2**31 - 1  # protobuf's own bound


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A frozen graph and what its file told beside it.

    Attributes:
        path: as given.
        kind: what the file is, in words.
        sha256: of the file; of all files, sorted by name, for a folder.
        size_bytes: likewise.
        graph_def: the frozen graph.
        output: the output that the format declares, if it declares one.
        model_name: the name that the model was saved under, where there is one.
    """

    path: Path
    kind: str
    sha256: str
    size_bytes: int
    graph_def: Any = field(repr=False)
    output: str | None = None
    model_name: str | None = None


def read_graph(path: Path) -> GraphFile:
    """Read the model in ``path``: a frozen graph.

    Raises:
        GraphError: it is missing, damaged or of another kind.
    """
    content = _read(path)
    _refuse_other_kinds(path, content)
    graph_def = tensorflow().compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(content)
    except Exception as err:  # protobuf's DecodeError lives at another address in each of its backends
        raise GraphError(
            f"{path}: no frozen graph, or one that is cut off"
            f" ({len(content)} bytes do not parse as a GraphDef); export it again"
        ) from err
    if not graph_def.node:
        raise GraphError(f"{path}: a graph without a single node; export it again")
    return GraphFile(path, "frozen graph", hashlib.sha256(content).hexdigest(), len(content), graph_def)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise GraphError(f"{path}: a folder, wanted a frozen graph (.pb)")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_GRAPH_BYTES + 1)
    except OSError as err:
        raise GraphError(f"{path}: {err.strerror or err}; wanted a frozen graph (.pb)") from err
    if len(content) > MAX_GRAPH_BYTES:
        raise GraphError(f"{path}: more than 2 GiB, which no frozen graph can have")
    if not content:
        raise GraphError(f"{path}: empty; export the graph again")
    return content


def _refuse_other_kinds(path: Path, content: bytes) -> None:
    """Name the file's kind where its first bytes give it away: a better sentence than a parser's."""
    if content[4:8] == b"TFL3":
        raise GraphError(f"{path}: a TFLite model already; wanted the graph that it was converted from")
    if path.name == "saved_model.pb":
        raise GraphError(f"{path}: the inside of a SavedModel; give its folder {path.parent}")
    if content.lstrip()[:5] in {b"node ", b"node{"}:
        raise GraphError(f"{path}: a graph in text form; wanted the binary frozen graph (.pb)")
