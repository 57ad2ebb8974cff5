"""Convert the graphs of an order to any mode, and assemble each result as a bundle in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.conversion.bundle_writer import MadeModel, assemble, list_tool_versions
from converter.progress import share_of
from converter.quantize.layer_ranking import LayerGain, order_layers
from converter.quantize.request import ConversionResult, Mode
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.quantize.type_audit import audit_types
from edge_node.inference.manifest import BACKBONE_NOTE, CalibrationSet, Provenance, SourceGraph
from edge_node.inference.stated_risk import format_risk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from converter.conversion.order import ConversionInputs, ConversionOrder
    from converter.graphs.fuse import FusedGraph
    from converter.progress import BeginStep
    from converter.quantize.conversion_process import ConversionProcess
    from edge_node.inference.bundle import Bundle


class BundleMaker:
    """Converts the graphs of one order to one mode after another, and sums up time and memory."""

    def __init__(
        self,
        order: ConversionOrder,
        inputs: ConversionInputs,
        begin: BeginStep,
        process: ConversionProcess,
        work: Path,
    ) -> None:
        """Keep the parts that every conversion needs.

        Args:
            order: of the conversion.
            inputs: its graphs and calibration pictures.
            begin: shows a step, see ``BeginStep``.
            process: converts.
            work: folder that keeps each graph's calibrated model from one conversion to the next.
        """
        self._order, self._inputs, self._begin = order, inputs, begin
        self._process, self._work = process, work
        self._taken: dict[Mode, ConversionResult] = {}

    @property
    def taken(self) -> Mapping[Mode, ConversionResult]:
        """Time of all conversions to each mode so far, and the memory of the largest."""
        return self._taken

    def make(self, mode: Mode, float_layers: tuple[str, ...] = ()) -> Bundle:
        """Convert every graph to ``mode``, check the types of its weights, and return the bundle.

        Args:
            mode: number format of the models.
            float_layers: layers that stay in float, as ``rank`` returns them.

        Raises:
            ConversionError: TensorFlow's converter refuses, or a model is not what its mode promises.
        """
        fused = self._inputs.fused
        kept = f", {len(float_layers)} layers in float" if float_layers else ""
        what = f"converting, {mode.heading}{kept}"
        if all(graph.ready is not None for graph in fused):
            what = "taking .tflite files as they are"
        advance = self._begin(what, len(fused))
        models = [self._make_model(graph, mode, float_layers, share_of(advance)) for graph in fused]
        return assemble(self._order.plan, models, self._provenance())

    def rank(self) -> tuple[str, ...]:
        """Return the layers of all models, the one whose rounding costs most first."""
        gains: list[LayerGain] = []
        for graph in self._inputs.fused:
            if graph.ready is not None:
                continue
            report = share_of(self._begin(f"ranking layers of {graph.stages[0]}", 1))
            pictures = self._pictures(graph)
            if pictures is not None:
                folder = self._graph_folder(graph)
                gains += self._process.rank(graph, pictures, self._order.target, folder, report)
            report(1.0)
        return order_layers(gains)

    def _make_model(
        self, graph: FusedGraph, mode: Mode, float_layers: tuple[str, ...], report: Callable[[float], None]
    ) -> MadeModel:
        if graph.ready is not None:
            self._taken.setdefault(mode, ConversionResult(seconds=0.0, peak_memory_mb=0.0))
            report(1.0)
            return MadeModel(graph, Mode(graph.ready.mode), graph.ready.content)
        pictures = self._pictures(graph) if mode.needs_calibration else None
        folder = self._graph_folder(graph)
        target = self._order.target
        converted = self._process.convert(graph, mode, pictures, target, float_layers, folder, report)
        report(1.0)
        earlier = self._taken.get(mode)
        self._taken[mode] = earlier.and_then(converted.result) if earlier else converted.result
        audit_types(", ".join(graph.stages), converted.content, mode, len(float_layers))
        return MadeModel(graph, mode, add_metadata(converted.content, self._describe(graph)))

    def _describe(self, graph: FusedGraph) -> ModelDescription:
        plan = self._order.plan
        labels = {planned.stage.name: planned.stage.labels for planned in plan.stages}
        return ModelDescription(
            name=plan.name,
            version=plan.version,
            licence=plan.licence,
            description=f"Corrosion inspection, stages {', '.join(graph.stages)}: {plan.intended_use}",
            preprocessing=graph.preprocessing,
            labels={output.tensor: labels[output.stage] for output in graph.outputs},
            independent=frozenset(output.tensor for output in graph.outputs if output.independent),
        )

    def _provenance(self) -> Provenance:
        converts = any(graph.ready is None for graph in self._inputs.fused)
        needed = self._order.mode.needs_calibration and converts
        calibration = self._inputs.calibration if needed else None
        return Provenance(
            graphs=tuple(
                SourceGraph(stage=stage, file=graph.file.path.name, sha256=graph.file.sha256)
                for stage, graph in self._inputs.graphs.items()
            ),
            tools=list_tool_versions(),
            calibration=CalibrationSet(
                pictures=len(calibration.paths), sha256=calibration.sha256, seed=calibration.seed
            )
            if calibration
            else None,
            notes=(
                f"target: {self._order.target.value}",
                *self._describe_backbones(),
                *self._describe_contracts(),
                *([format_risk(risk)] if (risk := self._order.plan.risk) else []),
            ),
        )

    def _describe_backbones(self) -> Iterator[str]:
        """Yield where the weights of each backbone came from, with their licence, where a record says it."""
        graphs = self._inputs.graphs.values()
        yield from dict.fromkeys(f"{BACKBONE_NOTE}{graph.backbone}" for graph in graphs if graph.backbone)

    def _describe_contracts(self) -> Iterator[str]:
        """Yield what each graph wants of a picture, and where that comes from, a fact a line."""
        for stage, graph in self._inputs.graphs.items():
            for fact, text in graph.facts:
                yield f"{stage}: {fact}: {text}"

    def _graph_folder(self, graph: FusedGraph) -> Path:
        folder = self._work / graph.stages[0]
        folder.mkdir(exist_ok=True)
        return folder

    def _pictures(self, graph: FusedGraph) -> NDArray[np.uint8] | None:
        calibration = self._inputs.calibration
        return calibration.resized(graph.preprocessing) if calibration else None
