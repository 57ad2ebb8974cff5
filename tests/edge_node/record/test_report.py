"""The report of a check: a table, what is wrong, and one last sentence."""

from __future__ import annotations

from edge_node.record.report import EpochReport, RecordReport, RobotReport, format_report

EPOCH = EpochReport(
    epoch="e", first=1, last=9, verdicts=7, repeated=1, conflicts=0, given_up=1, gaps=((4, 4),), end="open"
)


def report(*problems: str, checkpoints: int = 0, checked: bool = False) -> RecordReport:
    """Of one robot."""
    robot = RobotReport(
        robot="s/r",
        epochs=(EPOCH,),
        checkpoints=checkpoints,
        signed_up_to="number 9 of epoch e" if checked else "",
        problems=problems,
        notes=("a note",),
    )
    return RecordReport(robots=(robot,), problems=(), left_out=2, signatures_checked=checked)


def test_the_last_line_says_it_all() -> None:
    """Proved with a signature, without one, without any, or not."""
    assert report(checkpoints=1, checked=True).conclusion.endswith("signed to the last")
    assert report(checkpoints=1).conclusion.endswith("signatures were not checked (--key)")
    assert report().conclusion.endswith("it holds no checkpoint, so nothing is signed")
    assert report("a").conclusion == "NOT PROVED: 1 thing is wrong or cannot be shown; see above"


def test_a_long_list_is_cut() -> None:
    """Twenty are enough to read; the number of the others is told."""
    lines = list(format_report(report(*(f"p{n}" for n in range(30)))))
    assert sum(line.startswith("  PROBLEM: p") for line in lines) == 20
    assert "  PROBLEM: and 10 more (--json lists them)" in lines
    assert "  note: a note" in lines
    assert any(line.endswith("1        9        7      1        1  4") for line in lines)
    assert "2 messages of other kinds left out" in lines
