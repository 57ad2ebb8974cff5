"""Read trained models as GraphDefs: frozen graphs, SavedModels, Keras files; TFLite files as a sketch."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converter.graphs.freezing import freeze
from converter.graphs.keras_file import load_keras
from converter.graphs.ready_model import StatedInput, refuse_unfit, state_input
from converter.tensorflow_import import tensorflow
from converter.tflite.foreign_file import IDENTIFIER, ForeignFile, read_foreign_file
from converter.tflite.skeleton import Sketch
from edge_node.errors import GraphError
from edge_node.inference.bundle import MANIFEST_NAME

if TYPE_CHECKING:
    from pathlib import Path

MAX_GRAPH_BYTES = 2**31 - 1  # protobuf's own bound
_ONNX_START = b"\x08"
_GZIP_START = b"\x1f\x8b"
_SEARCHED = 4096  # bytes
_HDF5_START = b"\x89HDF\r\n\x1a\n"
TFLITE_KIND = "TFLite model"
_SIGNATURES = ("serving_default", "predict")


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A frozen graph, and the facts that its file adds.

    Attributes:
        path: as given.
        kind: of the file, in words.
        sha256: of the file; for a folder, over the hashes of its files, sorted by name.
        size_bytes: of the file, or of all files of the folder.
        graph_def: the frozen graph.
        output: the output that the format declares, if it declares one.
        model_name: the name that the model was saved under, where there is one.
        stated: what a `.tflite` file says of its input beside its operators.
        foreign: the content of a `.tflite` file, whose ``graph_def`` is only a sketch of it.
        sketch: the sketch.
    """

    path: Path
    kind: str
    sha256: str
    size_bytes: int
    graph_def: Any = field(repr=False)
    output: str | None = None
    model_name: str | None = None
    stated: StatedInput | None = None
    foreign: ForeignFile | None = field(default=None, repr=False)
    sketch: Sketch | None = field(default=None, repr=False)


def read_graph(path: Path) -> GraphFile:
    """Read the model in ``path``: a frozen graph, a SavedModel's folder, a Keras file, a TFLite file.

    Raises:
        GraphError: it is missing, damaged or of another kind.
    """
    if path.is_dir():
        return _read_saved_model(path)
    content = _read(path)
    if content[4:8] == IDENTIFIER:
        return _read_tflite(path, content)
    _refuse_other_kinds(path, content)
    if content[:8] == _HDF5_START or zipfile.is_zipfile(path):
        return _read_keras(path, content)
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


def _read_saved_model(path: Path) -> GraphFile:
    if (path / MANIFEST_NAME).is_file():
        raise GraphError(f"{path}: a bundle already; wanted the graph that it was converted from")
    if not (path / "saved_model.pb").is_file():
        raise GraphError(
            f"{path}: a folder without saved_model.pb; wanted a frozen graph (.pb) or a SavedModel"
        )
    files = sorted(file for file in path.rglob("*") if file.is_file())
    contents = [file.read_bytes() for file in files]
    digest = hashlib.sha256("".join(hashlib.sha256(c).hexdigest() for c in contents).encode()).hexdigest()
    try:
        loaded = tensorflow().saved_model.load(str(path))
        signatures = dict(loaded.signatures)
        name = next((name for name in _SIGNATURES if name in signatures), None)
        graph_def, output = freeze(signatures[name]) if name else (None, None)
    except Exception as err:  # whatever TensorFlow's loader meets in a damaged folder
        raise GraphError(f"{path}: TensorFlow does not load this SavedModel: {_find_reason(err)}") from err
    if graph_def is None:
        raise GraphError(f"{path}: no signature {_SIGNATURES[0]!r}; it has {', '.join(signatures) or 'none'}")
    return GraphFile(path, "SavedModel", digest, sum(map(len, contents)), graph_def, output)


def _read_keras(path: Path, content: bytes) -> GraphFile:
    model = load_keras(path, content)
    digest = hashlib.sha256(content).hexdigest()
    return GraphFile(path, "Keras model", digest, len(content), model.graph_def, model.output, model.name)


def _read_tflite(path: Path, content: bytes) -> GraphFile:
    foreign = read_foreign_file(path, content)
    refuse_unfit(path, foreign)
    try:
        sketch = Sketch(foreign)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise GraphError(f"{path}: a TFLite file whose operators cannot be read; export it again") from err
    digest = hashlib.sha256(content).hexdigest()
    return GraphFile(
        path,
        TFLITE_KIND,
        digest,
        len(content),
        sketch.graph_def,
        stated=state_input(foreign),
        foreign=foreign,
        sketch=sketch,
    )


def _find_reason(err: Exception) -> str:
    """Return why a SavedModel does not load or freeze, on one line."""
    if "AssignVariableOp" in str(err):  # of the seeds of Keras's layers that draw random numbers
        return (
            "it changes a variable whenever it classifies, as augmentation layers do in training; export it"
            " with training=False (ExportArchive.add_endpoint of lambda x: model(x, training=False)), or give"
            " the .keras file"
        )
    return next((line.strip() for line in str(err).splitlines() if line.strip()), type(err).__name__)


def _read(path: Path) -> bytes:
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
    """Refuse files of other kinds by their first bytes, in a clearer sentence than a parser's.

    Raises:
        GraphError: it is one of them.
    """
    if content.startswith(b"version https://git-lfs"):
        raise GraphError(f"{path}: a Git LFS pointer, not the file itself; fetch it with `git lfs pull`")
    if path.name == "checkpoint" or re.search(r"\.ckpt|\.meta$|\.index$|\.data-\d+-of-\d+$", path.name):
        raise GraphError(
            f"{path}: part of a checkpoint of training, not a graph that classifies; export a SavedModel, or"
            " freeze the graph with the checkpoint's weights"
        )
    if content[:2] == _GZIP_START or _is_packed_folder(content):
        raise GraphError(f"{path}: a packed folder or file; unpack it and give what is inside")
    if content.lstrip()[:5].lower() in {b"<!doc", b"<html", b"<?xml"}:
        raise GraphError(f"{path}: a web page, not the file that was to be downloaded; download it again")
    if content[:1] == _ONNX_START:  # its first field is a number; that of a GraphDef is a node
        raise GraphError(f"{path}: an ONNX model; wanted the TensorFlow graph that it was made from")
    if content[:4] == b"PK\x03\x04" and b"data.pkl" in content[:4096]:
        raise GraphError(f"{path}: a PyTorch file; wanted a TensorFlow graph, a SavedModel or a Keras file")
    if path.name == "saved_model.pb":
        raise GraphError(f"{path}: the inside of a SavedModel; give its folder {path.parent}")
    if re.search(rb"^\s*node ?\{", content[:_SEARCHED], re.MULTILINE):
        raise GraphError(f"{path}: a graph in text form; wanted the binary frozen graph (.pb)")


def _is_packed_folder(content: bytes) -> bool:
    """Return whether a file is a ZIP archive with a SavedModel or a graph in it, and no Keras file itself."""
    if not content.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
    return any(name.endswith((".pb", ".tflite", ".keras")) for name in names)
