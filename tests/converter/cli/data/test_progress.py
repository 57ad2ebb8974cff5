"""How far a walk over pictures is."""

from __future__ import annotations

from converter.cli.data.progress import show_progress


def test_without_a_terminal_it_is_one_line(capsys):
    """Logs and mails get a line a step, and no bar."""
    with show_progress("checking") as show:
        for done in range(1, 31):
            show(done, 30)
    assert capsys.readouterr().err == "checking 30 pictures\n"
