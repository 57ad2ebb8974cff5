"""Assemble converted models and their cascade to a bundle, and write its folder whole or not at all."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.conversion.golden_pictures import render_golden_pictures
from converter.output_folder import write_folder
from converter.output_paths import refuse_unwritable_place
from edge_node import __version__
from edge_node.errors import ConversionError
from edge_node.inference.bundle import (
    GOLDEN_NAME,
    MANIFEST_NAME,
    Bundle,
    Golden,
    encode_golden,
    with_manifest,
)
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import golden_outputs
from edge_node.inference.interpreter import Interpreter, Tensor, runtime
from edge_node.inference.manifest import (
    Cascade,
    Manifest,
    ModelFile,
    OutputTensor,
    Provenance,
    Stage,
    encode_manifest,
)
from edge_node.inference.manifest import OutputKind as Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converter.graphs.cascade_file import CascadePlan
    from converter.graphs.fuse import FusedGraph
    from converter.quantize.request import Mode


@dataclass(frozen=True, slots=True)
class MadeModel:
    """The content of a ``.tflite`` file, its mode, and the graph that it was made from."""

    graph: FusedGraph
    mode: Mode
    content: bytes = field(repr=False)


def assemble(plan: CascadePlan, models: Sequence[MadeModel], provenance: Provenance) -> Bundle:
    """Return the bundle in memory, its golden probe computed by the TFLite runtime installed here.

    Raises:
        BundleError: the runtime does not load a model.
    """
    files = [_name_file(made, len(models)) for made in models]
    entries = tuple(_describe_model(name, made) for name, made in zip(files, models, strict=True))
    manifest = Manifest(
        name=plan.name,
        version=plan.version,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        models=entries,
        cascade=_bind_stages(plan, dict(zip(files, models, strict=True))),
        golden_sha256=hashlib.sha256(b"").hexdigest(),
        provenance=provenance,
        licence=plan.licence,
        intended_use=plan.intended_use,
        colourless=plan.colourless or msgspec.UNSET,
    )
    contents = {name: made.content for name, made in zip(files, models, strict=True)}
    pictures = render_golden_pictures()
    empty = Bundle(Path(plan.name), manifest, "", Golden(pictures, {}), contents)
    golden = Golden(pictures, golden_outputs(Engine(empty), pictures))
    return with_manifest(empty, manifest, golden)


def refuse_existing(out: Path, *, force: bool) -> None:
    """Refuse to write where something exists, before any work is done.

    Raises:
        ConversionError: the folder exists and ``force`` is not set, or it is no bundle, which alone is
            replaced.
        DestinationError: nothing can be written there.
    """
    refuse_unwritable_place(out)
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ConversionError(f"{out}: exists and is no folder; give another --out")
    if not out.exists():
        return
    if not force:
        raise ConversionError(f"{out}: exists; give another --out, or --force to replace it")
    if any(out.iterdir()) and not (out / MANIFEST_NAME).is_file():
        raise ConversionError(f"{out}: holds files and no {MANIFEST_NAME}, so --force does not replace it")


def write_bundle(bundle: Bundle, out: Path, extra: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write a bundle into a folder beside ``out`` and rename it when every byte is on disk.

    Args:
        bundle: from ``assemble``.
        out: the bundle's folder.
        extra: further files by name, such as the report.
        force: replace an existing bundle.

    Raises:
        ConversionError: ``out`` exists, or the disk refuses.
    """
    refuse_existing(out, force=force)
    contents: dict[str, bytes] = {**bundle.models, **extra, GOLDEN_NAME: encode_golden(bundle.golden)}
    contents[MANIFEST_NAME] = encode_manifest(bundle.manifest)
    try:
        write_folder(out, contents)
    except OSError as err:
        raise ConversionError(f"{out}: cannot write the bundle: {err.strerror or err}") from err


def list_tool_versions() -> dict[str, str]:
    """Return the versions of the tools of a conversion, for the provenance."""
    found = runtime()
    return {
        "corrosion-edge-node": __version__,
        "tensorflow": metadata.version("tensorflow"),
        "numpy": np.__version__,
        "opencv": metadata.version("opencv-python-headless"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        found.name: found.version,
    }


def _name_file(made: MadeModel, models: int) -> str:
    return "model.tflite" if models == 1 else f"{made.graph.stages[0]}.tflite"


def _describe_model(name: str, made: MadeModel) -> ModelFile:
    interpreter = Interpreter(made.content, where=name)
    kinds = {output.tensor: output.kind for output in made.graph.outputs}
    return ModelFile(
        file=name,
        sha256=hashlib.sha256(made.content).hexdigest(),
        size_bytes=len(made.content),
        quantization=made.mode.value,
        input=made.graph.preprocessing.input_of(interpreter.inputs[0]),
        outputs=tuple(
            _describe_output(output, kinds[output.name])
            for output in interpreter.outputs
            if output.name in kinds  # a ready model may have others
        ),
    )


def _describe_output(tensor: Tensor, kind: Kind) -> OutputTensor:
    return OutputTensor(
        name=tensor.name,
        kind=kind,
        shape=tensor.shape,
        dtype=tensor.dtype,  # type: ignore[arg-type]  # decode_manifest checks it against the Literal
        scale=tensor.quantization.scale,
        zero_point=tensor.quantization.zero_point,
    )


def _bind_stages(plan: CascadePlan, files: dict[str, MadeModel]) -> Cascade:
    """Return the plan's stages, each with the model and the outputs that compute it."""
    outputs = {output.stage: (name, output) for name, made in files.items() for output in made.graph.outputs}
    stages = list[Stage]()
    for planned in plan.stages:
        name, output = outputs[planned.stage.name]
        map_file, map_output = outputs[planned.map_from or planned.stage.name]
        has_map = map_output.kind is Kind.MAP and map_file == name
        found = {"model": name, "output": output.tensor, "map": map_output.tensor if has_map else None}
        thresholds = (planned.stage.label_thresholds or {}) if output.independent else msgspec.UNSET
        stages.append(msgspec.structs.replace(planned.stage, **found, label_thresholds=thresholds))
    return Cascade(root=plan.root, stages=tuple(stages))
