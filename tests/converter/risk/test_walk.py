"""The walk of a cascade for many pictures at once is the node's own for each of them."""

from __future__ import annotations

import numpy as np

from converter.risk.walk import walk
from edge_node.inference.cascade import decide
from edge_node.inference.manifest import Cascade, Meaning, Stage
from edge_node.inference.probabilities import softmax


def _stage(name, labels, meanings, **more):
    return Stage(name=name, labels=labels, model="m", output="o", meanings=meanings, **more)


def test_outcomes_are_the_nodes_own():
    """Abstentions, routes, what is no metal and labels without a meaning lead where the node's walk leads."""
    condition = {"corroded": Meaning(corroded=True), "uncorroded": Meaning(corroded=False)}
    metals = {"steel": Meaning(material="steel"), "tin": Meaning(material="tin")}
    cascade = Cascade(
        root="metal",
        stages=(
            _stage("any", ("corroded", "uncorroded"), condition, abstain_below=0.7),
            _stage("steel", ("corroded", "uncorroded"), condition, decision_threshold=0.7, abstain_below=0.6),
            _stage(
                "metal",
                ("metal", "other"),
                {"metal": Meaning(metal=True), "other": Meaning(metal=False)},
                routes={"metal": "material", "other": "any"},
                otherwise="any",
                decision_threshold=0.2,
                abstain_below=0.6,
            ),
            _stage(
                "material",
                ("steel", "tin", "grease"),
                metals,
                routes={"steel": "steel", "tin": "any"},
                otherwise="any",
                abstain_below=0.5,
                temperature=1.5,
            ),
        ),
    )
    random = np.random.default_rng(0)
    logits = {stage.name: random.normal(0, 2, (400, len(stage.labels))) for stage in cascade.stages}
    outcomes = walk(cascade, logits)
    assert len(set(outcomes)) == 4
    for at, outcome in enumerate(outcomes):
        said = decide(cascade, lambda stage, at=at: softmax(logits[stage.name][at], stage.temperature))
        assert said.outcome is outcome
