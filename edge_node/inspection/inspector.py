"""Inspect one picture: check that it can be judged, run the cascade, estimate the corroded area.

The daemon and ``edge-node classify`` do the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_node.errors import ConfigError
from edge_node.inference.cascade import OperatorSettings
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability, estimate_area
from edge_node.inspection.grades import grade
from edge_node.inspection.inspectability import find_colourless, inspect, thresholds_of
from edge_node.inspection.overlay import Marking, draw_overlay
from edge_node.inspection.tiling import (
    Tile,
    TileBudget,
    corroded_share,
    find_worst,
    grid_within,
    stitch_tiles,
    tile_grid,
)
from edge_node.messages.plain_text import path_text
from edge_node.messages.verdict import Decision, Outcome, Tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.config.sections import InspectConfig
    from edge_node.inference.engine import CascadeResult, Engine, ModelOutputs, PreparedPicture
    from edge_node.inference.manifest import Stage
    from edge_node.inspection.inspectability import Thresholds
    from edge_node.messages.verdict import Reason


@dataclass(frozen=True, slots=True)
class Tiling:
    """The grid of tiles that a frame is cut into.

    Attributes:
        across: tiles in a row.
        down: rows of tiles.
        overlap: share of a tile that its neighbour has too.
        budget_ms: a coarser grid is used where the full one would take longer; None: no bound.
    """

    across: int
    down: int
    overlap: float
    budget_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """The decision on one picture, with the corrosion map.

    Attributes:
        decision: outcome, labels, stages, area.
        corroded: probability of corrosion at each position, float32 ``(rows, columns)``; None without a map.
        inference_ms: time of preprocessing and of all models on the path.
        inspected_px: pixels of the camera's picture that the area is a share of.
    """

    decision: Decision
    corroded: NDArray[np.float32] | None
    inference_ms: float
    inspected_px: int = 0


@dataclass(frozen=True, slots=True)
class PreparedInspection:
    """A picture that was checked and preprocessed for the models.

    Attributes:
        size: width and height, px.
        reasons: why it cannot be judged; then there are no pieces.
        pieces: the tiles with their preprocessed pixels; one for the whole picture if it is not tiled.
        grid: of the tiles; None if the picture is not tiled.
    """

    size: tuple[int, int]
    reasons: tuple[Reason, ...]
    pieces: tuple[tuple[Tile, PreparedPicture], ...]
    grid: Tiles | None = None

    @property
    def inspected_px(self) -> int:
        """The pixels of the camera's picture that count."""
        return self.size[0] * self.size[1]


