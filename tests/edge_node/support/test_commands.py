"""Programs of the system that are missing or fail cost their output alone."""

from __future__ import annotations

import sys

from edge_node.support.commands import Output, run_program


def test_a_program_gives_its_output_or_a_sentence():
    """Missing, failed with words, failed without, ended by a signal."""
    assert run_program(sys.executable, "-c", "print('x')") == Output("x\n", "")
    assert run_program("no-such-program-here").problem == "no-such-program-here is not on this system"
    failed = run_program(sys.executable, "-c", "print('half'); raise SystemExit('no bus')")
    assert failed.text == "half\n"
    assert failed.problem.endswith("ended with code 1: no bus")
    killed = run_program(sys.executable, "-c", "import os; os.kill(os.getpid(), 4)")
    assert "ended with code -4" in killed.problem


def test_it_imports_nothing_from_the_folder_of_the_user(tmp_path, monkeypatch):
    """Root may stand in a folder where somebody else left a module of a well-known name."""
    (tmp_path / "strangers_module.py").write_text("print('stranger')\n")
    monkeypatch.chdir(tmp_path)
    found = run_program(sys.executable, "-c", "import strangers_module")
    assert found.text == ""
    assert "No module named 'strangers_module'" in found.problem
