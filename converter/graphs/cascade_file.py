"""Read and check ``CASCADE.toml``, the stages of one conversion, before any graph is opened."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from converter.graphs.label_meanings import derive_meanings, find_doubts, read_meanings
from converter.graphs.label_names import load_labels
from converter.graphs.label_thresholds import read_thresholds
from converter.graphs.scaling import ColourOrder, GraphFlags
from converter.graphs.stage_file import FileKeys, StageKeys, find_contradictions, read_stage_file
from edge_node.errors import ConversionError, CorrosionError
from edge_node.inference.manifest import Meaning, Positive, Probability, Stage, Triple, Version
from edge_node.inference.stated_risk import StatedRisk
from edge_node.messages.identifiers import Identifier
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_NAMES_OF_ALL = frozenset({"retrained_graph", "output_graph", "saved_model", "model"})


class StageTable(StageKeys, frozen=True, kw_only=True):
    """One stage: its graph, its labels, and what the graph itself does not say.

    Attributes:
        graph: file of the retrained graph; its path is relative to this file.
        labels: file of the labels, or the labels themselves; the file beside the graph if not given.
        temperature: the graph's outputs are divided by this before they become probabilities.
        meanings: for a label what it says of the surface, such as { corroded = false }, where its words do
            not tell.
        thresholds: for a label the probability from which it holds, where the labels do not exclude each
            other (a sigmoid each).
        input_layer: name of the graph's input.
        output_layer: name of the graph's output.
        input_height: of the picture that the graph takes, in pixels.
        input_width: of the picture that the graph takes, in pixels.
        input_mean: is subtracted from each value of the picture.
        input_std: each value of the picture is divided by this, after ``input_mean`` was subtracted.
        input_colour_order: order of red, green and blue in the picture that the graph takes.
    """

    graph: str
    labels: str | tuple[str, ...] | None = None
    temperature: Positive = 1.0
    meanings: dict[str, Meaning] = msgspec.field(default_factory=dict)
    thresholds: dict[str, Probability] = msgspec.field(default_factory=dict)
    input_layer: str | None = None
    output_layer: str | None = None
    input_height: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    input_width: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    input_mean: float | Triple | None = None
    input_std: float | Triple | None = None
    input_colour_order: ColourOrder | None = None


class CascadeTable(FileKeys, frozen=True, kw_only=True):
    """What the stages have in common: the bundle that they become.

    Attributes:
        name: name of the bundle; that of this file if not given.
        version: version of the bundle; 1 if not given.
        licences: names of the licences whose rows may calibrate, as in the recipe. Empty: all licences.
        risk: what ``converter retrain`` measured of the thresholds; it writes this table.
    """

    stage: Annotated[tuple[StageTable, ...], msgspec.Meta(min_length=1)]
    name: Identifier | None = None
    version: Version | None = None
    licences: tuple[str, ...] = ()
    risk: StatedRisk | None = None


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage to convert.

    Attributes:
        stage: as in the manifest, but without a model.
        graph: file of its retrained graph.
        flags: given by the user about the graph.
        map_from: the stage whose map shows where corrosion is, if it is not this stage's own: a head that
            learned from positions shows that better than one that learned from whole pictures.
    """

    stage: Stage
    graph: Path
    flags: GraphFlags
    map_from: str | None = None


@dataclass(frozen=True, slots=True)
class CascadePlan:
    """The cascade to convert; its stages name no model yet."""

    name: str
    version: str
    root: str
    stages: tuple[StagePlan, ...]
    licence: str = "not stated"
    intended_use: str = "not stated"
    colourless: Literal["measured"] | None = None
    licences: tuple[str, ...] = ()
    risk: StatedRisk | None = None

    def rename(self, name: str | None, version: str | None) -> CascadePlan:
        """Return the plan with another name or version for the bundle, where they are given.

        Raises:
            ConversionError: a bundle cannot be called that.
        """
        for option, text, wanted in (("--name", name, Identifier), ("--version", version, Version)):
            try:
                msgspec.convert(text, wanted | None)
            except msgspec.ValidationError as err:
                raise ConversionError(f"{option} {text!r}: {describe_invalid(err, text)}") from err
        return dataclasses.replace(self, name=name or self.name, version=version or self.version)


