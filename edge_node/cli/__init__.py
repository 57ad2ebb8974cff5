"""Command lines: one module a subcommand."""

from edge_node.cli.main import COMMANDS, main

__all__ = ["COMMANDS", "main"]
