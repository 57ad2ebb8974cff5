"""Why pictures are kept: each reason where it holds, within its budget and its cool-down."""

from __future__ import annotations

from edge_node.config.delivery_sections import EvidenceBudgets, EvidenceConfig, EvidenceCoolDowns
from edge_node.evidence.policy import EvidencePolicy
from edge_node.messages.verdict import Decision, EvidenceReason, Outcome, StageVerdict


def stage(probabilities, label="", threshold=0.5, abstain_below=0.0):
    """Return a stage's verdict; its label is the most probable one if none is given."""
    return StageVerdict(
        name="stage",
        label=max(probabilities, key=probabilities.get) if label == "" else label,
        probabilities=probabilities,
        decision_threshold=threshold,
        abstain_below=abstain_below,
    )


def decision(outcome=Outcome.CORRODED, *stages):
    """Return a sure decision, or one along these stages."""
    return Decision(outcome=outcome, stages=stages or (stage({"corroded": 0.99, "uncorroded": 0.01}),))


def kept(policy, found, now_s, in_finding=None):
    """Return the reasons as words."""
    return [reason.value for reason in policy.reasons(found, in_finding, now_s)]


def test_corroded_and_sampled_pictures_are_kept_as_ever() -> None:
    """Corroded ones at most once an interval, of the rest a sample, nothing when switched off."""
    policy = EvidencePolicy(EvidenceConfig(min_interval_s=1.0, sample_every=3))
    moments = (0.0, 0.5, 1.0, 1.9, 2.0)
    assert [bool(kept(policy, decision(), now_s)) for now_s in moments] == [True, False, True, False, True]
    clean = decision(Outcome.UNCORRODED)
    assert [kept(policy, clean, 9.0) for _ in range(5)] == [["sample"], [], [], ["sample"], []]
    assert (
        kept(EvidencePolicy(EvidenceConfig(keep=False)), decision(), 0.0, EvidenceReason.FINDING_WORSE) == []
    )
    assert kept(EvidencePolicy(EvidenceConfig(keep=())), decision(Outcome.UNCERTAIN), 0.0) == []


def test_what_nobody_was_sure_of_is_kept_once_in_a_while() -> None:
    """Uncertain, or decided by a hair on any stage: each with its cool-down; darkness is only sampled."""
    policy = EvidencePolicy(EvidenceConfig(sample_every=0))
    close = decision(Outcome.UNCORRODED, stage({"corroded": 0.45, "uncorroded": 0.55}))
    unsure = decision(Outcome.UNCERTAIN, stage({"a": 0.5, "b": 0.5}, None, abstain_below=0.6))
    dark = decision(Outcome.NOT_INSPECTABLE, stage({"metal": 0.5, "other": 0.5}))
    assert [kept(policy, close, now_s) for now_s in (0.0, 9.9, 10.0)] == [["low_margin"], [], ["low_margin"]]
    assert [kept(policy, unsure, now_s) for now_s in (11.0, 20.0, 21.0)] == [["uncertain"], [], ["uncertain"]]
    assert kept(policy, dark, 99.0) == []
    close_and_red = decision(Outcome.CORRODED, stage({"corroded": 0.55, "uncorroded": 0.45}))
    assert kept(policy, close_and_red, 99.0) == ["low_margin", "corroded"]
    strict = EvidencePolicy(EvidenceConfig(sample_every=0, low_margin=0.01))
    assert kept(strict, close, 0.0) == []


def test_a_findings_picture_waits_for_no_interval() -> None:
    """The worst frame may follow the first by a tenth of a second."""
    policy = EvidencePolicy(EvidenceConfig(min_interval_s=60.0))
    first, worse = EvidenceReason.FINDING_FIRST, EvidenceReason.FINDING_WORSE
    assert kept(policy, decision(), 0.0, first) == ["finding_first", "corroded"]
    assert [kept(policy, decision(), now_s, worse) for now_s in (0.1, 0.2)] == [["finding_worse"]] * 2
    assert kept(policy, decision(), 0.3) == []


def test_no_hour_has_more_pictures_than_the_budget() -> None:
    """Not from the full hour on, but any hour; other reasons go on."""
    config = EvidenceConfig(
        sample_every=0,
        per_hour=EvidenceBudgets(uncertain=3, corroded=2),
        cool_down_s=EvidenceCoolDowns(uncertain=60.0),
    )
    policy = EvidencePolicy(config)
    unsure = decision(Outcome.UNCERTAIN)
    taken = [second for second in range(0, 7300, 10) if kept(policy, unsure, float(second))]
    assert taken == [0, 60, 120, 3600, 3660, 3720, 7200, 7260]
    assert [kept(policy, decision(), now_s) for now_s in (0.0, 5.0, 9.0)] == [["corroded"], ["corroded"], []]


def test_a_findings_first_picture_is_its_worst_where_firsts_are_not_kept() -> None:
    """Else no finding would ever get a picture to be worse than."""
    first = EvidenceReason.FINDING_FIRST
    policy = EvidencePolicy(EvidenceConfig(keep=("finding_worse",)))
    assert kept(policy, decision(), 0.0, first) == ["finding_worse"]
    full = EvidencePolicy(EvidenceConfig(min_interval_s=60.0, per_hour=EvidenceBudgets(finding_first=1)))
    assert [kept(full, decision(), now_s, first) for now_s in (0.0, 1.0)] == [
        ["finding_first", "corroded"],
        ["finding_worse"],
    ]


def test_only_the_reasons_that_are_named_keep_pictures() -> None:
    """A list takes the place of the whole set."""
    policy = EvidencePolicy(EvidenceConfig(keep=("uncertain", "sample"), sample_every=2))
    assert kept(policy, decision(), 0.0, EvidenceReason.FINDING_FIRST) == []
    assert kept(policy, decision(Outcome.UNCERTAIN), 0.0) == ["uncertain", "sample"]
    assert not policy.may_keep_for_shadow(0.0)
    assert EvidencePolicy(EvidenceConfig(keep=False)).may_keep_for_shadow(0.0)
