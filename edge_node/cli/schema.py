"""Run ``edge-node schema``: write JSON Schemas, an AsyncAPI document and a Node-RED flow of all messages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.integrations.message_schema import documents

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node schema``."""
    parser.add_argument("dir", type=Path, help="folder to write to; made if it is not there")
    parser.epilog = (
        "Writes NAME.schema.json for each kind of message (JSON Schema 2020-12), asyncapi.json (AsyncAPI\n"
        "3.0) and node_red_flow.json, a flow to import into Node-RED."
    )


def run(args: argparse.Namespace) -> int:
    """Write the documents and print their paths."""
    try:
        args.dir.mkdir(parents=True, exist_ok=True)
        for name, content in documents():
            (args.dir / name).write_bytes(content)
            print(args.dir / name)
    except OSError as err:
        raise CorrosionError(f"{args.dir}: {err.strerror or err}; wanted a folder to write to") from err
    return 0
