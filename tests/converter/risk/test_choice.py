"""Thresholds of a cascade for a stated risk: measured on sources that had no part in the choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.data.dataset import Sample
from converter.data.stage_truth import UNKNOWN
from converter.risk.choice import LeftOutAnswers, choose_thresholds, drop_stages
from edge_node.inference.manifest import Cascade, Meaning, Stage

_SOURCES, _EACH = 12, 80


def _stage(name, labels, meanings, **more):
    return Stage(name=name, labels=labels, model="m", output="o", meanings=meanings, **more)


CASCADE = Cascade(
    root="metal",
    stages=(
        _stage(
            "metal",
            ("metal", "other"),
            {"metal": Meaning(metal=True), "other": Meaning(metal=False)},
            routes={"metal": "condition"},
            otherwise="condition",
        ),
        _stage(
            "condition",
            ("corroded", "uncorroded"),
            {"corroded": Meaning(corroded=True), "uncorroded": Meaning(corroded=False)},
            routes={"corroded": "severity"},
        ),
        _stage(
            "severity", ("late", "mid"), {"late": Meaning(severity="late"), "mid": Meaning(severity="mid")}
        ),
    ),
)


def _logits(random, truth, strength, bias):
    """Return logits of two labels: ``strength`` says how well they tell, ``bias`` how a source misleads."""
    margin = np.where(truth == 0, 1.0, -1.0) * random.gamma(2.0, strength, len(truth))
    margin += random.normal(0, 1.0, len(truth)) + bias
    return np.stack([margin / 2, -margin / 2], axis=1)


@pytest.fixture(scope="module")
def answers():
    """Twelve sources, each seen by a camera of its own; severities cannot be told."""
    random = np.random.default_rng(0)
    samples, truth = [], {"metal": [], "condition": [], "severity": []}
    biases = []
    for source in range(_SOURCES):
        for number in range(_EACH):
            kind = int(random.integers(3))  # corroded, uncorroded, other
            labels = {"metal": "other"} if kind == 2 else {"metal": "metal"}
            if kind < 2:
                labels["corroded"] = ("corroded", "uncorroded")[kind]
            samples.append(
                Sample(Path(f"{source}-{number}"), f"g{source}-{number}", f"s{source}", labels=labels)
            )
            truth["metal"].append(int(kind == 2))
            truth["condition"].append(kind if kind < 2 else UNKNOWN)
            truth["severity"].append(int(random.integers(2)) if kind == 0 else UNKNOWN)
            biases.append(((source % 4) - 1.5) * 0.6)
    truth = {name: np.array(values) for name, values in truth.items()}
    logits = {
        "metal": _logits(random, truth["metal"], 3.0, np.array(biases)),
        "condition": _logits(random, np.maximum(truth["condition"], 0), 3.0, np.array(biases)),
        "severity": _logits(random, np.maximum(truth["severity"], 0), 0.05, np.array(biases)),
    }
    members = np.repeat(np.arange(_SOURCES) % 4, _EACH)
    return LeftOutAnswers(tuple(samples), members, logits, truth)


def test_the_risk_holds_on_sources_that_had_no_part(answers):
    """The cascade is wrong at most so often by thresholds chosen without the source, and decides most."""
    chosen = choose_thresholds(answers, CASCADE, 0.03, {})
    risk = chosen.risk
    assert risk.is_held
    assert risk.wrong <= 0.03
    assert risk.wrong_interval[0] <= risk.wrong <= risk.wrong_interval[1]
    assert risk.coverage > 0.6
    assert (risk.pictures, len(risk.sources)) == (_SOURCES * _EACH, _SOURCES)
    assert set(chosen.stages) == {"metal", "condition", "severity"}
    assert {stage.stage: stage.is_held for stage in risk.stages}["condition"]
    wrongs, coverages = zip(*chosen.curve, strict=True)
    assert max(wrongs) > risk.wrong
    assert max(coverages) >= risk.coverage


def test_a_stage_that_cannot_tell_is_left_out(answers):
    """Severity is answered for too few pictures at the risk: it goes, with the routes to it."""
    chosen = choose_thresholds(answers, CASCADE, 0.03, {"severity": 0.7, "condition": 0.5})
    assert chosen.left_out == ("severity",)
    assert "severity" not in chosen.stages
    told = {stage.stage: stage for stage in chosen.risk.stages}
    assert told["severity"].is_left_out
    assert told["severity"].coverage < 0.7
    kept = drop_stages(CASCADE, chosen.left_out)
    assert [stage.name for stage in kept.stages] == ["metal", "condition"]
    assert kept.stage("condition").routes == {}


def test_a_risk_that_cannot_be_held_is_told(answers):
    """Where no threshold holds the risk the record says so, rather than claiming it."""
    coin = {name: np.random.default_rng(3).normal(0, 1, one.shape) for name, one in answers.logits.items()}
    spoilt = LeftOutAnswers(answers.samples, answers.members, coin, answers.truth)
    risk = choose_thresholds(spoilt, CASCADE, 0.0001, {}).risk
    assert not risk.is_held or risk.coverage < 0.05


def test_what_holds_on_no_new_source_holds_on_those_chosen_on(answers):
    """Where a source misleads, the thresholds hold on all pictures together, and both figures are told."""
    sources = np.repeat(np.arange(_SOURCES), _EACH)
    bias = np.where(sources == 5, 9.0, 0.0)[:, np.newaxis] * np.array([[0.5, -0.5]])  # sure, and wrong
    misled = {**answers.logits, "condition": answers.logits["condition"] + bias}
    risk = choose_thresholds(
        LeftOutAnswers(answers.samples, answers.members, misled, answers.truth), CASCADE, 0.01, {}
    ).risk
    assert risk.pooled_wrong <= 0.01
    assert risk.pooled_coverage > 0.2
    assert risk.wrong > risk.pooled_wrong
