"""``converter data export``: write labelled pictures for another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.data.dataset import add_choice_arguments, choose_samples, load_dataset
from converter.data.exchange.exporting import Target, export_samples
from converter.data.stage_truth import with_meanings
from converter.output_paths import refuse_unwritable_folder
from converter.progress import count_parts, show_steps

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("data", type=Path, metavar="DATA", help="labels.csv, or the folder around one")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder, which also gets the pictures")
    parser.add_argument(
        "--to",
        choices=[one.value for one in Target],
        required=True,
        metavar="TOOL",
        help=f"tool to write for: {', '.join(one.value for one in Target)}",
    )
    add_choice_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Export and say what was written; return 0.

    Raises:
        CorrosionError: the data set cannot be read, or the folder not be written.
    """
    refuse_unwritable_folder(args.out)
    samples = choose_samples(with_meanings(load_dataset(args.data)), args.sets, args.sources)
    root = args.data.parent if args.data.is_file() else args.data
    with show_steps() as begin:
        files = export_samples(
            samples, root, args.out, Target(args.to), count_parts(begin, "exporting", "pictures")
        )
    masks = sum(sample.mask is not None for sample in samples)
    print(f"{len(samples)} pictures, {masks} masks: {args.out} ({', '.join(files)})")
    if args.to == Target.LABEL_STUDIO.value:
        print(
            f"  Label Studio: make a project with label_config.xml, serve {args.out} as local files"
            " (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT) and import tasks.json;"
            " if a robot's picture has no mask, its corrosion map is there as a prediction to correct"
        )
    print(
        f"  to import it again: converter data import {args.out} FOLDER --map {args.out / 'categories.toml'}"
    )
    return 0
