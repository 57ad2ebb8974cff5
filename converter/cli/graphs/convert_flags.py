"""Declare the flags of ``converter convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.argument_types import at_least, up_to
from converter.cli.graphs.graph_flags import add_graph_flags
from converter.conversion.order import CALIBRATION_PICTURES, DRAFT_PICTURES
from converter.quantize.request import Mode, Target

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MODES = [mode.value for mode in Mode]


def spell_out_mode(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with a bare ``--quantize`` spelled out, so that no graph is taken for its mode."""
    words = list(argv)
    for at, word in enumerate(words):
        if word == "--quantize" and (at + 1 == len(words) or words[at + 1] not in _MODES):
            words[at] = f"--quantize={Mode.INT8.value}"
    return words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``convert``."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="GRAPH.pb|CASCADE.toml",
        help="one graph (.pb, SavedModel folder, .keras, .h5, .tflite), or a cascade file that names the"
        " stages and their graphs",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="BUNDLE", help="folder to write the bundle to"
    )
    _add_quantizing(parser)
    _add_judging(parser.add_argument_group("labelled pictures"))
    _add_bundle_options(parser)
    one = parser.add_argument_group("one graph; in a cascade file these are keys of each stage")
    one.add_argument("--labels", type=Path, help="file with the labels (default: the one beside the graph)")
    one.add_argument(
        "--meaning",
        action="append",
        default=[],
        metavar="LABEL=WORDS",
        help="what a label means, if its words do not say it; such as good=uncorroded, 3='corroded steel'",
    )
    one.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="LABEL=P",
        help="if each label has a sigmoid of its own: probability from which on a label holds (default: 0.5)",
    )
    add_graph_flags(one)


def _add_quantizing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quantize",
        choices=_MODES,
        default=Mode.NONE.value,
        help="number format of the model; --quantize alone means int8; without it the model stays float32",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="PICTURES",
        help="folder of pictures; the ranges for int8 are measured on them",
    )
    parser.add_argument(
        "--calibration-pictures",
        type=at_least(1),
        metavar="N",
        help=f"how many of them are used (default: {CALIBRATION_PICTURES}; for a draft {DRAFT_PICTURES})",
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="seed of the choice of pictures (default: 0)"
    )
    parser.add_argument(
        "--min-agreement",
        type=up_to(100.0),
        metavar="PERCENT",
        help="on this share of the pictures (of --evaluate, else of --calibration) each stage must give the"
        " same label as in float; the converter keeps layers in float until it does",
    )


def _add_judging(judged: argparse._ArgumentGroup) -> None:
    judged.add_argument(
        "--evaluate",
        type=Path,
        metavar="LABELLED",
        help="labels.csv, or a folder with a folder for each label; measures the accuracy",
    )
    judged.add_argument(
        "--max-accuracy-drop",
        type=up_to(100.0),
        metavar="POINTS",
        help="so many percentage points of accuracy may be lost, in each stage and in the cascade; the"
        " converter keeps layers in float until no more is lost",
    )
    judged.add_argument(
        "--max-risk",
        type=up_to(1.0),
        metavar="SHARE",
        help="share of wrong decisions that is allowed (0.01: one in a hundred); where a stage is less sure,"
        " it abstains",
    )
    judged.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="file for the report with pictures (default: BUNDLE-report.html beside the bundle); the report"
        " inside the bundle has no pictures",
    )


def _add_bundle_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", help="name of the bundle (default: that of the cascade file, or of the graph)"
    )
    parser.add_argument("--version", help="version of the bundle (default: that of the cascade file, or 1)")
    parser.add_argument(
        "--target",
        choices=[target.value for target in Target],
        default=Target.LITERT.value,
        help="runtime of the robot (default: litert); for another one, the golden probe is run in it here, in"
        " an environment of its own",
    )
    parser.add_argument(
        "--draft",
        action="store_true",
        help="convert for a first look: fewer calibration pictures, no proof at the source; the bundle says"
        " that it is not proved",
    )
    parser.add_argument(
        "--no-source-proof",
        action="store_true",
        help="do not run the original graphs in TensorFlow; the bundle then says that it is not proved",
    )
    parser.add_argument(
        "--no-fuse", action="store_true", help="make one model for each stage, also if they share a backbone"
    )
    parser.add_argument(
        "--all-modes", action="store_true", help="also measure size and time of the other number formats"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing bundle")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all figures and the verdict as JSON; - prints them instead of the table",
    )
