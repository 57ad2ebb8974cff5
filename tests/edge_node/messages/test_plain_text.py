"""Verdicts as text for people: the path through the cascade, and nothing that steers a terminal."""

from __future__ import annotations

import io

import pytest

from edge_node.messages.plain_text import (
    area_text,
    colour_text,
    describe_verdict,
    escape_unprintable,
    path_text,
)
from edge_node.messages.verdict import Decision, Outcome, Reason, StageVerdict
from tests.support.verdicts import verdict


def stage(name: str, label: str | None, **probabilities: float) -> StageVerdict:
    """Return what one stage said."""
    return StageVerdict(
        name=name, label=label, probabilities=probabilities, decision_threshold=0.5, abstain_below=0.0
    )


def test_the_path_names_each_stage_with_its_label_or_that_it_is_unsure() -> None:
    """With the probability of the label, or the largest one where there is no label."""
    stages = (stage("material", "steel", steel=0.97, aluminium=0.03), stage("steel", None, yes=0.6, no=0.4))
    decision = Decision(outcome=Outcome.UNCERTAIN, stages=stages)
    assert path_text(decision) == "material: steel 97% > steel: uncertain 60%"


def test_without_a_stage_the_reasons_are_the_path() -> None:
    """A frame that is not inspectable was shown to no model."""
    reasons = (Reason(code="dark", text="too dark"), Reason(code="blurred", text="out of focus"))
    decision = Decision(outcome=Outcome.NOT_INSPECTABLE, reasons=reasons)
    assert path_text(decision) == "too dark; out of focus"


def test_escape_sequences_and_line_breaks_become_question_marks() -> None:
    """Text of a stranger neither colours nor moves the cursor of whoever reads it; letters stay."""
    assert escape_unprintable("\x1b[31m\r\nЖ 李\u202e") == "?[31m??Ж 李?"
    line = describe_verdict(verdict(7, "X", reasons=(Reason(code="x", text="a\nb\x1b"),)))
    assert line.isprintable()
    assert line.startswith("12:00:07.000000 #7")
    assert line.endswith("not_inspectable a?b?")


def test_colours_are_for_terminals_alone() -> None:
    """A file or a pipe gets plain text."""

    class Terminal(io.StringIO):
        """A stream that says that people read it."""

        def isatty(self) -> bool:
            """Say so."""
            return True

    assert colour_text("x", Outcome.CORRODED, io.StringIO()) == "x"
    coloured = {colour_text("x", outcome, Terminal()) for outcome in Outcome}
    assert len(coloured) == len(Outcome)
    assert all(text.endswith("x\x1b[0m") for text in coloured)


@pytest.mark.parametrize(
    ("area_mm2", "text"),
    [
        (0.0, "0 mm²"),
        (0.004, "less than 0.01 mm²"),
        (0.346, "0.35 mm²"),
        (3.14, "3.1 mm²"),
        (9.96, "10 mm²"),
        (1234.5, "1,200 mm²"),
        (98_765.4, "99,000 mm²"),
        (12_345_678.0, "12,000,000 mm²"),
    ],
)
def test_an_area_has_two_digits_that_mean_something(area_mm2, text) -> None:
    """It is an estimate from a coarse map; thousands are set apart."""
    assert area_text(area_mm2) == text
