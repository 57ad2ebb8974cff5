"""Declare flags for facts that a graph file may lack: tensor names, scaling, size of the input."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from converter.argument_types import at_least
from converter.graphs.scaling import COLOUR_ORDERS, GraphFlags

if TYPE_CHECKING:
    from edge_node.inference.manifest import Triple


def add_graph_flags(parser: Any) -> None:
    """Declare the flags, spelled as those of ``label_image`` or with hyphens."""
    parser.add_argument("--input-layer", "--input_layer", help="name of the node that takes the picture")
    parser.add_argument(
        "--output-layer", "--output_layer", help="name of the node that gives a value for each label"
    )
    for side in ("height", "width"):
        parser.add_argument(
            f"--input-{side}",
            f"--input_{side}",
            type=at_least(1),
            metavar="PX",
            help=f"{side} of the input in px",
        )
    for name, wanted in (
        ("mean", "subtracted from each pixel (0 to 255)"),
        ("std", "then divides each pixel"),
    ):
        parser.add_argument(
            f"--input-{name}",
            f"--input_{name}",
            type=_read_numbers,
            metavar="N|N,N,N",
            help=f"{wanted}; one number, or one for each colour in the order of --input-colour-order",
        )
    parser.add_argument(
        "--input-colour-order",
        "--input_colour_order",
        type=str.upper,
        choices=COLOUR_ORDERS,
        help="order of the colours that the graph was trained on (default: what the graph says, else RGB)",
    )


def read_graph_flags(args: argparse.Namespace) -> GraphFlags:
    """Return the values of the flags that ``add_graph_flags`` declared."""
    return GraphFlags(
        args.input_layer,
        args.output_layer,
        args.input_height,
        args.input_width,
        args.input_mean,
        args.input_std,
        args.input_colour_order,
    )


def _read_numbers(text: str) -> float | Triple:
    """Return one number, or three that commas part."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) != 3:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted one number, or three like 123.68,116.78,103.94")
    return numbers[0], numbers[1], numbers[2]
