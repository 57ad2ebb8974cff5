"""``converter data import``: read a data set of another tool into ``labels.csv`` with masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.data.exchange.category_map import propose_map, read_category_map
from converter.data.exchange.import_report import iter_summary
from converter.data.exchange.importing import ImportOrder, find_questions, import_set
from converter.data.exchange.source_formats import Format, read_foreign_set
from converter.data.foreign.foreign_set import LeftOut
from converter.output_paths import refuse_unwritable_folder, refuse_unwritable_place, write_file
from converter.progress import count_parts, show_steps
from edge_node.errors import DatasetError
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    import argparse

    from converter.data.foreign.foreign_set import ForeignSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("data", type=Path, metavar="DATA", help="file or folder of the data set")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder")
    parser.add_argument(
        "--map",
        type=Path,
        metavar="FILE.toml",
        help="file that says what each category means; without it a proposal is written, for you to check",
    )
    parser.add_argument(
        "--format", choices=[one.value for one in Format], metavar="FORMAT", help=_list_formats()
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="folder of the pictures, if they are not beside the file",
    )
    parser.add_argument("--source", default="", help="source of the pictures, for the column source")
    parser.add_argument("--licence", default="", help="licence of pictures whose file names none")
    parser.add_argument("--set", default="", metavar="NAME", help="set of pictures whose file names none")
    parser.add_argument(
        "--boxes",
        choices=("labels", "crops"),
        default="labels",
        help="labels: a box labels its picture; crops: each box is cut out as a picture (default: labels)",
    )
    parser.add_argument(
        "--orientation",
        choices=("stored", "shown"),
        help="if EXIF data turn a picture: whether positions are meant on the stored pixels or on the picture"
        " as shown (default: what the sizes say, else stored for COCO and shown for others)",
    )


def run(args: argparse.Namespace) -> int:
    """Import, or write a proposal and ask; return the exit code.

    Raises:
        DatasetError: something is to be said first, or nothing can be read.
    """
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise DatasetError(f"{args.out}: is there already and not empty; name a new folder")
    refuse_unwritable_folder(args.out)
    left_out = LeftOut()
    with show_steps() as begin:
        reading = count_parts(begin, "reading", "pictures")
        stated = None if args.format is None else Format(args.format)
        found = read_foreign_set(args.data, args.pictures, stated, left_out, reading)
    if args.map is None:
        _write_proposal(found, args)
    order = ImportOrder(
        out=args.out,
        category_map=read_category_map(args.map, _used_categories(found)),
        source=args.source.strip() or found.source,
        licence=args.licence.strip(),
        set_name=args.set.strip(),
        crops=args.boxes == "crops",
        is_stored_orientation=None if args.orientation is None else args.orientation == "stored",
    )
    if questions := find_questions(found, order):
        raise DatasetError(f"{args.data}: {'; '.join(questions)}")
    with show_steps() as begin:
        report = import_set(found, order, left_out, count_parts(begin, "importing", "pictures"))
    print(replace_unprintable("\n".join(iter_summary(report, args.out))))  # foreign names hold anything
    return 0


def _write_proposal(found: ForeignSet, args: argparse.Namespace) -> None:
    """Write the proposal and raise the sentence that says what to do with it."""
    out = args.out.resolve() if args.out.name in {"", ".."} else args.out
    path = out.with_name(f"{out.name}-categories.toml")
    if path.exists():
        raise DatasetError(f"{path}: is there already; check it and run again with --map {path}")
    refuse_unwritable_place(path)
    text, questions = propose_map(found, args.data.name)
    write_file(path, text.encode())
    asked = f'; {questions} "?" in it {"is" if questions == 1 else "are"} left to you' if questions else ""
    count = len(found.categories)
    each = "its one category" if count == 1 else f"each of {count} categories"
    raise DatasetError(
        f"{path}: says what {each} would mean{asked}; check it, then run again with --map {path}"
    )


def _used_categories(found: ForeignSet) -> tuple[str, ...]:
    used = {region.category for picture in found.pictures for region in picture.regions}
    return tuple(category for category in found.categories if category in used)


def _list_formats() -> str:
    return f"format of the data set: {', '.join(one.value for one in Format)} (default: found in the files)"
