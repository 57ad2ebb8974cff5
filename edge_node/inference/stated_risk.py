"""Say in a manifest for which share of wrong decisions a bundle's thresholds were chosen, and on what.

It is a note of the bundle's provenance, which older nodes take too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.inference.manifest import Manifest, Probability

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTE = "risk: "


class StageRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one stage alone, on pictures of sources that the network had not seen.

    Attributes:
        stage: its name.
        wrong: share of wrong answers among those that it gives.
        coverage: share of pictures that it gives an answer for.
        pictures: whose right answer is known.
        is_held: whether ``wrong`` is at most the stated share.
        is_left_out: whether the stage is not in the bundle because its coverage was too small.
    """

    stage: str
    wrong: Probability
    coverage: Probability
    pictures: int
    is_held: bool
    is_left_out: bool = False


class StatedRisk(msgspec.Struct, frozen=True, kw_only=True):
    """For which share of wrong decisions the thresholds were chosen, and what was measured with them.

    Attributes:
        wrong_share: of the decided pictures, that may be wrong.
        wrong: share of wrong answers among the decided pictures, "corroded", "uncorroded" or "no metal"; of
            thresholds that were chosen without the picture's source.
        wrong_interval: of 95 %, of that share.
        coverage: share of the pictures that are decided.
        pooled_wrong: the same share on all pictures together, the thresholds chosen on these very pictures.
        pooled_coverage: share of the pictures that are then decided.
        pictures: that this was measured on.
        sources: of these pictures; the network that judged one had not seen its source.
        stages: each stage alone.
    """

    wrong_share: Probability
    wrong: Probability
    wrong_interval: tuple[Probability, Probability]
    coverage: Probability
    pooled_wrong: Probability = 0.0
    pooled_coverage: Probability = 0.0
    pictures: int
    sources: tuple[str, ...]
    stages: tuple[StageRisk, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether no more are wrong than stated."""
        return self.wrong <= self.wrong_share


def format_risk(risk: StatedRisk) -> str:
    """Return the note of a manifest's provenance."""
    return _NOTE + msgspec.json.encode(risk).decode()


def read_risk(manifest: Manifest) -> StatedRisk | None:
    """Return what a manifest says of its risk; None where it says nothing that can be read."""
    for note in manifest.provenance.notes:
        if note.startswith(_NOTE):
            try:
                return msgspec.json.decode(note.removeprefix(_NOTE), type=StatedRisk)
            except msgspec.DecodeError:
                return None
    return None


def describe_risk(risk: StatedRisk) -> Iterator[str]:
    """Yield what was measured in sentences for a person."""
    low, high = risk.wrong_interval
    kept = "" if risk.is_held else ", which is more"
    yield (
        f"at most {risk.wrong_share:.1%} of the decided pictures are to be wrong; measured {risk.wrong:.1%}"
        f" ({low:.1%} to {high:.1%}){kept}, with {risk.coverage:.0%} decided of {risk.pictures} pictures of"
        f" {len(risk.sources)} sources that the network had not seen, nor the choice of thresholds"
    )
    yield (
        f"on the pictures that the thresholds were chosen on, {risk.pooled_wrong:.1%} are wrong, with"
        f" {risk.pooled_coverage:.0%} decided"
    )
    for stage in risk.stages:
        fate = "; left out of the bundle" if stage.is_left_out else ""
        fate = fate or ("" if stage.is_held else "; the risk is not held")
        yield (
            f"stage {stage.stage}: {stage.wrong:.1%} wrong, {stage.coverage:.0%} answered of"
            f" {stage.pictures} pictures{fate}"
        )
