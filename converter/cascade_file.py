"""``CASCADE.toml``: the stages that one conversion is about, read and checked before any graph is opened."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from converter.labels import labels_beside, meanings_of, read_labels
from converter.scaling import GraphFlags
from edge_node.errors import ConversionError, CorrosionError
from edge_node.manifest import (
    Cascade,
    Identifier,
    Meaning,
    Positive,
    Probability,
    Stage,
    Version,
    cascade_contradictions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_CASCADE_BYTES = 1024 * 1024
_NO_MODEL = "not-converted-yet"
_NAMES_OF_ALL = frozenset({"retrained_graph", "output_graph", "saved_model", "model"})


class StageTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[stage]]``; paths are relative to the file. Labels default to those beside the graph."""

    name: Identifier
    graph: str
    labels: str | tuple[str, ...] | None = None
    routes: dict[str, str] = {}
    otherwise: str | None = None
    temperature: Positive = 1.0
    decision_threshold: Probability = 0.5
    abstain_below: Probability = 0.0
    meanings: dict[str, Meaning] = {}
    map_from: str | None = None
    input_layer: str | None = None
    output_layer: str | None = None
    input_height: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    input_width: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    input_mean: float | None = None
    input_std: float | None = None


class CascadeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    stage: Annotated[tuple[StageTable, ...], msgspec.Meta(min_length=1)]
    name: Identifier | None = None
    version: Version | None = None
    root: str | None = None
    licence: str = "not stated"
    intended_use: str = "not stated"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage to be: the question it asks, and the graph that answers it.

    ``map_from`` names the stage whose map shows where, if it is not this one's own: a head that learned from
    positions shows that better than one that learned from whole pictures.
    """

    stage: Stage
    graph: Path
    flags: GraphFlags
    map_from: str | None = None


@dataclass(frozen=True, slots=True)
class CascadePlan:
    """What to convert. The stages name no model yet."""

    name: str
    version: str
    root: str
    stages: tuple[StagePlan, ...]
    licence: str = "not stated"
    intended_use: str = "not stated"

    def renamed(self, name: str | None, version: str | None) -> CascadePlan:
        """Return the plan with another name or version for the bundle, where they are given.

        Raises:
            ConversionError: a bundle cannot be called that.
        """
        for option, text, wanted in (("--name", name, Identifier), ("--version", version, Version)):
            try:
                msgspec.convert(text, wanted | None)
            except msgspec.ValidationError as err:
                raise ConversionError(f"{option} {text!r}: {str(err).replace('`', '')}") from err
        return dataclasses.replace(self, name=name or self.name, version=version or self.version)


def plan_of_graph(graph: Path, labels: Path | None, flags: GraphFlags) -> CascadePlan:
    """Return the plan for one graph: a cascade of one stage, called after its file or, failing that, folder.

    Raises:
        DatasetError: its labels cannot be read.
    """
    found = read_labels(labels or labels_beside(graph))
    name = _identifier(graph.resolve().parent.name if graph.stem in _NAMES_OF_ALL else graph.stem)
    stage = _stage(name, found, meanings_of(found))
    return CascadePlan(name, "1", name, (StagePlan(stage, graph, flags),))


def read_cascade(path: Path) -> CascadePlan:
    """Read and check ``CASCADE.toml``; opens label files and no graph.

    Raises:
        ConversionError: it is not TOML, has unknown keys, or disagrees with itself.
        DatasetError: a label file cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CASCADE_BYTES)
        document = msgspec.toml.decode(text)
    except OSError as err:
        raise ConversionError(f"{path}: {err.strerror or err}; wanted a cascade file") from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise ConversionError(f"{path}: not TOML: {err}") from err
    if problem := next(_unknown_keys(document), None):
        raise ConversionError(f"{path}: {problem}")
    try:
        table = msgspec.convert(document, CascadeTable)
    except msgspec.ValidationError as err:
        raise ConversionError(f"{path}: {str(err).replace('`', '')}") from err
    stages = tuple(_planned(path, stage) for stage in table.stage)
    root = table.root or stages[0].stage.name
    problems = list(cascade_contradictions(Cascade(root=root, stages=tuple(s.stage for s in stages))))
    if problems := [*problems, *_map_contradictions(stages)]:
        raise ConversionError(f"{path}: {'; '.join(problems)}")
    return CascadePlan(
        table.name or _identifier(path.stem),
        table.version or "1",
        root,
        stages,
        table.licence,
        table.intended_use,
    )


def _planned(path: Path, table: StageTable) -> StagePlan:
    graph = path.parent / table.graph
    if isinstance(table.labels, tuple):
        labels = table.labels
        if len(labels) < 2:
            raise ConversionError(f"{path}: stage {table.name}: {len(labels)} labels, wanted two or more")
    else:
        try:
            labels = read_labels(path.parent / table.labels if table.labels else labels_beside(graph))
        except CorrosionError as err:
            raise ConversionError(f"{path}: stage {table.name}: {err}") from err
    flags = GraphFlags(
        input_layer=table.input_layer,
        output_layer=table.output_layer,
        input_height=table.input_height,
        input_width=table.input_width,
        input_mean=table.input_mean,
        input_std=table.input_std,
    )
    stage = _stage(table.name, labels, {**meanings_of(labels), **table.meanings})
    settings = {
        "routes": table.routes,
        "otherwise": table.otherwise,
        "temperature": table.temperature,
        "decision_threshold": table.decision_threshold,
        "abstain_below": table.abstain_below,
    }
    return StagePlan(msgspec.structs.replace(stage, **settings), graph, flags, table.map_from)


def _map_contradictions(stages: tuple[StagePlan, ...]) -> Iterator[str]:
    labels = {planned.stage.name: planned.stage.labels for planned in stages}
    for planned in stages:
        stage, source = planned.stage, planned.map_from
        if source is not None and source not in labels:
            yield f"stage {stage.name}: map_from names {source!r}, which is no stage"
        elif source is not None and labels[source] != stage.labels:
            yield (
                f"stage {stage.name}: labels {', '.join(stage.labels)},"
                f" but its map's are {', '.join(labels[source])} ({source})"
            )


def _stage(name: str, labels: tuple[str, ...], meanings: dict[str, Meaning]) -> Stage:
    return Stage(name=name, labels=labels, model=_NO_MODEL, output=_NO_MODEL, meanings=meanings)


def _unknown_keys(document: dict[str, Any]) -> Iterator[str]:
    """Yield what msgspec would only name, with the nearest known key beside it."""
    yield from _unknown("the file", document, CascadeTable)
    stages = document.get("stage")
    for number, stage in enumerate(stages if isinstance(stages, list) else [], start=1):
        if isinstance(stage, dict):
            yield from _unknown(f"stage {stage.get('name', number)}", stage, StageTable)


def _unknown(where: str, table: dict[str, Any], struct: type[msgspec.Struct]) -> Iterator[str]:
    known = [field.name for field in msgspec.structs.fields(struct)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"
            yield f'{where} has an unknown key "{key}"; {hint}'


def _identifier(text: str) -> str:
    """Return ``text`` with what an identifier cannot have made into hyphens."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "-" for char in text)
    return kept.strip("-_")[:64] or "cascade"
