"""``converter model-card``: write a bundle's MODEL_CARD.md from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.data.attribution import ATTRIBUTION_NAME, MAX_ATTRIBUTION_BYTES
from converter.output_paths import write_file
from converter.runs.left_out_tables import read_left_out
from converter.runs.model_card import CardParts, make_card, read_evaluation
from converter.runs.run_record import read_run
from edge_node.errors import DatasetError
from edge_node.inference.bundle import load_bundle
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle; the card is written into it")
    parser.add_argument(
        "--evaluation",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="figures of `converter evaluate --json`, and what the card calls their pictures; repeatable, the"
        " most important first",
    )
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        dest="runs",
        type=Path,
        metavar="FOLDER",
        help="run folder of its training; repeatable",
    )
    parser.add_argument(
        "--left-out", type=Path, metavar="FILE", help="the left_out.json that `converter retrain` wrote"
    )
    parser.add_argument(
        "--words",
        type=Path,
        metavar="FILE",
        help="Markdown of your own: what the bundle is not for, what was left out and why",
    )


def run(args: argparse.Namespace) -> int:
    """Write the card and its pictures; return the exit code."""
    attribution = args.bundle / ATTRIBUTION_NAME
    parts = CardParts(
        manifest=load_bundle(args.bundle).manifest,
        attribution=_read(attribution) if attribution.is_file() else "",
        evaluations=tuple((name, read_evaluation(path)) for name, path in map(_split, args.evaluation)),
        runs=tuple(read_run(folder) for folder in args.runs),
        words=_read(args.words) if args.words is not None else "",
        left_out=read_left_out(args.left_out) if args.left_out is not None else None,
    )
    for name, content in make_card(parts).items():
        write_file(args.bundle / name, content)
        print(f"wrote {args.bundle / name}")
    return 0


def _split(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise DatasetError(f"--evaluation {text}: wanted NAME=FILE, such as 'sources left out=unseen.json'")
    return name, Path(path)


def _read(path: Path) -> str:
    try:
        return read_text_file(path, MAX_ATTRIBUTION_BYTES)
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err
