"""Run the commands ``converter`` and ``convert``; subcommands stand in packages by what they take."""

from converter.cli.main import COMMANDS, convert_main, main

__all__ = ["COMMANDS", "convert_main", "main"]
