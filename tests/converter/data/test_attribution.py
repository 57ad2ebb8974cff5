"""ATTRIBUTION.md: what a network was trained on, under which licences, and by whom."""

from __future__ import annotations

import pytest

from converter.data.attribution import (
    ATTRIBUTION_NAME,
    attribution_path,
    find_attribution,
    format_attribution,
    read_credits,
)
from converter.data.dataset import load_dataset
from edge_node.errors import DatasetError

_ROWS = """file,source,licence,corroded,author
a/1.png,flowers,CC BY 2.0,0,
a/2.png,flowers,CC BY 2.0,0,
a/3.png,tanks,MIT (second-hand),1,
a/4.png,tanks,MIT (second-hand),1,
a/5.png,own,,1,Ann O'Nym | Works
"""
_CREDITS = """file,credit
a/1.png,"Ada - https://example.org/1, CC BY 2.0"
a/2.png,"Bob, CC BY 2.0"
a/3.png,"public script: says MIT"
a/4.png,as above
"""


def _load(folder, credits_text=_CREDITS):
    (folder / "a").mkdir()
    for number in range(1, 6):
        (folder / "a" / f"{number}.png").touch()
    (folder / "labels.csv").write_text(_ROWS, encoding="utf-8")
    (folder / "ATTRIBUTION.csv").write_text(credits_text, encoding="utf-8")
    return load_dataset(folder)


def test_authors_come_from_rows_and_from_the_table_beside_them(tmp_path):
    """A column names an author, the table credits; "as above" repeats; a part of a set finds both."""
    found = {path.name: credit for path, credit in read_credits(_load(tmp_path)).items()}
    assert found["1.png"] == "Ada - https://example.org/1, CC BY 2.0"
    assert found["4.png"] == found["3.png"] == "public script: says MIT"
    assert found["5.png"] == "Ann O'Nym | Works"
    assert read_credits(load_dataset(tmp_path / "a")).keys() == read_credits(load_dataset(tmp_path)).keys()


def test_the_text_names_every_source_licence_and_author(tmp_path):
    """Each author of CC BY pictures, what a second-hand licence rests on, and what nobody states."""
    text = format_attribution("steel", "lite1, trained on ImageNet, Apache-2.0", _load(tmp_path)).decode()
    assert "Training began with these weights: lite1, trained on ImageNet, Apache-2.0." in text
    assert "| CC BY 2.0 | 2 | flowers |" in text
    assert "| not stated | 1 | own |" in text
    assert "**MIT (second-hand)**: not the author" in text
    assert "| tanks | MIT (second-hand) | 2 | public script: says MIT |" in text
    assert "- flowers: Ada - https://example.org/1, CC BY 2.0 (1.png)" in text
    assert "- flowers: Bob, CC BY 2.0 (2.png)" in text
    assert "Ann O'Nym \\| Works" in text
    assert (
        text
        == format_attribution(
            "steel", "lite1, trained on ImageNet, Apache-2.0", load_dataset(tmp_path)
        ).decode()
    )


def test_a_table_of_other_columns_is_refused(tmp_path):
    """One sentence names the file and what it wants."""
    samples = _load(tmp_path, "picture,who\na/1.png,Ada\n")
    with pytest.raises(DatasetError, match=r"ATTRIBUTION\.csv: columns picture, who; wanted file and credit"):
        read_credits(samples)


def test_attributions_stand_beside_what_they_are_of(tmp_path):
    """A cascade's is one; a graph of its own name has its own; each text is carried once."""
    graphs = [tmp_path / "retrained_graph.pb", tmp_path / "steel.pb"]
    assert attribution_path(graphs[0], tmp_path) == tmp_path / ATTRIBUTION_NAME
    assert attribution_path(graphs[0], None) == tmp_path / ATTRIBUTION_NAME
    assert attribution_path(graphs[1], None) == tmp_path / "steel_ATTRIBUTION.md"
    assert find_attribution([tmp_path / "cascade.toml", *graphs]) == ""
    (tmp_path / ATTRIBUTION_NAME).write_text("common\n", encoding="utf-8")
    (tmp_path / "steel_ATTRIBUTION.md").write_text("steel\n", encoding="utf-8")
    assert find_attribution([tmp_path / "cascade.toml", *graphs]) == "common\n\nsteel\n"
