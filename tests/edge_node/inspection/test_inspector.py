"""The inspector judges each tile with the real models, as many as the budget allows."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from edge_node.camera.backends.recording import iter_video
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector, Tiling, make_marking
from edge_node.messages.camera_view import Crop
from edge_node.messages.verdict import Outcome
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View


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


@pytest.fixture(scope="module")
def engine():
    """Return the models of the package."""
    return Engine(load_bundle(DEFAULT_BUNDLE))


@pytest.fixture(scope="module")
def frames():
    """Return a few frames of the clip."""
    return list(iter_video(CLIP))[::40]


@pytest.fixture(scope="module")
def corroded_frame(engine, frames):
    """Return the frame of the clip with the largest corroded area."""
    return max(frames, key=lambda pixels: Inspector(engine).inspect(pixels).decision.area_fraction or 0)


@pytest.mark.runtime
def test_a_view_is_judged_like_the_picture_that_it_shows(engine, frames):
    """Turned and cropped by the inspector, or by numpy before: the same decision, to the last digit."""
    for pixels in frames[::3]:
        height, width = pixels.shape[:2]
        crop = Crop(left_px=20, top_px=30, width_px=height - 60, height_px=width - 90, of_px=(height, width))
        inspector = Inspector(engine, thresholds=Thresholds(), view=View(ViewSettings(90, "vertical", crop)))
        shown = np.rot90(pixels, -1)[::-1][30 : 30 + crop.height_px, 20 : 20 + crop.width_px]
        expected = Inspector(engine, thresholds=Thresholds()).inspect(np.ascontiguousarray(shown)).decision
        assert inspector.inspect(pixels).decision == expected


@pytest.mark.runtime
@pytest.mark.parametrize("tiling", [None, Tiling(2, 2, 0.0)])
def test_masked_pixels_count_neither_in_the_map_nor_in_the_area(engine, corroded_frame, tiling):
    """The area is the share of what counts, and the map is 0 where nothing does."""
    height, width = corroded_frame.shape[:2]
    mask = np.full((height, width), 255, np.uint8)
    mask[:, : width // 2] = 0
    inspector = Inspector(engine, tiling=tiling, view=View(ViewSettings(mask=mask)))
    prepared = inspector.prepare(corroded_frame)
    assert prepared.inspected_px == height * width // 2
    assert len(prepared.pieces) == (
        1 if tiling is None else 2
    )  # a tile of which nothing counts is not judged
    found = inspector.conclude(prepared, inspector.run(prepared))
    assert found.decision.outcome is Outcome.CORRODED
    rows, columns = found.corroded.shape
    masked = np.arange(columns) + 1 <= columns // 2
    assert (found.corroded[:, masked] == 0).all()
    fine = cv2.resize(found.corroded, (columns * 8, rows * 8), interpolation=cv2.INTER_LINEAR)
    right = float((fine[:, columns * 4 :] >= 0.5).mean())
    assert found.decision.area_fraction == pytest.approx(right, abs=0.06)


@pytest.mark.runtime
def test_the_robots_own_parts_count_in_no_check_of_the_picture(engine, corroded_frame):
    """A black wheel over most of the frame makes it too dark, unless it is masked; what is left is judged."""
    height = corroded_frame.shape[0]
    pixels = corroded_frame.copy()
    pixels[: height * 97 // 100] = 0
    mask = np.full(pixels.shape[:2], 255, np.uint8)
    mask[: height * 9 // 10] = 0
    judged = Inspector(engine, thresholds=Thresholds())
    assert judged.inspect(pixels).decision.outcome is Outcome.NOT_INSPECTABLE
    pixels[: height * 9 // 10] = 0
    pixels[height * 9 // 10 :] = corroded_frame[height * 9 // 10 :]
    assert judged.inspect(pixels).decision.reasons
    masked = Inspector(engine, thresholds=Thresholds(), view=View(ViewSettings(mask=mask)))
    assert masked.inspect(pixels).decision.reasons == ()


@pytest.mark.runtime
def test_only_what_counts_can_be_sharp_or_have_colour(engine):
    """A sharp, coloured wheel in front of a blurred grey surface does not make that one inspectable."""
    noise = np.random.default_rng(4)
    smooth = cv2.GaussianBlur(noise.random((480, 640), dtype=np.float32), (0, 0), 40)
    grey = cv2.normalize(smooth, None, 60, 200, cv2.NORM_MINMAX).astype(np.uint8)
    pixels = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    pixels[:, 400:] = noise.integers(0, 256, (480, 240, 3), dtype=np.uint8)
    mask = np.full(pixels.shape[:2], 255, np.uint8)
    mask[:, 400:] = 0
    plain, masked = (
        Inspector(engine, thresholds=Thresholds(), view=view)
        for view in (None, View(ViewSettings(mask=mask)))
    )
    assert plain.prepare(pixels).reasons == ()
    assert [reason.code for reason in masked.prepare(pixels).reasons] == ["blurred"]
    colour = Inspector(engine, view=View(ViewSettings(mask=mask)))
    assert [reason.code for reason in colour.prepare(pixels).reasons] == ["colourless"]


@pytest.mark.runtime
def test_a_picture_of_another_size_is_not_judged(engine, corroded_frame):
    """A crop or mask of another size would show another place: the reason says both sizes."""
    mask = np.full((480, 640), 255, np.uint8)
    mask[400:] = 0
    inspector = Inspector(engine, view=View(ViewSettings(mask=mask)))
    (reason,) = inspector.inspect(cv2.resize(corroded_frame, (800, 600))).decision.reasons
    assert reason.code == "view"
    assert "800 x 600" in reason.text
    assert "640 x 480" in reason.text


@pytest.mark.runtime
def test_the_map_is_drawn_where_the_camera_saw_the_rust(engine, corroded_frame):
    """Of a turned view the marking holds the map of the camera's own picture, with the view beside it."""
    height, width = corroded_frame.shape[:2]
    plain = make_marking(Inspector(engine).inspect(corroded_frame)).corroded
    upright = cv2.resize(plain, (96, 96 * height // width), interpolation=cv2.INTER_LINEAR)
    turn, flip = slice(None, None, -1), (slice(None), slice(None, None, -1))
    for settings, back in ((ViewSettings(180), (turn, turn)), (ViewSettings(0, "horizontal"), flip)):
        pixels = np.ascontiguousarray(corroded_frame[back])
        marking = make_marking(Inspector(engine, view=View(settings)).inspect(pixels))
        assert marking.view.rotate_deg == settings.rotate_deg
        assert np.corrcoef(marking.corroded[back].ravel(), upright.ravel())[0, 1] > 0.98


@pytest.mark.runtime
@pytest.mark.parametrize("rotate_deg", [0, 90, 180, 270])
def test_a_coloured_clock_in_a_night_picture_is_no_colour_of_the_surface(engine, rotate_deg):
    """Cameras write it at the top or the bottom, which is at a side after a quarter turn."""
    grey = np.random.default_rng(6).integers(40, 220, (480, 640), dtype=np.uint8)
    pixels = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    pixels[:40, 20:300] = (0, 200, 255)
    mask = np.full((480, 640), 255, np.uint8)
    mask[:100, 400:] = 0
    for settings in (ViewSettings(rotate_deg), ViewSettings(rotate_deg, mask=mask)):
        found = Inspector(engine, view=View(settings)).prepare(pixels)
        assert [reason.code for reason in found.reasons] == ["colourless"]
