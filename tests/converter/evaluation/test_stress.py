"""A bundle under worse pictures, through the node's own path."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from converter.camera_conditions import CONDITIONS, GREY, UNCHANGED
from converter.data.dataset import CORRODED, UNCORRODED, Sample
from converter.evaluation.questions import choose_questions
from converter.evaluation.stress import StressSample, draw_stress_sample, stress, tabulate_stress
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector


def _sample(path, corroded, source="one"):
    return Sample(Path(path), "", source=source, labels={"corroded": corroded})


def test_each_source_and_answer_comes_by_its_share_and_the_same_again():
    """Of 80 and 20 pictures of two sources, 8 and 2 are drawn; the seed decides which; none comes twice."""
    samples = [_sample(f"{n}", CORRODED if n % 2 else UNCORRODED, "many") for n in range(80)]
    samples += [_sample(f"few{n}", UNCORRODED, "few") for n in range(20)]
    samples += [Sample(Path("unknown"), "")]
    asked = choose_questions([])
    drawn = draw_stress_sample(samples, asked, 10, 1)
    names = [str(sample.path) for sample in drawn.samples]
    assert [sum(sample.source == name for sample in drawn.samples) for name in ("many", "few")] == [8, 2]
    assert sum(sample.labels["corroded"] == CORRODED for sample in drawn.samples) == 4
    assert len(set(names)) == 10
    assert drawn == draw_stress_sample(samples, asked, 10, 1)
    assert drawn.samples != draw_stress_sample(samples, asked, 10, 2).samples
    assert len(draw_stress_sample(samples, asked, 500).samples) == 100
    assert drawn.of == 101


@pytest.mark.runtime
def test_refusals_are_counted_as_the_node_refuses(tmp_path):
    """Answers and refusals are those of the node's inspector; grey is refused, and judged beside that."""
    random = np.random.default_rng(0)
    samples = []
    for number, colour in enumerate([(30, 60, 140), (140, 140, 140)]):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.clip(random.normal(colour, 40, (96, 120, 3)), 0, 255).astype(np.uint8))
        samples.append(_sample(path, UNCORRODED if number else CORRODED))
    bundle = load_bundle(DEFAULT_BUNDLE)
    unclaimed = msgspec.structs.replace(bundle.manifest, colourless=msgspec.UNSET)
    bundle = msgspec.structs.replace(bundle, manifest=unclaimed)
    done = []
    drawn = StressSample(tuple(samples), 7, seed=3)
    found = stress(bundle, drawn, choose_questions(["x"], bundle.manifest.cascade), done.append)
    assert sum(done) == drawn.judgements == 2 * len(CONDITIONS)
    assert (found.pictures, found.of, found.seed) == (2, 7, 3)
    table = next(table for table in found.tables if table.question == "any metal corroded?")
    rows = {row.condition: row for row in table.rows}
    assert list(rows) == [condition.name for condition in CONDITIONS]
    node = Inspector(Engine(bundle), thresholds=Thresholds())
    said = [node.inspect(sample.read()).decision.outcome.value for sample in samples]
    right = np.mean([a == sample.labels["corroded"] for a, sample in zip(said, samples, strict=True)])
    assert rows[UNCHANGED].right == right
    assert rows[GREY].refused == 1
    assert rows[GREY].reasons == {"colourless": 2}
    assert rows[GREY].fall_points == 100 * right
    assert rows[UNCHANGED].reasons == {}
    assert found.grey is not None
    assert found.grey.pictures == 2
    assert not found.grey.claimed
    heads, cells = tabulate_stress(table)
    assert heads[-1] == "corroded found"
    assert all(len(row) == len(heads) for row in cells)
