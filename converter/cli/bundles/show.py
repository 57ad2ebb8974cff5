"""``converter show``: draw a contact sheet of pictures with a bundle's verdicts, maps and the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.argument_types import at_least
from converter.data.calibration_pictures import choose, find_pictures
from converter.data.dataset import FOLDER_COLUMN, OTHER
from converter.data.known_truth import read_truths
from converter.data.stage_truth import read_corroded
from converter.output_paths import refuse_unwritable_file, write_file
from converter.text_table import format_table
from edge_node.camera.picture import read_judged
from edge_node.errors import ConversionError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability
from edge_node.inspection.overlay import draw_overlay
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from edge_node.inference.manifest import Stage
    from edge_node.messages.verdict import Decision

_CELL_SHAPE = 3 / 4  # height of a picture's cell over its width
_GAP_PX = 6
_NOTHING = "none"  # severity and form of uncorroded metal
_MAX_SIDE_PX = 16_383  # of a WebP file; JPEG allows four times that, too large to look at
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter show``."""
    parser.add_argument("bundle", type=Path, help="folder of a bundle")
    parser.add_argument(
        "pictures", type=Path, help="folder of pictures; they are chosen from every label and group in turn"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SHEET.jpg", help="picture file to write")
    parser.add_argument("--count", type=at_least(1), default=24, help="number of pictures (default: 24)")
    parser.add_argument("--columns", type=at_least(1), default=4, help="pictures in a row (default: 4)")
    parser.add_argument(
        "--cell", type=at_least(64), default=320, metavar="PX", help="width of a picture in px (default: 320)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the choice (default: 0)")


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
    truths = read_truths(args.pictures)
    shown = [show_picture(engine, path, truths.get(path.resolve()), args.cell) for path in paths]
    sheet = join_cells([one.cell for one in shown], args.columns)
    encoded, content = cv2.imencode(args.out.suffix, sheet)
    write_file(args.out, content.tobytes() if encoded else b"")
    print(f"{len(paths)} pictures: {args.out}")
    print("\n".join(format_shown(shown)))
    return 0


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """One picture of the sheet.

    Attributes:
        name: of its file, with its folder.
        verdict: in words.
        truth: in words; empty where it is not known.
        is_right: whether the verdict's condition is the true one; None where either is not known.
        cell: its part of the sheet.
    """

    name: str
    verdict: str
    truth: str
    is_right: bool | None
    cell: NDArray[np.uint8] = field(repr=False)


def format_shown(shown: Sequence[ShownPicture]) -> list[str]:
    """Return a table of verdicts beside the truth, with how many conditions are right."""
    marks = {True: "right", False: "WRONG", None: ""}
    rows = [[one.name, one.verdict, one.truth or "not known", marks[one.is_right]] for one in shown]
    lines = format_table(["picture", "verdict", "truth", ""], rows)
    known = [one.is_right for one in shown if one.is_right is not None]
    return [*lines, f"{sum(known)} of {len(known)} conditions right"] if known else lines


def show_picture(engine: Engine, path: Path, sample: Sample | None, width_px: int) -> ShownPicture:
    """Return a picture at ``width_px`` with its corrosion map, its verdict and the truth written into it."""
    pixels = read_judged(path)
    judgement = engine.judge(pixels)
    height_px = round(width_px * _CELL_SHAPE)
    scale = min(width_px / pixels.shape[1], height_px / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    probability = None
    stages = engine.bundle.manifest.cascade.stages
    for stage in stages:
        if stage.name in judgement.maps and corroded_labels(stage):
            probability = corroded_probability(judgement.maps[stage.name], stage)
    drawn = draw_overlay(small, probability, [])
    cell = np.full((height_px, width_px, 3), 24, np.uint8)
    top, left = (height_px - drawn.shape[0]) // 2, (width_px - drawn.shape[1]) // 2
    cell[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    name, truth = f"{path.parent.name}/{path.name}", _format_truth(sample, stages)
    is_right = _is_right(judgement.decision, sample)
    told = f"truth: {truth or 'not known'}{' (WRONG)' if is_right is False else ''}"
    verdict = _format_verdict(judgement.decision)
    return ShownPicture(name, verdict, truth, is_right, draw_overlay(cell, None, [verdict, told, name]))


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


def _format_truth(sample: Sample | None, stages: Sequence[Stage]) -> str:
    """Return what is known of a picture: its labels, or a folder's name that a stage has as a label."""
    if sample is None:
        return ""
    labels = sample.labels
    if labels.get("metal") == OTHER:
        return "no metal"
    words = [labels[column] for column in ("corroded", "material", "severity", "form") if column in labels]
    told = [word for word in words if word != _NOTHING]
    folder = labels.get(FOLDER_COLUMN, "")
    return " ".join(told) or (folder if any(folder in stage.labels for stage in stages) else "")


def _is_right(decision: Decision, sample: Sample | None) -> bool | None:
    """Return whether the condition is the true one; None where the truth or the verdict leaves it open."""
    truth = None if sample is None else read_corroded(sample)
    if truth is None or decision.outcome not in {Outcome.CORRODED, Outcome.UNCORRODED}:
        return None
    return (decision.outcome is Outcome.CORRODED) == truth
