"""``converter specimens``: render a data set of metal plates with a known truth."""

import argparse
from pathlib import Path

from converter.argument_types import at_least
from converter.progress import count_parts, show_steps
from converter.specimens.rendering import SIDE_LIMITS_PX
from converter.specimens.sets.composites import write_composites
from converter.specimens.sets.dataset import write_dataset
from edge_node.errors import DatasetError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter specimens``."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write the pictures to")
    parser.add_argument(
        "--count",
        type=at_least(1),
        default=240,
        help="number of pictures, four of each specimen (default: 240)",
    )
    parser.add_argument(
        "--other",
        type=at_least(0),
        default=0,
        metavar="COUNT",
        help="number of pictures of other things: floor, wall, plants, sky, a hand (default: 0)",
    )
    parser.add_argument(
        "--worlds",
        type=at_least(0),
        default=0,
        metavar="COUNT",
        help="number of pictures of metal parts at sites: bolts, welds, pipes, objects; two of each part, one"
        " of them corroded (default: 0)",
    )
    parser.add_argument(
        "--seed",
        type=at_least(0),
        default=0,
        help="seed of the specimens; another seed gives others (default: 0)",
    )
    parser.add_argument(
        "--size",
        type=_parse_size,
        default=(480, 360),
        metavar="WxH",
        help="size of a picture in px (default: 480x360)",
    )
    onto = parser.add_argument_group("paint onto photographs of uncorroded metal instead")
    onto.add_argument(
        "--onto",
        type=Path,
        metavar="PHOTOGRAPHS",
        help="folder with a labels.csv; --count pictures are made of its uncorroded steel and aluminium: half"
        " with rendered rust or white corrosion, half with dirt and paint alone",
    )
    onto.add_argument(
        "--licences",
        nargs="+",
        default=[],
        metavar="LICENCE",
        help="licences of the photographs that may be used, as exact strings",
    )
    onto.add_argument("--without", nargs="+", default=[], metavar="SOURCE", help="sources that are left out")
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")


def run(args: argparse.Namespace) -> int:
    """Write a data set as ``add_arguments`` describes it; return the exit code.

    Raises:
        DatasetError: as ``write_dataset`` and ``write_composites`` do, or options that do not go together.
    """
    if args.onto is not None:
        return _paint_onto(args)
    if args.licences or args.without:
        raise DatasetError("--licences and --without choose photographs: add --onto PHOTOGRAPHS")
    total = args.count + args.worlds + args.other
    with show_steps() as begin:
        rendered = count_parts(begin, "rendering", "pictures")
        labels = write_dataset(
            args.out,
            args.count,
            args.seed,
            size=args.size,
            other=args.other,
            worlds=args.worlds,
            force=args.force,
            on_written=lambda done: rendered(done, total),
        )
    others = f" of metal and {args.other} of other things" if args.other else ""
    print(f"{args.count + args.worlds} rendered pictures{others}, labels in {labels}")
    return 0


def _paint_onto(args: argparse.Namespace) -> int:
    if not args.licences:
        raise DatasetError("--onto paints on photographs of others: name with --licences which may be used")
    if args.other or args.worlds:
        raise DatasetError("--onto writes composites alone: render --other and --worlds into another folder")
    with show_steps() as begin:
        painted = count_parts(begin, "painting", "pictures")
        labels = write_composites(
            args.out,
            args.onto,
            args.licences,
            count=args.count,
            seed=args.seed,
            size=args.size,
            without=args.without,
            force=args.force,
            on_written=lambda done: painted(done, args.count),
        )
    print(f"{args.count} composites, labels in {labels}")
    return 0


def _parse_size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    low, high = SIDE_LIMITS_PX
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}, wanted WIDTHxHEIGHT in px, such as 480x360")
    if not (low <= int(width) <= high and low <= int(height) <= high):
        raise argparse.ArgumentTypeError(f"{text}, wanted sides of {low} to {high} px")
    return int(width), int(height)
