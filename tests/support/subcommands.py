"""Subcommands of the converter, run in the process of the test."""

from __future__ import annotations

import argparse


def run(module, *arguments) -> int:
    """Run a subcommand with its own parser."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(argument) for argument in arguments]))
