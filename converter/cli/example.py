"""``converter example``: write a recipe or cascade file that comes with the converter."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from converter.output_paths import refuse_unwritable_file, write_file
from edge_node.errors import DatasetError, DestinationError

if TYPE_CHECKING:
    import argparse

_SUFFIX = ".toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter example``."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="name of the example; without it all are listed"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="file to write, or - to print it (default: NAME.toml in this folder)"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that exists")


def run(args: argparse.Namespace) -> int:
    """Write one example, or list them all; return 0.

    Raises:
        DatasetError: there is none of this name.
        DestinationError: the file exists already, or cannot be written.
    """
    examples = read_examples()
    if args.name is None:
        for name, text in examples.items():
            print(f"{name:20}{text.splitlines()[0].removeprefix('#').strip()}")
        return 0
    name = args.name.removesuffix(_SUFFIX)
    if name not in examples:
        raise DatasetError(f"{args.name}: no such example; there are {', '.join(examples)}")
    if args.out == "-":
        sys.stdout.write(examples[name])
        return 0
    path = Path(args.out or f"{name}{_SUFFIX}")
    refuse_unwritable_file(path)
    if path.exists() and not args.force:
        raise DestinationError(f"{path}: exists already; name another with --out, or replace it with --force")
    write_file(path, examples[name].encode())
    print(f"wrote {path}; its first lines say how it is used")
    return 0


def read_examples() -> dict[str, str]:
    """Return the text of each example by its name."""
    folder = resources.files("converter").joinpath("examples")
    return {
        Path(file.name).stem: file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(_SUFFIX)
    }
