"""Subcommands of the converter, run in the process of the test, which need not load TensorFlow once more."""

from __future__ import annotations

import argparse
import io
import subprocess
from contextlib import redirect_stderr, redirect_stdout

from converter.cli import convert_main


def run(module, *arguments) -> int:
    """Run a subcommand with its own parser."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(argument) for argument in arguments]))


def convert(*arguments) -> subprocess.CompletedProcess[str]:
    """Run ``convert`` and return its exit code with what it printed, as of a process."""
    words, out, err = [str(argument) for argument in arguments], io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = convert_main(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
