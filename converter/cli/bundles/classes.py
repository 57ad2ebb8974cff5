"""``converter classes``: write each stage of a bundle as a classifier that other tools read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from converter.conversion.class_files import SCRIPT_NAME, SUFFIX, make_class_file, read_script
from converter.output_folder import write_folder
from converter.output_paths import refuse_unwritable_place
from edge_node.errors import ConversionError, DestinationError
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine

if TYPE_CHECKING:
    from edge_node.inference.manifest import Cascade, Stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter classes``."""
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        help="folder of a bundle, or default for the bundle that comes with the node",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the files")
    parser.add_argument(
        "--stage",
        action="append",
        metavar="NAME",
        help="only this stage; may be given several times (default: all stages)",
    )
    parser.add_argument(
        "--keep-probabilities",
        action="store_true",
        help="write the probabilities as the node computes them; the largest is then not always the label of"
        " the node, if a stage has a decision threshold of its own",
    )
    parser.add_argument("--force", action="store_true", help="replace files that this command wrote there")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
The node runs a cascade of stages that share one file, and draws maps. MediaPipe's ImageClassifier,
tflite-support, Android and plain scripts take one file with one list of probabilities. So this
writes OUT/STAGE{SUFFIX} for each stage, and OUT/{SCRIPT_NAME}, which runs one in twenty lines:

  converter classes default classes
  python classes/{SCRIPT_NAME} classes/steel{SUFFIX} PICTURE.jpg

A file takes bytes of red, green and blue. Mean, scale, order of colours, temperature and threshold
are inside it, and its labels in its metadata. The largest number is the node's label. Other tools
resize pictures in their own way; give them pictures of the input's size where that matters.
The bundle stays what the robot runs; nothing is signed, and no tool but the node runs a cascade."""


def run(args: argparse.Namespace) -> int:
    """Write the files; return 0.

    Raises:
        CorrosionError: the bundle, a stage's name or the folder cannot be used.
    """
    _refuse_existing(args.out, force=args.force)
    bundle = load_bundle(resolve_bundle_path(args.bundle))
    stages = _choose_stages(bundle.manifest.cascade, args.stage)
    engine = Engine(bundle)
    files = [
        make_class_file(bundle, engine, stage, keep_probabilities=args.keep_probabilities) for stage in stages
    ]
    contents = {f"{file.stage.name}{SUFFIX}": file.content for file in files}
    try:
        write_folder(args.out, {**contents, SCRIPT_NAME: read_script().encode()})
    except OSError as err:
        raise DestinationError(f"{args.out}: cannot be written ({err.strerror or err})") from err
    for file in files:
        _, height, width, _ = bundle.manifest.model(file.stage.model).input.shape
        print(
            f"{args.out / file.stage.name}{SUFFIX}: {height} x {width} RGB bytes to"
            f" {', '.join(file.stage.labels)}"
        )
        for note in file.notes:
            print(f"  {note}")
    print(f"try: python {args.out / SCRIPT_NAME} {args.out / files[0].stage.name}{SUFFIX} PICTURE.jpg")
    return 0


def _refuse_existing(out: Path, *, force: bool) -> None:
    """Refuse to write where something else is, before any work is done."""
    refuse_unwritable_place(out)
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise DestinationError(f"{out}: exists and is no folder; name another")
    if not out.exists():
        return
    if Path.cwd().is_relative_to(out.resolve()):
        raise DestinationError(f"{out}: is the folder you are in, or above it; name a new one")
    others = sorted(path.name for path in out.iterdir() if not _is_ours(path))
    if others:
        raise DestinationError(f"{out}: holds {others[0]}, which this command did not write; name another")
    if not force and any(out.iterdir()):
        raise DestinationError(f"{out}: exists already; name another, or replace it with --force")


def _is_ours(path: Path) -> bool:
    return path.is_file() and (path.suffix == SUFFIX or path.name == SCRIPT_NAME)


def _choose_stages(cascade: Cascade, names: list[str] | None) -> list[Stage]:
    known = [stage.name for stage in cascade.stages]
    if wrong := [name for name in names or () if name not in known]:
        raise ConversionError(f"--stage {wrong[0]}: no such stage; the bundle has {', '.join(known)}")
    return [stage for stage in cascade.stages if names is None or stage.name in names]
