"""What one conversion is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from converter.evaluation.accuracy_budget import AccuracyBudget
from converter.quantize.request import Mode, Target

if TYPE_CHECKING:
    from collections.abc import Callable
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
    from converter.quantize.request import ConversionResult
    from edge_node.inference.bundle import Bundle

# From a step's name and its number of parts to what is called after each part.
BeginStep: TypeAlias = "Callable[[str, int], Callable[[], None]]"


@dataclass(frozen=True, slots=True)
class ConversionOrder:
    """What one conversion is asked for.

    Attributes:
        plan: the stages.
        out: the bundle's folder.
        mode: what becomes of the numbers.
        target: the runtime that will run it.
        calibration: folder that ranges are measured on.
        calibration_pictures: how many of it.
        seed: of their choice.
        evaluate: labelled pictures, or None.
        budget: what quantizing may cost on them, or else on the calibration pictures.
        max_risk: error among decided pictures that thresholds are chosen for, or None for no abstaining.
        fuse: whether stages with one backbone become one model.
        all_modes: whether the other modes are made too, to weigh and time them.
        force: replace an existing bundle.
    """

    plan: CascadePlan
    out: Path
    mode: Mode
    target: Target = Target.LITERT
    calibration: Path | None = None
    calibration_pictures: int = 200
    seed: int = 0
    evaluate: Path | None = None
    budget: AccuracyBudget = field(default_factory=AccuracyBudget)
    max_risk: float | None = None
    fuse: bool = True
    all_modes: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class ModeCost:
    """What a mode costs.

    Attributes:
        mode: what became of the numbers.
        size_bytes: of all models.
        milliseconds: of one inference of all models, on this machine at one thread.
        conversion: time of all conversions to this mode, those included that a budget asked for, and the
            memory of the largest. Where two modes share ranges, the first one alone pays for measuring them.
    """

    mode: Mode
    size_bytes: int
    milliseconds: float
    conversion: ConversionResult


@dataclass(frozen=True, slots=True)
class ConversionOutcome:
    """What came of a conversion: everything that the table and the report show.

    Attributes:
        order: what was asked for.
        bundle: as written.
        reference: the same cascade in float32.
        fused: the graphs that were converted.
        graphs: per stage.
        calibration: the calibration pictures, if any.
        comparisons: float against quantized on the labelled pictures, or else the calibration pictures.
        labelled: the labelled pictures, if any.
        answers: what the quantized stages said of them.
        drops: what quantizing cost, per stage and for the cascade.
        fits: per stage.
        map_fits: per stage whose map has a threshold fitted on masks.
        float_layers: kept in float for the budget.
        all_quantized: size in bytes and milliseconds without those, where there are any.
        mode_costs: of float32 and the mode asked for; of the others too, if they were asked for.
        seconds: of the whole conversion.
        peak_memory_mb: the most that this process took, and the most that one of its children took.
        warnings: what a person should look at.
    """

    order: ConversionOrder
    bundle: Bundle
    reference: Bundle
    fused: tuple[FusedGraph, ...]
    graphs: dict[str, TrainedGraph]
    calibration: Calibration | None
    comparisons: tuple[StageComparison, ...] = ()
    labelled: LabelledSet | None = None
    answers: StageLogits | None = None
    drops: tuple[Drop, ...] = ()
    fits: dict[str, StageFit] = field(default_factory=dict)
    map_fits: dict[str, MapFit] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()
    all_quantized: tuple[int, float] | None = None
    mode_costs: tuple[ModeCost, ...] = ()
    seconds: float = 0.0
    peak_memory_mb: tuple[float, float] = (0.0, 0.0)
    warnings: tuple[str, ...] = ()

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Of one inference of all models, float and quantized, on this machine at one thread."""
        found = {cost.mode: cost.milliseconds for cost in self.mode_costs}
        return found[Mode.NONE], found[self.order.mode]
