"""Command lines: one module a subcommand."""

from converter.cli.main import COMMANDS, convert_main, main

__all__ = ["COMMANDS", "convert_main", "main"]
