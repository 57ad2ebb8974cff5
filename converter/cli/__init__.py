"""Run the commands ``converter`` and ``convert``: one module for each subcommand."""

from converter.cli.main import COMMANDS, convert_main, main

__all__ = ["COMMANDS", "convert_main", "main"]
