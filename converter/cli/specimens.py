"""``converter specimens``: render a data set of metal plates with a known truth."""

import argparse
from pathlib import Path

from converter.argument_types import at_least
from converter.progress import count_parts, show_steps
from converter.specimens.dataset import SIDE_LIMITS_PX, write_dataset


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
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")


def run(args: argparse.Namespace) -> int:
    """Write a data set as ``add_arguments`` describes it; return the exit code.

    Raises:
        DatasetError: as ``write_dataset`` does.
    """
    total = args.count + args.other
    with show_steps() as begin:
        rendered = count_parts(begin, "rendering", "pictures")
        labels = write_dataset(
            args.out,
            args.count,
            args.seed,
            size=args.size,
            other=args.other,
            force=args.force,
            on_written=lambda done: rendered(done, total),
        )
    others = f" of metal and {args.other} of other things" if args.other else ""
    print(f"{args.count} rendered pictures{others}, labels in {labels}")
    return 0


def _parse_size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    low, high = SIDE_LIMITS_PX
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}, wanted WIDTHxHEIGHT in px, such as 480x360")
    if not (low <= int(width) <= high and low <= int(height) <= high):
        raise argparse.ArgumentTypeError(f"{text}, wanted sides of {low} to {high} px")
    return int(width), int(height)
