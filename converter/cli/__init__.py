"""Command lines: one module per subcommand."""

from converter.cli.main import COMMANDS, convert_main, main

__all__ = ["COMMANDS", "convert_main", "main"]
