"""Subcommands run in the process of the test, which need not load Python, OpenCV and TensorFlow again."""

from __future__ import annotations

import argparse
import io
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from unittest.mock import patch

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


def command_here(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``PROGRAM.main`` with the process's arguments and return what a process of its own would give.

    For refusals and short answers; what starts threads or ends by a signal wants ``processes.command``.
    """
    main = import_module(program).main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    heeded = signal.getsignal(signal.SIGTERM)
    with patch.object(sys, "argv", [program, *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
        finally:
            signal.signal(signal.SIGTERM, heeded)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(list(arguments), code or 0, *said)
