"""The inspector judges each tile with the real models, as many as the budget allows."""

from __future__ import annotations

from dataclasses import replace

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector, Tiling, make_marking
from edge_node.messages.verdict import Outcome


@pytest.mark.runtime
def test_the_inspector_judges_each_tile_with_the_real_models():
    """With one tile the answer is that of the whole; with four it is that of the worst quarter."""
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    frames = list(iter_video(CLIP))[::40]
    whole, one = Inspector(engine), Inspector(engine, tiling=Tiling(1, 1, 0.0))
    quarters = Inspector(engine, tiling=Tiling(2, 2, 0.0))
    ranks = [Outcome.NOT_INSPECTABLE, Outcome.UNCORRODED, Outcome.UNCERTAIN, Outcome.CORRODED]
    for pixels in frames:
        assert one.inspect(pixels).decision.stages == whole.inspect(pixels).decision.stages
        height, width = pixels.shape[:2]
        parts = [
            np.ascontiguousarray(pixels[top : top + height // 2, left : left + width // 2])
            for top in (0, height // 2)
            for left in (0, width // 2)
        ]
        expected = max((whole.inspect(part).decision.outcome for part in parts), key=ranks.index)
        assert quarters.inspect(pixels).decision.outcome is expected


@pytest.mark.runtime
@pytest.mark.parametrize("tiling", [None, Tiling(2, 2, 0.1)])
def test_only_painted_steel_is_graded(tiling):
    """By default a corroded frame has an area alone; of painted steel it has grades, in its text as well."""
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    plain = Inspector(engine, tiling=tiling)
    painted = Inspector(engine, tiling=tiling, is_painted_steel=True)
    corroded = [
        (one, two)
        for pixels in list(iter_video(CLIP))[::20]
        if (one := plain.inspect(pixels)).corroded is not None and (two := painted.inspect(pixels))
    ]
    assert all(one.decision.grades is None for one, _ in corroded)
    assert not any("ISO" in line for one, _ in corroded for line in make_marking(one).lines)
    steel = [two for _, two in corroded if two.decision.material == "steel" and two.decision.area_fraction]
    others = [two for _, two in corroded if two not in steel]
    assert steel
    assert all(two.decision.grades is not None for two in steel)
    assert all(any("ISO" in line for line in make_marking(two).lines) for two in steel)
    assert all(two.decision.grades is None for two in others)


@pytest.mark.runtime
@pytest.mark.parametrize("tiling", [None, Tiling(2, 2, 0.1)])
@pytest.mark.parametrize("thresholds", [None, Thresholds()])
def test_without_colour_only_a_bundle_that_was_measured_on_such_judges(tiling, thresholds):
    """With and without the gate, whole and in tiles; the claim stands in the bundle's manifest."""
    bundle = load_bundle(DEFAULT_BUNDLE)
    claims = msgspec.structs.replace(bundle.manifest, colourless="measured")
    pixels = next(iter(iter_video(CLIP)))
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    found = [
        Inspector(Engine(each), tiling=tiling, thresholds=thresholds).inspect(picture).decision
        for each in (bundle, replace(bundle, manifest=claims))
        for picture in (pixels, grey)
    ]
    assert [reason.code for decision in found for reason in decision.reasons if not decision.stages] == [
        "colourless"
    ]
    assert found[1].outcome is Outcome.NOT_INSPECTABLE
    assert [bool(decision.stages) for decision in found] == [True, False, True, True]


@pytest.mark.runtime
def test_a_budget_makes_tiles_fewer_and_the_verdict_says_so():
    """The first frame is judged whole; then as finely as the time allows: all tiles, or one for ever."""
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    pixels = next(iter(iter_video(CLIP)))
    for budget_ms, after in ((1e6, (3, 2)), (1e-3, (1, 1))):
        inspector = Inspector(engine, tiling=Tiling(3, 2, 0.1, budget_ms))
        grids = [inspector.inspect(pixels).decision.tiles for _ in range(2)]
        assert [(tiles.across, tiles.down) for tiles in grids] == [(1, 1), after]
    assert Inspector(engine).inspect(pixels).decision.tiles is None
