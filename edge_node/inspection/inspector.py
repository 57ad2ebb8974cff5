"""Inspect one picture: check that it can be judged, run the cascade, estimate the corroded area.

The daemon and ``edge-node classify`` do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

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
from edge_node.messages.verdict import Decision, Outcome, Reason, Tiles
from edge_node.plain_struct import PlainStruct
from edge_node.view.recorded_view import record_view
from edge_node.view.view import MIN_COUNTED_SHARE, ViewMisfitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.config.sections import InspectConfig
    from edge_node.inference.engine import CascadeResult, Engine, ModelOutputs, PreparedPicture
    from edge_node.inference.manifest import Stage
    from edge_node.inspection.inspectability import Thresholds
    from edge_node.view.counted_pixels import CountedPixels
    from edge_node.view.framing import Framing
    from edge_node.view.recorded_view import RecordedView
    from edge_node.view.view import View

_MAP_CELLS = 96  # along the longer side, of a map that is carried over to the camera's picture


class Tiling(PlainStruct, frozen=True):
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


class Inspection(PlainStruct, frozen=True):
    """The decision on one picture, with the corrosion map.

    Attributes:
        decision: outcome, labels, stages, area.
        corroded: probability of corrosion at each position of what was judged, float32 ``(rows, columns)``;
            None without a map.
        inference_ms: time of preprocessing and of all models on the path.
        framing: the view that was judged; None if it is the camera's picture as it is.
    """

    decision: Decision
    corroded: NDArray[np.float32] | None
    inference_ms: float
    framing: Framing | None = None


class PreparedInspection(PlainStruct, frozen=True):
    """A picture that was checked and preprocessed for the models.

    Attributes:
        size: width and height of what is judged, px.
        reasons: why it cannot be judged; then there are no pieces.
        pieces: the tiles with their preprocessed pixels; one for the whole picture if it is not tiled.
        grid: of the tiles; None if the picture is not tiled.
        framing: the view that is judged; None if it is the camera's picture as it is.
    """

    size: tuple[int, int]
    reasons: tuple[Reason, ...]
    pieces: tuple[tuple[Tile, PreparedPicture], ...]
    grid: Tiles | None = None
    framing: Framing | None = None

    @property
    def counted(self) -> CountedPixels | None:
        """The pixels that count; None for all."""
        return self.framing.counted if self.framing is not None else None

    @property
    def inspected_px(self) -> int:
        """The number of pixels that count."""
        return self.counted.count if self.counted is not None else self.size[0] * self.size[1]

    @property
    def focal_px(self) -> float | None:
        """Focal length of what is judged, in its pixels; None where no lens is known."""
        return self.framing.focal_px if self.framing is not None else None


class Inspector:
    """Inspect pictures with one bundle's engine and the operator's settings.

    ``inspect`` does it in one call. The daemon calls its three steps apart: ``prepare`` and ``conclude`` in
    the main thread, ``run`` in the inference thread.
    """

    def __init__(  # noqa: PLR0913  # each is a setting, by name
        self,
        engine: Engine,
        *,
        material: str = "auto",
        thresholds: Thresholds | None = None,
        tiling: Tiling | None = None,
        is_painted_steel: bool = False,
        view: View | None = None,
    ) -> None:
        """Inspect with ``engine``.

        Args:
            engine: the models.
            material: the metal, if the operator knows it; "auto" lets the models predict it.
            thresholds: bounds beyond which a picture is not judged; None judges every picture that has
                colour, and grey ones if the bundle was measured on such.
            tiling: the grid of tiles; None judges frames as a whole.
            is_painted_steel: grade the rust by the standards, which are for painted steel.
            view: how the picture that is judged is made of the camera's; None judges that as it is.
        """
        self._view = view
        self._is_painted_steel = is_painted_steel
        self._tiling = tiling
        self._budget = TileBudget(tiling.budget_ms if tiling is not None else None)
        self.engine = engine
        check_material(material, engine)
        self._thresholds = thresholds
        self._wants_colour = engine.bundle.manifest.colourless != "measured"
        self._settings = None if material == "auto" else OperatorSettings(material=material)

    def inspect(
        self, pixels: NDArray[np.uint8], *, frozen: bool = False, view: View | None = None
    ) -> Inspection:
        """Return the decision on a picture, uint8 ``(height, width, 3)``, blue, green, red.

        Args:
            pixels: the camera's picture.
            frozen: the camera repeats it: ``Frame.frozen``.
            view: recorded with this picture, in place of the inspector's.
        """
        prepared = self.prepare(pixels, frozen=frozen, view=view)
        return self.conclude(prepared, self.run(prepared))

    def prepare(
        self, pixels: NDArray[np.uint8], *, frozen: bool = False, view: View | None = None
    ) -> PreparedInspection:
        """Make the view, check whether it can be judged, and preprocess it if so; see ``inspect``."""
        framing = counted = None
        if (view := view or self._view) is not None:
            try:
                framing = view.framing(pixels.shape[1], pixels.shape[0])
            except ViewMisfitError as err:
                why = Reason(code="view", text=str(err))
                return PreparedInspection((pixels.shape[1], pixels.shape[0]), (why,), ())
            pixels, counted = framing.render(pixels), framing.counted
        size = (pixels.shape[1], pixels.shape[0])
        if reasons := self._find_reasons(pixels, framing, frozen=frozen):
            return PreparedInspection(size, reasons, (), framing=framing)
        if self._tiling is None:
            whole = (Tile(0, 0, *size), self.engine.prepare(pixels, self._settings))
            return PreparedInspection(size, (), (whole,), framing=framing)
        grid = grid_within(self._tiling.across, self._tiling.down, self._budget.most)
        tiles = _choose_tiles(tile_grid(*size, *grid, self._tiling.overlap), counted)
        cut = ((tile, np.ascontiguousarray(tile.of(pixels))) for tile in tiles)
        pieces = tuple((tile, self.engine.prepare(part, self._settings)) for tile, part in cut)
        return PreparedInspection(size, (), pieces, Tiles(across=grid[0], down=grid[1]), framing)

    def _find_reasons(
        self, pixels: NDArray[np.uint8], framing: Framing | None, *, frozen: bool
    ) -> tuple[Reason, ...]:
        """Return why a view cannot be judged; empty if it can."""
        reasons: tuple[Reason, ...] = ()
        counted = None if framing is None else framing.counted
        if self._thresholds is not None:
            reasons = inspect(pixels, self._thresholds, frozen=frozen, counted=counted)
        if not reasons and self._wants_colour:
            if framing is not None and framing.is_transposed:  # as the camera writes its name and time
                pixels = np.swapaxes(pixels, 0, 1)
                counted = None if counted is None else counted.transposed
            reasons = find_colourless(pixels, counted)
        return reasons

    def run(self, prepared: PreparedInspection) -> tuple[ModelOutputs, ...]:
        """Run the models on each piece and return their outputs."""
        return tuple(self.engine.run(piece, self._settings) for _, piece in prepared.pieces)

    def conclude(self, prepared: PreparedInspection, outputs: tuple[ModelOutputs, ...]) -> Inspection:
        """Return the decision on the whole picture from the outputs of its pieces."""
        if prepared.reasons:
            decision = Decision(outcome=Outcome.NOT_INSPECTABLE, reasons=prepared.reasons)
            return Inspection(decision, None, 0.0, prepared.framing)
        counted, tiles = prepared.counted, [tile for tile, _ in prepared.pieces]
        found = [
            replace(self._add_area(piece.decide(), _part_of(counted, tile)), framing=prepared.framing)
            for tile, piece in zip(tiles, outputs, strict=True)
        ]
        if prepared.grid is None:
            return self._add_grades(found[0])
        whole = _merge_tiles(tiles, found, prepared.size, counted)
        prepare_ms = sum(piece.prepare_ms for _, piece in prepared.pieces)
        self._budget.record(
            len(found), prepare_ms=prepare_ms, models_ms=max(0.0, whole.inference_ms - prepare_ms)
        )
        decision = msgspec.structs.replace(whole.decision, tiles=prepared.grid)
        return self._add_grades(replace(whole, decision=decision))

    def _add_grades(self, inspection: Inspection) -> Inspection:
        grades = grade(inspection.decision, is_painted_steel=self._is_painted_steel)
        if grades is None:
            return inspection
        return replace(inspection, decision=msgspec.structs.replace(inspection.decision, grades=grades))

    def _add_area(self, result: CascadeResult, counted: CountedPixels | None) -> Inspection:
        """Return a result with corroded area and map, if it has them; only what counts is in them."""
        stage = self._condition_stage(result)
        if stage is None:
            return Inspection(result.decision, None, result.inference_ms)
        logits = result.maps[stage.name]
        area = _round_area(estimate_area(logits, stage, counted))
        decision = msgspec.structs.replace(result.decision, area_fraction=area)
        corroded = corroded_probability(logits, stage)
        if counted is not None:
            corroded = np.where(counted.shares(*corroded.shape) > 0, corroded, np.float32(0))
        return Inspection(decision, corroded, result.inference_ms)

    def _condition_stage(self, result: CascadeResult) -> Stage | None:
        """Return the stage that predicted corrosion, if it has a map; only corroded metal has an area."""
        if result.decision.outcome is not Outcome.CORRODED:
            return None
        cascade = self.engine.bundle.manifest.cascade
        path = [cascade.stage(step.name) for step in result.decision.stages if step.label is not None]
        return next((s for s in reversed(path) if s.name in result.maps and corroded_labels(s)), None)


def _choose_tiles(tiles: list[Tile], counted: CountedPixels | None) -> list[Tile]:
    """Return the tiles of which enough counts to be judged; where none has enough, the one with the most."""
    if counted is None:
        return tiles
    shares = [counted.part(tile.left, tile.top, tile.width, tile.height).share for tile in tiles]
    least = min(MIN_COUNTED_SHARE, max(shares))
    return [tile for tile, share in zip(tiles, shares, strict=True) if share >= least]


def _part_of(counted: CountedPixels | None, tile: Tile) -> CountedPixels | None:
    return None if counted is None else counted.part(tile.left, tile.top, tile.width, tile.height)


def _merge_tiles(
    tiles: list[Tile], found: list[Inspection], size: tuple[int, int], counted: CountedPixels | None
) -> Inspection:
    """Return the decision on a frame from those on its tiles: the worst, with one map of the whole frame."""
    worst = found[find_worst([inspection.decision for inspection in found])]
    chosen = worst.decision
    corroded = stitch_tiles(
        [(tile, inspection.corroded) for tile, inspection in zip(tiles, found, strict=True)], *size
    )
    if worst.corroded is not None and corroded is not None:
        area = _round_area(corroded_share(corroded, counted))
        chosen = msgspec.structs.replace(chosen, area_fraction=area)
    took_ms = sum(inspection.inference_ms for inspection in found)
    return Inspection(chosen, corroded, took_ms, worst.framing)


def _round_area(share: float) -> float | None:
    """Return the area for the verdict; None where the map shows nothing: corroded metal has no area of 0."""
    return round(share, 4) or None


def configured_inspector(config: InspectConfig, engine: Engine, view: View | None = None) -> Inspector:
    """Return an inspector with the operator's settings, of the view that ``[camera]`` asks for.

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
        view=view,
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
    """Return the corrosion map of the camera's picture, the verdict and its path as text, and the view."""
    decision = inspection.decision
    parts = [decision.outcome.value, decision.material, decision.form, decision.severity]
    lines = [" ".join(part for part in parts if part), path_text(decision)]
    if decision.area_fraction is not None:
        of = "the picture" if inspection.framing is None else "what is judged"
        lines.insert(1, f"about {decision.area_fraction:.0%} of {of}, estimated from a coarse map")
    if decision.grades is not None:
        lines.insert(
            2, f"near ISO 4628-3 {decision.grades.iso_4628_3}, ASTM D610 {decision.grades.astm_d610}"
        )
    return Marking(camera_map(inspection), tuple(lines), recorded_view(inspection))


def recorded_view(inspection: Inspection) -> RecordedView | None:
    """Return the view that was judged, with its mask; None if it was the camera's picture as it is."""
    framing = inspection.framing
    return None if framing is None else record_view(framing.numbers, framing.settings.mask)


def camera_map(inspection: Inspection) -> NDArray[np.float32] | None:
    """Return the corrosion map over the camera's picture, of which another part or none may be judged."""
    corroded, framing = inspection.corroded, inspection.framing
    if corroded is None or framing is None:
        return corroded
    numbers = framing.numbers
    scale = _MAP_CELLS / max(numbers.camera_width_px, numbers.camera_height_px)
    rows, columns = (
        max(1, min(side, round(side * scale))) for side in (numbers.camera_height_px, numbers.camera_width_px)
    )
    return framing.to_camera(corroded, rows, columns)
