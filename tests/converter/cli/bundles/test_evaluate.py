"""``converter evaluate``: bundles and graphs on real pictures, and what is refused."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.cli.bundles import evaluate
from converter.evaluation.judge import load_judge
from edge_node.errors import DatasetError, GraphError

_DEFAULT_BUNDLE = Path(evaluate.__file__).parents[3] / "edge_node" / "default_bundle"


def _pictures(folder, count=6):
    random = np.random.default_rng(0)
    for index in range(count):
        name = "corroded steel" if index % 2 else "uncorroded steel"
        path = folder / name / f"plate{index}" / "a.png"
        path.parent.mkdir(parents=True)
        noise = random.normal(0, 40, (100, 120, 3)) + ((30, 60, 140) if index % 2 else (140, 140, 140))
        cv2.imwrite(str(path), np.clip(noise, 0, 255).astype(np.uint8))
    return folder


def _evaluate(*arguments):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([str(argument) for argument in arguments]))


def test_a_bundle_is_evaluated_through_the_nodes_own_path(tmp_path, capsys):
    """Table, JSON and page agree with what the node's engine says of every picture."""
    data = _pictures(tmp_path / "data")
    outputs = ["--json", tmp_path / "e.json", "--html", tmp_path / "e.html"]
    assert _evaluate(_DEFAULT_BUNDLE, data, *outputs) == 0
    judge = load_judge(_DEFAULT_BUNDLE)
    right = [
        judge.predict(cv2.imread(str(path))).decision.outcome.value == path.parts[-3].split()[0]
        for path in sorted(data.rglob("*.png"))
    ]
    found = json.loads((tmp_path / "e.json").read_text())
    any_metal = found["figures"][0]
    assert any_metal["question"] == "any metal corroded?"
    assert any_metal["accuracy"]["value"] == pytest.approx(np.mean(right))
    assert found["mean_ms"] > 0
    output = capsys.readouterr().out
    assert f"accuracy    {100 * np.mean(right):.2f} %" in output
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    materials = [
        judge.predict(cv2.imread(str(path))).decision.material for path in sorted(data.rglob("*.png"))
    ]
    whole = [good and material == "steel" for good, material in zip(right, materials, strict=True)]
    assert page.count("<figure>") == len(whole) - sum(whole)
    assert f"Wrong, or abstained: {len(whole) - sum(whole)} pictures" in page


def test_a_graph_is_evaluated_in_tensorflow(shared, tmp_path, capsys):
    """A frozen graph of an older tool, with its own preprocessing, is right on most real steel."""
    table = (shared / "data" / "labels.csv").read_text(encoding="utf-8").splitlines()
    rows = [row for row in table[1:] if row.startswith("surfaces/syukri") and ",steel," in row][:30]
    (tmp_path / "surfaces").symlink_to(shared / "data" / "surfaces")
    (tmp_path / "labels.csv").write_text("\n".join([table[0], *rows]), encoding="utf-8")
    assert (
        _evaluate(shared / "graphs" / "steel" / "retrained_graph.pb", tmp_path, "--json", tmp_path / "e") == 0
    )
    found = json.loads((tmp_path / "e").read_text())
    steel = next(one for one in found["figures"] if one["question"] == "steel corroded?")
    assert steel["pictures"] == 30
    assert steel["accuracy"]["value"] > 0.9
    assert "steel corroded?  30 pictures" in capsys.readouterr().out


def test_nothing_to_compare_with_is_said(tmp_path):
    """Sets that do not exist, and labels that say nothing of metal, end in one sentence."""
    data = _pictures(tmp_path / "data", 2)
    with pytest.raises(GraphError, match="nothing there; wanted a bundle's folder or a frozen graph"):
        _evaluate(tmp_path / "mistyped", data)
    with pytest.raises(DatasetError, match="no picture of nowhere; known are"):
        _evaluate(_DEFAULT_BUNDLE, data, "--set", "nowhere")
    (data / "corroded steel").rename(data / "cats")
    (data / "uncorroded steel").rename(data / "dogs")
    with pytest.raises(DatasetError, match="nothing to compare with"):
        _evaluate(_DEFAULT_BUNDLE, data)


@pytest.mark.runtime
def test_worse_pictures_are_judged_and_shown(tmp_path, capsys):
    """Table, JSON and page say how answers fall, the page with a plot; too few pictures claim nothing."""
    data = _pictures(tmp_path / "data", 4)
    outputs = ["--json", tmp_path / "e.json", "--html", tmp_path / "e.html"]
    few = ["--stress", "--stress-pictures", 2]
    with pytest.raises(DatasetError, match=r"not changed: .*too few to tell"):
        _evaluate(_DEFAULT_BUNDLE, data, *few, "--claim-colourless", *outputs)
    shown = capsys.readouterr().out
    assert "worse pictures: any metal corroded?  2 pictures in a sample of 2 of 4" in shown
    assert "\n  grey " in shown
    found = json.loads((tmp_path / "e.json").read_text())["stress"]
    assert found["pictures"] == 2
    assert found["grey"]["may_be_judged"] is False
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert page.count("<svg") == len(found["tables"])


def test_what_cannot_be_stressed_is_refused_before_anything_is_judged(tmp_path):
    """A graph has no checks of the node; a claim without a measurement is none."""
    data, graph = _pictures(tmp_path / "data", 2), tmp_path / "graph.pb"
    graph.touch()
    with pytest.raises(GraphError, match="--stress wants a bundle"):
        _evaluate(graph, data, "--stress")
    with pytest.raises(DatasetError, match="wanted --stress too"):
        _evaluate(_DEFAULT_BUNDLE, data, "--claim-colourless")
