"""Reviews are held to their words."""

from __future__ import annotations

import pytest

from edge_node.commands.admission import AdmittedCommand
from tests.support.commands import REVIEW, gate, incoming, refusal


@pytest.mark.parametrize(
    "changes",
    [
        {"judgement": "maybe"},
        {"subject": "robot:epoch:0"},
        {"subject": "../../x:e:f1"},
        {"subject": "robot:epoch:f7\n"},
        {"by": ""},
        {"by": " Anna"},
        {"by": "A" * 65},
        {"by": "a\u202eb"},
        {"note": "two\nlines"},
        {"note": "x" * 501},
        {"note": "\ud800"},
        {"material": "Steel"},
        {"material": "steel plate"},
        {"severity": "x" * 33},
        {"outcome": "uncertain"},
        {"evidence_sha256": "../../etc/passwd"},
        {"outcome": "uncorroded", "severity": "late"},
        {"outcome": "uncorroded", "form": "pitting"},
        {"outcome": "uncorroded", "judgement": "confirmed"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_review_is_held_to_its_words(changes) -> None:
    """Labels are identifiers, names and notes one printable line; what contradicts itself is refused."""
    assert refusal(gate().judge(incoming("review", **{**REVIEW, **changes}))) == "schema"
    good = {"by": "Анна 李", "note": "Walzhaut, kein Rost: ≠", "outcome": "uncorroded", "severity": "none"}
    assert isinstance(gate().judge(incoming("review", **{**REVIEW, **good})), AdmittedCommand)
