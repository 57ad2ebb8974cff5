"""Define the order of one conversion, its inputs and its outcome."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converter.evaluation.accuracy_budget import AccuracyBudget
from converter.quantize.request import Mode, Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from converter.data.calibration_pictures import Calibration
    from converter.evaluation.accuracy_budget import Drop
    from converter.evaluation.confidence_fit import StageFit
    from converter.evaluation.float_agreement import StageComparison, StageLogits
    from converter.evaluation.labelled_set import LabelledSet
    from converter.evaluation.map_threshold import MapFit
    from converter.graphs.cascade_file import CascadePlan
    from converter.graphs.fuse import FusedGraph
    from converter.graphs.trained_graph import TrainedGraph
    from converter.proof.source_proof import SourceProof
    from converter.quantize.request import ConversionResult
    from edge_node.inference.bundle import Bundle


CALIBRATION_PICTURES, DRAFT_PICTURES = 200, 50  # how many are chosen by default


@dataclass(frozen=True, slots=True)
class ConversionOrder:
    """Options of one conversion, as the command line gives them.

    Attributes:
        plan: the stages.
        out: the bundle's folder.
        mode: number format of the models.
        target: the runtime that will run them.
        calibration: folder of pictures that ranges of activations are measured on.
        calibration_pictures: how many of them are used.
        seed: of their choice.
        evaluate: labelled pictures, or None.
        budget: what quantizing may cost on them, or else on the calibration pictures.
        max_risk: error among decided pictures that thresholds are chosen for; None for stages that never
            abstain.
        source_proof: whether the bundle is held to its source models in TensorFlow.
        fuse: whether stages with one backbone become one model.
        all_modes: whether the other modes are made too, to measure their size and time.
        force: replace an existing bundle.
        draft: for a first look: fewer pictures, and nothing that holds the bundle to anything.
    """

    plan: CascadePlan
    out: Path
    mode: Mode
    target: Target = Target.LITERT
    calibration: Path | None = None
    calibration_pictures: int = CALIBRATION_PICTURES
    seed: int = 0
    evaluate: Path | None = None
    budget: AccuracyBudget = field(default_factory=AccuracyBudget)
    max_risk: float | None = None
    source_proof: bool = True
    fuse: bool = True
    all_modes: bool = False
    force: bool = False
    draft: bool = False


@dataclass(frozen=True, slots=True)
class ConversionInputs:
    """Content of an order's files, read and ready to convert.

    Attributes:
        calibration: the calibration pictures, if any.
        graphs: per stage.
        fused: the graphs to convert: one for all stages with the same backbone.
    """

    calibration: Calibration | None
    graphs: dict[str, TrainedGraph]
    fused: tuple[FusedGraph, ...]


@dataclass(frozen=True, slots=True)
class ModeCost:
    """Size, speed and cost of conversion of one mode.

    Attributes:
        mode: number format of the models.
        size_bytes: of all models.
        milliseconds: of one inference of all models, on this machine at one thread.
        conversion: time of all conversions to this mode, including those for a budget, and the memory of the
            largest. Where two modes share ranges, the time to measure them is counted in the first.
    """

    mode: Mode
    size_bytes: int
    milliseconds: float
    conversion: ConversionResult


@dataclass(frozen=True, slots=True)
class ConversionOutcome:
    """The bundle and everything that the table and the report show of its conversion.

    Attributes:
        order: of the conversion.
        bundle: to be written.
        reference: the same cascade in float32.
        fused: the graphs that were converted.
        graphs: per stage.
        calibration: the calibration pictures, if any.
        comparisons: float against quantized on labelled, else calibration, else golden pictures.
        answers: logits of the quantized stages for the compared pictures.
        labelled: the labelled pictures, if any.
        drops: accuracy lost by quantizing, per stage and for the cascade.
        fits: temperature and threshold per stage.
        map_fits: per stage whose map has a threshold fitted on masks.
        float_layers: layers kept in float for the budget.
        all_quantized: size in bytes and ms of an inference without float layers, where there are any.
        mode_costs: of float32 and the order's mode; of the others too with ``--all-modes``.
        seconds: of the whole conversion.
        peak_memory_mb: of this process, and of its largest child.
        warnings: sentences for people.
        proof: what the source models say in TensorFlow itself, beside the bundle; None: not asked yet.
    """

    order: ConversionOrder
    bundle: Bundle
    reference: Bundle
    fused: tuple[FusedGraph, ...]
    graphs: dict[str, TrainedGraph]
    calibration: Calibration | None
    comparisons: tuple[StageComparison, ...]
    answers: StageLogits
    labelled: LabelledSet | None = None
    drops: tuple[Drop, ...] = ()
    fits: dict[str, StageFit] = field(default_factory=dict)
    map_fits: dict[str, MapFit] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()
    all_quantized: tuple[int, float] | None = None
    mode_costs: tuple[ModeCost, ...] = ()
    seconds: float = 0.0
    peak_memory_mb: tuple[float, float] = (0.0, 0.0)
    warnings: tuple[str, ...] = ()
    proof: SourceProof | None = None

    @property
    def is_calibrated(self) -> bool:
        """Whether ranges of any model were measured on the calibration pictures."""
        converted = any(graph.ready is None for graph in self.fused)
        return self.calibration is not None and self.order.mode.needs_calibration and converted

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Time of one inference of all models, float and quantized, on this machine at one thread."""
        found = {cost.mode: cost.milliseconds for cost in self.mode_costs}
        return found.get(Mode.NONE, found[self.order.mode]), found[self.order.mode]


def keep_mode(order: ConversionOrder, inputs: ConversionInputs) -> ConversionOrder:
    """Return the order in the number format of its files, where each is a `.tflite` file already."""
    modes = {None if graph.ready is None else graph.ready.mode for graph in inputs.graphs.values()}
    if None in modes:
        return order
    return dataclasses.replace(order, mode=Mode(modes.pop()) if len(modes) == 1 else Mode.NONE)


def describe_finished(inputs: ConversionInputs, wanted: Mode) -> Iterator[str]:
    """Yield a sentence for each stage that was a `.tflite` file already."""
    for stage, graph in inputs.graphs.items():
        if graph.ready is None:
            continue
        mode = Mode(graph.ready.mode)
        other = f", not {wanted.heading}: nothing in it is quantized again"
        other = "" if wanted in {mode, Mode.NONE} else other
        changes = ", ".join(graph.ready.changes)
        kept = f"kept but for this: {changes}" if changes else "kept byte for byte"
        yield (
            f"{stage}: {graph.file.path.name} is a .tflite file already ({mode.heading}{other}); {kept}, and"
            " float is not compared with 8 bits, because there is no float model of it"
        )
