"""``convert``: retrained graphs -> the bundle that the edge node runs."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from converter.cascade_file import CascadePlan, plan_of_graph, read_cascade
from converter.pipeline import ConversionOrder, convert_cascade
from converter.quantize import Mode, Target
from converter.scaling import GraphFlags
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from converter.pipeline import BeginStep, ConversionOutcome

_MODES = [mode.value for mode in Mode]


def with_explicit_mode(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with a bare ``--quantize`` spelled out, lest it swallow the graph after it."""
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
        help="one graph, or a file that names the stages",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument(
        "--quantize",
        choices=_MODES,
        default=Mode.NONE.value,
        help="alone: int8, everything 8 bits; float16, dynamic, ...; without it: none, float32",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="PICTURES", help="folder that int8 ranges are measured on"
    )
    parser.add_argument(
        "--calibration-pictures", type=_positive, default=200, metavar="N", help="default: 200"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pictures (default: 0)")
    parser.add_argument("--name", help="of the bundle (default: the cascade's, or the graph's folder)")
    parser.add_argument("--version", help="of the bundle (default: the cascade's, or 1)")
    parser.add_argument("--target", choices=[t.value for t in Target], default=Target.LITERT.value)
    parser.add_argument("--no-fuse", action="store_true", help="one model per stage, whatever they share")
    parser.add_argument("--force", action="store_true", help="replace an existing bundle")
    one = parser.add_argument_group("one graph only; a cascade file says these per stage")
    one.add_argument("--labels", type=Path, help="default: retrained_labels.txt beside the graph")
    one.add_argument("--input-layer", help="node that takes the picture, where it is not recognised")
    one.add_argument("--output-layer", help="node with a value per class, where it is not recognised")
    one.add_argument("--input-height", type=_positive, metavar="PX")
    one.add_argument("--input-width", type=_positive, metavar="PX")
    one.add_argument("--input-mean", type=float, help="taken from every pixel value (0 to 255)")
    one.add_argument("--input-std", type=float, help="divides what is left")


def run(args: argparse.Namespace) -> int:
    """Convert as ``add_arguments`` describes it; print the table; return the exit code.

    Raises:
        CorrosionError: anything about the graphs, labels, pictures or the bundle's folder.
    """
    order = ConversionOrder(
        plan=_plan(args),
        out=args.out,
        mode=Mode(args.quantize),
        target=Target(args.target),
        calibration=args.calibration,
        calibration_pictures=args.calibration_pictures,
        seed=args.seed,
        fuse=not args.no_fuse,
        force=args.force,
    )
    with shown_steps() as begin:
        outcome = convert_cascade(order, begin)
    _print_table(outcome)
    return 0


@contextmanager
def shown_steps() -> Iterator[BeginStep]:
    """Show steps as progress bars on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:

        def begin(name: str, parts: int) -> Callable[[], None]:
            task = progress.add_task(name, total=parts)
            return lambda: progress.advance(task)

        yield begin


def _plan(args: argparse.Namespace) -> CascadePlan:
    flags = GraphFlags(
        args.input_layer,
        args.output_layer,
        args.input_height,
        args.input_width,
        args.input_mean,
        args.input_std,
    )
    if args.source.suffix == ".toml":
        if args.labels or flags != GraphFlags():
            raise ConversionError(f"{args.source}: a cascade file says labels and layers itself, per stage")
        plan = read_cascade(args.source)
    else:
        plan = plan_of_graph(args.source, args.labels, flags)
    return plan.renamed(args.name, args.version)


def _print_table(outcome: ConversionOutcome) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{outcome.bundle.manifest.name} {outcome.bundle.manifest.version}", title_justify="left"
    )
    for heading in (
        "stage",
        "model",
        "float",
        outcome.mode.value,
        "same label",
        "worst probability difference",
    ):
        table.add_column(heading, justify="left" if heading in {"stage", "model"} else "right")
    for row in outcome.rows:
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for note in outcome.notes:
        console.print(note, highlight=False)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number from 1")
    return number
