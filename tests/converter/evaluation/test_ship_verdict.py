"""The verdict that a conversion leaves in its bundle."""

from __future__ import annotations

import msgspec

from converter.evaluation.ship_verdict import ShipVerdict, read_verdict

CONVERTED = ShipVerdict(ship=True, shown=("proved at the source",), mind=("a licence",))


def test_a_line_says_the_answer_and_numbers_several_reasons():
    """One reason needs no number, and none needs no colon."""
    assert CONVERTED.line == "May I ship it? Yes: proved at the source."
    assert ShipVerdict(ship=False).line == "May I ship it? No."
    assert ShipVerdict(ship=False, against=("a", "b")).line == "May I ship it? No: (1) a; (2) b."


def test_the_verdict_of_the_conversion_is_read_from_the_bundle(tmp_path):
    """A graph, and a bundle of an older converter, have none: that is a reason too."""
    assert "a graph" in read_verdict(tmp_path / "graph.pb").line
    assert "holds no verdict" in read_verdict(tmp_path).line
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    assert "holds no verdict" in read_verdict(tmp_path).line
    (tmp_path / "report.json").write_bytes(msgspec.json.encode({"name": "x", "verdict": CONVERTED}))
    assert read_verdict(tmp_path) == CONVERTED
