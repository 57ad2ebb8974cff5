"""Declare flags for facts that a graph file may lack: tensor names, scaling, size of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.argument_types import at_least
from converter.graphs.scaling import GraphFlags

if TYPE_CHECKING:
    import argparse


def add_graph_flags(parser: Any) -> None:
    """Declare the flags, spelled as those of ``label_image`` or with hyphens."""
    parser.add_argument("--input-layer", "--input_layer", help="node that takes the picture")
    parser.add_argument("--output-layer", "--output_layer", help="node with a value per class")
    for side in ("height", "width"):
        parser.add_argument(
            f"--input-{side}", f"--input_{side}", type=at_least(1), metavar="PX", help=f"{side} of the input"
        )
    parser.add_argument("--input-mean", "--input_mean", type=float, help="taken from every pixel (0 to 255)")
    parser.add_argument("--input-std", "--input_std", type=float, help="divides what is left")


def read_graph_flags(args: argparse.Namespace) -> GraphFlags:
    """Return the values of the flags that ``add_graph_flags`` declared."""
    return GraphFlags(
        args.input_layer,
        args.output_layer,
        args.input_height,
        args.input_width,
        args.input_mean,
        args.input_std,
    )