def plan_single_graph(
    graph: Path,
    labels: Path | None,
    flags: GraphFlags,
    *,
    meanings: Sequence[str] = (),
    thresholds: Sequence[str] = (),
) -> CascadePlan:
    """Return the plan for one graph: a cascade of one stage, named after the graph's file or folder.

    Args:
        graph: its file.
        labels: its label file; None: the one beside it.
        flags: given by the user about the graph.
        meanings: given by the user about labels, as ``LABEL=WORDS``.
        thresholds: given by the user for independent labels, as ``LABEL=PROBABILITY``.

    Raises:
        ConversionError: there is nothing of that name.
        DatasetError: its labels cannot be read, or ``meanings`` or ``thresholds`` say nothing about them.
    """
    if not graph.exists():
        raise ConversionError(f"{graph}: no such file; wanted a graph, or a cascade file that ends in .toml")
    found = load_labels(graph, labels)
    name = _make_identifier(graph.resolve().parent.name if graph.stem in _NAMES_OF_ALL else graph.stem)
    stage = StageKeys(name=name).stage(found, {**derive_meanings(found), **read_meanings(meanings, found)})
    stage = msgspec.structs.replace(
        stage, label_thresholds=read_thresholds(thresholds, found) or msgspec.UNSET
    )
    return CascadePlan(name, "1", name, (StagePlan(stage, graph, flags),))


def read_cascade(path: Path) -> CascadePlan:
    """Read and check ``CASCADE.toml`` and its label files; no graph is opened.

    Raises:
        ConversionError: it is not TOML, has unknown keys, or disagrees with itself.
        DatasetError: a label file cannot be read.
    """
    table = read_stage_file(
        path, CascadeTable, {"stage": StageTable, "risk": StatedRisk}, ConversionError, "a cascade file"
    )
    stages = tuple(_plan_stage(path, stage) for stage in table.stage)
    maps = {planned.stage.name: planned.map_from for planned in stages}
    if problems := list(find_contradictions(table.root, [planned.stage for planned in stages], maps)):
        raise ConversionError(f"{path}: {'; '.join(problems)}")
    return CascadePlan(
        table.name or _make_identifier(path.stem),
        table.version or "1",
        table.root or stages[0].stage.name,
        stages,
        table.licence,
        table.intended_use,
        table.colourless,
        table.licences,
        table.risk,
    )


def describe_doubts(plan: CascadePlan, *, is_file: bool) -> Iterator[str]:
    """Yield for each stage whose labels leave open what they mean a sentence that ends in what to write.

    Args:
        plan: of the conversion.
        is_file: whether it was read from a cascade file, or else from one graph and flags.
    """
    for planned in plan.stages:
        if told := describe_doubt(planned.stage.labels, planned.stage.meanings, is_file=is_file):
            yield f"stage {planned.stage.name}: {told}"


def describe_doubt(labels: Sequence[str], meanings: Mapping[str, Meaning], *, is_file: bool) -> str:
    """Return in a sentence what the labels of one stage leave open, with what to write; empty if nothing."""
    doubt = find_doubts(labels, meanings)
    if doubt is None:
        return ""
    told, open_labels = doubt
    if is_file:
        lines = ", ".join(f'"{label}" = {{ corroded = false }}' for label in open_labels)
        return f"{told}; write into its [[stage]] what is true, like: meanings = {{ {lines} }}"
    flags = " ".join(f"--meaning {quote(label + '=uncorroded')}" for label in open_labels)
    return f"{told}; say what is true, like: {flags}"


def _plan_stage(path: Path, table: StageTable) -> StagePlan:
    graph = path.parent / table.graph
    given = path.parent / table.labels if isinstance(table.labels, str) else table.labels
    if isinstance(given, tuple) and len(given) < 2:
        raise ConversionError(f"{path}: stage {table.name}: {len(given)} labels, wanted two or more")
    try:
        labels = load_labels(graph, given)
    except CorrosionError as err:
        raise ConversionError(f"{path}: stage {table.name}: {err}") from err
    flags = GraphFlags(
        input_layer=table.input_layer,
        output_layer=table.output_layer,
        input_height=table.input_height,
        input_width=table.input_width,
        input_mean=table.input_mean,
        input_std=table.input_std,
        input_colour_order=table.input_colour_order,
    )
    stage = table.stage(labels, {**derive_meanings(labels), **table.meanings})
    thresholds = table.thresholds or msgspec.UNSET
    return StagePlan(
        msgspec.structs.replace(stage, temperature=table.temperature, label_thresholds=thresholds),
        graph,
        flags,
        table.map_from,
    )


def _make_identifier(text: str) -> str:
    """Return ``text`` as an identifier: characters that none can have become hyphens."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "-" for char in text)
    return kept.strip("-_")[:64] or "cascade"