class Inspector:
    """Inspect pictures with one bundle's engine and the operator's settings.

    ``inspect`` does it in one call. The daemon calls its three steps apart: ``prepare`` and ``conclude`` in
    the main thread, ``run`` in the inference thread.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        material: str = "auto",
        thresholds: Thresholds | None = None,
        tiling: Tiling | None = None,
        is_painted_steel: bool = False,
    ) -> None:
        """Inspect with ``engine``.

        Args:
            engine: the models.
            material: the metal, if the operator knows it; "auto" lets the models predict it.
            thresholds: bounds beyond which a picture is not judged; None judges every picture that has
                colour, and grey ones if the bundle was measured on such.
            tiling: the grid of tiles; None judges frames as a whole.
            is_painted_steel: grade the rust by the standards, which are for painted steel.
        """
        self._is_painted_steel = is_painted_steel
        self._tiling = tiling
        self._budget = TileBudget(tiling.budget_ms if tiling is not None else None)
        self.engine = engine
        check_material(material, engine)
        self._thresholds = thresholds
        self._wants_colour = engine.bundle.manifest.colourless != "measured"
        self._settings = None if material == "auto" else OperatorSettings(material=material)

    def inspect(self, pixels: NDArray[np.uint8], *, frozen: bool = False) -> Inspection:
        """Return the decision on a picture, uint8 ``(height, width, 3)``, blue, green, red.

        Args:
            pixels: the picture.
            frozen: the camera repeats it: ``Frame.frozen``.
        """
        prepared = self.prepare(pixels, frozen=frozen)
        return self.conclude(prepared, self.run(prepared))

    def prepare(self, pixels: NDArray[np.uint8], *, frozen: bool = False) -> PreparedInspection:
        """Check whether the picture can be judged, and preprocess it if so."""
        height, width = pixels.shape[:2]
        reasons: tuple[Reason, ...] = ()
        if self._thresholds is not None:
            reasons = inspect(pixels, self._thresholds, frozen=frozen)
        if not reasons and self._wants_colour:
            reasons = find_colourless(pixels)
        if reasons:
            return PreparedInspection((width, height), reasons, ())
        if self._tiling is None:
            whole = Tile(0, 0, width, height)
            return PreparedInspection(
                (width, height), (), ((whole, self.engine.prepare(pixels, self._settings)),)
            )
        grid = grid_within(self._tiling.across, self._tiling.down, self._budget.most)
        tiles = tile_grid(width, height, *grid, self._tiling.overlap)
        cut = ((tile, np.ascontiguousarray(tile.of(pixels))) for tile in tiles)
        pieces = tuple((tile, self.engine.prepare(part, self._settings)) for tile, part in cut)
        return PreparedInspection((width, height), (), pieces, Tiles(across=grid[0], down=grid[1]))

    def run(self, prepared: PreparedInspection) -> tuple[ModelOutputs, ...]:
        """Run the models on each piece and return their outputs."""
        return tuple(self.engine.run(piece, self._settings) for _, piece in prepared.pieces)

    def conclude(self, prepared: PreparedInspection, outputs: tuple[ModelOutputs, ...]) -> Inspection:
        """Return the decision on the whole picture from the outputs of its pieces."""
        return replace(self._decide(prepared, outputs), inspected_px=prepared.inspected_px)

    def _decide(self, prepared: PreparedInspection, outputs: tuple[ModelOutputs, ...]) -> Inspection:
        if prepared.reasons:
            decision = Decision(outcome=Outcome.NOT_INSPECTABLE, reasons=prepared.reasons)
            return Inspection(decision, None, 0.0)
        found = [self._add_area(piece.decide()) for piece in outputs]
        if prepared.grid is None:
            return self._add_grades(found[0])
        whole = _merge_tiles([tile for tile, _ in prepared.pieces], found, *prepared.size)
        prepare_ms = sum(piece.prepare_ms for _, piece in prepared.pieces)
        self._budget.record(
            len(found), prepare_ms=prepare_ms, models_ms=max(0.0, whole.inference_ms - prepare_ms)
        )
        decision = msgspec.structs.replace(whole.decision, tiles=prepared.grid)
        return self._add_grades(replace(whole, decision=decision))

    def _add_grades(self, inspection: Inspection) -> Inspection:
        grades = grade(inspection.decision, is_painted_steel=self._is_painted_steel)
        return replace(inspection, decision=msgspec.structs.replace(inspection.decision, grades=grades))

    def _add_area(self, result: CascadeResult) -> Inspection:
        """Return a result with corroded area and map, if it has them."""
        stage = self._condition_stage(result)
        if stage is None:
            return Inspection(result.decision, None, result.inference_ms)
        logits = result.maps[stage.name]
        area = _round_area(estimate_area(logits, stage))
        decision = msgspec.structs.replace(result.decision, area_fraction=area)
        return Inspection(decision, corroded_probability(logits, stage), result.inference_ms)

    def _condition_stage(self, result: CascadeResult) -> Stage | None:
        """Return the stage that predicted corrosion, if it has a map; only corroded metal has an area."""
        if result.decision.outcome is not Outcome.CORRODED:
            return None
        cascade = self.engine.bundle.manifest.cascade
        path = [cascade.stage(step.name) for step in result.decision.stages if step.label is not None]
        return next((s for s in reversed(path) if s.name in result.maps and corroded_labels(s)), None)


def _merge_tiles(tiles: list[Tile], found: list[Inspection], width: int, height: int) -> Inspection:
    """Return the decision on a frame from those on its tiles: the worst, with one map of the whole frame."""
    worst = found[find_worst([inspection.decision for inspection in found])]
    chosen = worst.decision
    corroded = stitch_tiles(
        [(tile, inspection.corroded) for tile, inspection in zip(tiles, found, strict=True)], width, height
    )
    if worst.corroded is not None and corroded is not None:
        chosen = msgspec.structs.replace(chosen, area_fraction=_round_area(corroded_share(corroded)))
    return Inspection(chosen, corroded, sum(inspection.inference_ms for inspection in found))


def _round_area(share: float) -> float | None:
    """Return the area for the verdict; None where the map shows nothing: corroded metal has no area of 0."""
    return round(share, 4) or None


def configured_inspector(config: InspectConfig, engine: Engine) -> Inspector:
    """Return an inspector with the operator's settings.

    Raises:
        ConfigError: the bundle does not know the material.
    """
    tiling = None
    if config.tiles_across * config.tiles_down > 1:
        tiling = Tiling(config.tiles_across, config.tiles_down, config.tile_overlap, config.tile_budget_ms)
    return Inspector(
        engine,
        material=config.material,
        thresholds=thresholds_of(config),
        tiling=tiling,
        is_painted_steel=config.surface == "painted_steel",
    )


def check_material(material: str, engine: Engine) -> None:
    """Refuse a material that no stage knows: it would have no effect."""
    stages = engine.bundle.manifest.cascade.stages
    meanings = [meaning for stage in stages for meaning in stage.meanings.values()]
    known = sorted({meaning.material for meaning in meanings if meaning.material})
    if material != "auto" and known and material not in known:
        raise ConfigError(f"material {material!r}: wanted auto, or what the bundle knows: {', '.join(known)}")


def draw_inspection(pixels: NDArray[np.uint8], inspection: Inspection) -> NDArray[np.uint8]:
    """Return the picture with its corrosion map, if it has one, and the verdict and path below."""
    marking = make_marking(inspection)
    return draw_overlay(pixels, marking.corroded, marking.lines)


def make_marking(inspection: Inspection) -> Marking:
    """Return the corrosion map, and the verdict and its path as text."""
    decision = inspection.decision
    parts = [decision.outcome.value, decision.material, decision.form, decision.severity]
    lines = [" ".join(part for part in parts if part), path_text(decision)]
    if decision.area_fraction is not None:
        lines.insert(1, f"about {decision.area_fraction:.0%} of the picture, estimated from a coarse map")
    if decision.grades is not None:
        lines.insert(
            2, f"near ISO 4628-3 {decision.grades.iso_4628_3}, ASTM D610 {decision.grades.astm_d610}"
        )
    return Marking(inspection.corroded, tuple(lines))
