"""Run ``converter`` and its subcommands; ``convert`` is also a command of its own."""

from __future__ import annotations

import argparse
import sys

from edge_node.cli.framework import Subcommand, parse_and_run, run_command, run_guarded

COMMANDS = {
    "convert": Subcommand(
        "converter.cli.graphs.convert", "convert trained graphs to a quantized bundle for the node"
    ),
    "retrain": Subcommand(
        "converter.cli.training.retrain",
        "train a graph on photographs, or a cascade of graphs on one backbone",
    ),
    "evaluate": Subcommand(
        "converter.cli.bundles.evaluate",
        "measure accuracy, precision, recall and time of a bundle or a graph on labelled pictures",
    ),
    "study": Subcommand(
        "converter.cli.training.study",
        "train and test the six models of the thesis and the cascade on a data set",
    ),
    "inspect": Subcommand(
        "converter.cli.graphs.inspect_graph",
        "print what is in a graph: input, bottleneck, head, labels, operators",
    ),
    "label": Subcommand(
        "converter.cli.graphs.label",
        "classify pictures with a graph or a bundle, with the flags of label_image",
    ),
    "show": Subcommand(
        "converter.cli.bundles.show",
        "draw a contact sheet: pictures with a bundle's verdicts, maps and the truth",
    ),
    "data": Subcommand(
        "converter.cli.data.actions",
        "import, export and check labelled pictures (COCO, YOLO, Label Studio, masks)",
    ),
    "example": Subcommand(
        "converter.cli.example", "write a recipe or cascade file that comes with the converter"
    ),
    "runs": Subcommand(
        "converter.cli.training.runs",
        "list the trainings that `converter retrain` has kept",
    ),
    "classes": Subcommand(
        "converter.cli.bundles.classes",
        "write each stage of a bundle as a classifier for MediaPipe and other programs",
    ),
    "model-card": Subcommand(
        "converter.cli.bundles.model_card", "write the model card of a bundle from what was measured of it"
    ),
    "bundle": Subcommand(
        "converter.cli.bundles.bundle", "make keys, pack and sign a bundle, so that it can be sent to robots"
    ),
    "specimens": Subcommand("converter.cli.specimens", "render pictures of metal plates with a known truth"),
}


def main() -> int:
    """Run ``converter`` with the process's arguments and return its exit code."""
    words = sys.argv[1:]
    if words[:1] == ["convert"]:
        return convert_main(words[1:], prog="converter convert")
    return run_command(
        "converter",
        "Convert trained TensorFlow graphs to the bundle that the edge node runs.",
        COMMANDS,
        words,
        epilog="`converter COMMAND --help` explains a command. `convert` alone is `converter convert`,"
        " unless another program of this name, such as ImageMagick's, comes first in PATH.",
    )


def convert_main(argv: list[str] | None = None, *, prog: str = "convert") -> int:
    """Run ``convert`` with ``argv``, or the process's arguments, and return its exit code.

    Args:
        argv: without the program's name.
        prog: what the user has called, for ``--help``.
    """
    return run_guarded("convert", lambda: _convert(sys.argv[1:] if argv is None else argv, prog))


def _convert(argv: list[str], prog: str) -> int:
    from converter.cli.graphs import convert

    parser = argparse.ArgumentParser(prog=prog, description=COMMANDS["convert"].summary)
    convert.add_arguments(parser)
    parser.set_defaults(run=convert.run)
    return parse_and_run(parser, convert.spell_out_mode(argv))


if __name__ == "__main__":
    sys.exit(main())
