"""``converter data import | export | check``: exchange data sets, and find what in one will hurt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.cli.data import check_data, export_data, import_data

if TYPE_CHECKING:
    import argparse

_ACTIONS = {
    "import": (
        import_data,
        "read a data set of COCO, YOLO, Label Studio or mask pictures into labels.csv and masks",
    ),
    "export": (export_data, "write labels.csv and masks for COCO or Label Studio"),
    "check": (check_data, "find what spoils a training: leaks, copies, masks, licences, small classes"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of ``converter data``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, summary) in _ACTIONS.items():
        module.add_arguments(actions.add_parser(name, help=summary, description=summary))


def run(args: argparse.Namespace) -> int:
    """Carry out the action; return its exit code."""
    module, _ = _ACTIONS[args.action]
    return int(module.run(args))
