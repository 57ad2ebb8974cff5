"""Run the command ``edge-node``: one module for each subcommand."""

from edge_node.cli.main import COMMANDS, main

__all__ = ["COMMANDS", "main"]
