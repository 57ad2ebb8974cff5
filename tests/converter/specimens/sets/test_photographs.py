"""Which photographs are painted on: uncorroded metal under the licences that were named, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.sets.photographs import choose_photographs, draw_photographs
from edge_node.errors import DatasetError

ROWS = """file,set,source,licence,group,material,finish,corroded
a.jpg,surfaces,one,CC0,g1,steel,rolled,0
b.jpg,surfaces,one,CC0,g1,steel,rolled,1
c.jpg,surfaces,two,CC BY-NC 4.0,g2,steel,rolled,0
d.jpg,surfaces,two,cc0,g2,steel,rolled,0
e.jpg,surfaces,three,CC0,,aluminium,,0
f.jpg,scenes,three,CC0,g3,steel,,0
g.jpg,surfaces,three,CC0,g3,,,0
h.jpg,surfaces,four,CC0,g4,steel,,0
"""


def table(folder):
    """Return the folder with the table written into it."""
    (folder / "labels.csv").write_text(ROWS)
    return folder


def test_only_clean_metal_under_named_licences(tmp_path):
    """Corroded, unknown and whole places stay out, as do other licences, even those spelt nearly alike."""
    chosen = choose_photographs(table(tmp_path), ["CC0"], without=["four"])
    assert [(each.file, each.source, each.group) for each in chosen] == [
        ("a.jpg", "one", "g1"),
        ("e.jpg", "three", "e.jpg"),
    ]


def test_no_such_photograph_is_said_with_what_there_is(tmp_path):
    """A licence that no row has is refused with those that rows have."""
    with pytest.raises(DatasetError, match=r"under MIT; licences there are CC BY-NC 4\.0, CC0, cc0"):
        choose_photographs(table(tmp_path), ["MIT"])


def test_metals_come_in_turn(tmp_path):
    """Steel and aluminium are drawn as often as one another."""
    chosen = choose_photographs(table(tmp_path), ["CC0"])
    drawn = list(draw_photographs(chosen, 8, np.random.default_rng(0)))
    assert [each.material.value for each in drawn] == ["steel", "aluminium"] * 4
