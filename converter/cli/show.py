"""``converter show``: draw a contact sheet of pictures with a bundle's verdicts and corrosion maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.argument_types import at_least
from converter.data.calibration_pictures import choose, find_pictures
from converter.output_paths import refuse_unwritable_file, write_file
from edge_node.camera.picture import read_judged
from edge_node.errors import ConversionError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability
from edge_node.inspection.overlay import draw_overlay

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from edge_node.messages.verdict import Decision

_CELL_SHAPE = 3 / 4  # height of a picture's cell over its width
_GAP_PX = 6
_MAX_SIDE_PX = 16_383  # of a WebP file; JPEG allows four times that, too large to look at
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter show``."""
    parser.add_argument("bundle", type=Path, help="a bundle's folder")
    parser.add_argument("pictures", type=Path, help="folder; every class and group has its turn")
    parser.add_argument("--out", type=Path, required=True, metavar="SHEET.jpg")
    parser.add_argument("--count", type=at_least(1), default=24, help="pictures (default: 24)")
    parser.add_argument("--columns", type=at_least(1), default=4, help="pictures in a row (default: 4)")
    parser.add_argument(
        "--cell", type=at_least(64), default=320, metavar="PX", help="width of a picture (default: 320)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the choice (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Write the sheet; return 0.

    Raises:
        CorrosionError: the bundle, a picture or the sheet cannot be used.
    """
    if args.out.suffix.lower() not in _SUFFIXES:
        raise ConversionError(f"{args.out}: wanted a name that ends in {', '.join(sorted(_SUFFIXES))}")
    rows = -(-args.count // args.columns)
    if max(args.columns * (args.cell + _GAP_PX), rows * (args.cell + _GAP_PX)) > _MAX_SIDE_PX:
        raise ConversionError(
            f"{args.count} pictures of {args.cell} px in {args.columns} columns make a sheet of more than"
            f" {_MAX_SIDE_PX} px; give a smaller --cell or --count"
        )
    refuse_unwritable_file(args.out)
    engine = Engine(load_bundle(args.bundle), threads=2)
    paths = choose(args.pictures, find_pictures(args.pictures), args.count, args.seed)
    sheet = join_cells([draw_cell(engine, path, args.cell) for path in paths], args.columns)
    encoded, content = cv2.imencode(args.out.suffix, sheet)
    write_file(args.out, content.tobytes() if encoded else b"")
    print(f"{len(paths)} pictures: {args.out}")
    return 0


def draw_cell(engine: Engine, path: Path, width_px: int) -> NDArray[np.uint8]:
    """Return a picture at ``width_px`` with its corrosion map, and its verdict written into it."""
    pixels = read_judged(path)
    judgement = engine.judge(pixels)
    height_px = round(width_px * _CELL_SHAPE)
    scale = min(width_px / pixels.shape[1], height_px / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    probability = None
    for stage in engine.bundle.manifest.cascade.stages:
        if stage.name in judgement.maps and corroded_labels(stage):
            probability = corroded_probability(judgement.maps[stage.name], stage)
    drawn = draw_overlay(small, probability, [])
    cell = np.full((height_px, width_px, 3), 24, np.uint8)
    top, left = (height_px - drawn.shape[0]) // 2, (width_px - drawn.shape[1]) // 2
    cell[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return draw_overlay(cell, None, [_format_verdict(judgement.decision), f"{path.parent.name}/{path.name}"])


def join_cells(cells: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Join cells of one size to a grid with gaps, uint8 ``(height, width, 3)``."""
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // columns)
    shape = (rows * (height + _GAP_PX), min(columns, len(cells)) * (width + _GAP_PX), 3)
    sheet = np.full(shape, 255, np.uint8)
    for at, cell in enumerate(cells):
        top, left = (at // columns) * (height + _GAP_PX), (at % columns) * (width + _GAP_PX)
        sheet[top : top + height, left : left + width] = cell
    return sheet


def _format_verdict(decision: Decision) -> str:
    path = " > ".join(f"{stage.name} {stage.label or '?'}" for stage in decision.stages)
    confidence = f" {decision.condition_confidence:.2f}" if decision.condition_confidence is not None else ""
    return f"{decision.outcome.value}{confidence} ({path})"
