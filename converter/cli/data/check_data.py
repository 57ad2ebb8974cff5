"""``converter data check``: say what in a data set will hurt a training or its figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.data.dataset import add_choice_arguments, choose_samples, load_usable
from converter.data.dataset_check import Problem, check_samples, count_of
from converter.data.stage_truth import with_meanings
from converter.output_paths import refuse_unwritable_file, write_file
from converter.progress import count_parts, show_steps
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="labels.csv, the folder around one, or a folder with a folder for each label",
    )
    add_choice_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found as JSON; - prints it")


def run(args: argparse.Namespace) -> int:
    """Check and print; return 1 if anything will hurt, else 0.

    Raises:
        CorrosionError: there is no data set.
    """
    to_stdout = args.json == Path("-")
    refuse_unwritable_file(None if to_stdout else args.json)
    samples, unusable_rows = load_usable(args.data)
    if samples:
        samples = choose_samples(with_meanings(samples), args.sets, args.sources)
    with show_steps() as begin:
        problems = check_samples(samples, unusable_rows, count_parts(begin, "checking", "pictures"))
    if args.json is not None:
        found = {"data": str(args.data), "pictures": len(samples), "problems": problems}
        content = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
        if to_stdout:
            print(content.decode(), end="")
        else:
            write_file(args.json, content)
    if not to_stdout:
        lines = format_problems(str(args.data), len(samples), problems)
        print(replace_unprintable("\n".join(lines)))  # names of files may hold anything
    return 1 if problems else 0


def format_problems(name: str, pictures: int, problems: list[Problem]) -> list[str]:
    """Return what was found as lines for a terminal."""
    if not problems:
        return [f"{name}: {count_of(pictures, 'picture')}, nothing found that spoils a training"]
    lines = [f"{name}: {count_of(pictures, 'picture')}, {count_of(len(problems), 'problem')}"]
    for one in problems:
        lines += [
            f"{one.text[:1].upper()}{one.text[1:]}: {one.count}",
            f"    such as {one.example}",
            f"    {one.advice}",
        ]
    return lines
