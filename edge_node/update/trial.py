"""Decide after a number of verdicts whether a new bundle does worse than the old one. Pure.

Only frames that the models judged count; frames rejected as not inspectable say nothing of the bundle. The
trial ends early only when further verdicts could not change its result.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime  # msgspec resolves annotations at run time
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.identifiers import Count
from edge_node.messages.plain_text import counted

if TYPE_CHECKING:
    from edge_node.config.sections import BundleConfig

_MAX_REMEMBERED = 1000  # verdicts over which a bundle's figures are computed: at 10/s the last 100 s
_MIN_VERDICTS = 30  # with fewer verdicts the figures are noise
_UNKNOWN_ABSTENTION = 0.5  # share that may abstain where the old bundle has no figures


class BundleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Abstention and inference time of a bundle over its last verdicts."""

    judged: Count
    abstention: float
    inference_ms: float


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a trial so far.

    Attributes:
        before: figures of the old bundle; None if they are not known.
        slow: number of verdicts that took longer than the limit.
        errors: number of frames that could not be judged.
        unclean_ends: how often the node ended during the trial without a clean stop.
        running: the node has started and not stopped cleanly yet.
    """

    since: datetime
    before: BundleFigures | None = None
    judged: Count = 0
    abstained: Count = 0
    slow: Count = 0
    errors: Count = 0
    unclean_ends: Count = 0
    running: bool = False

    def count(self, *, abstained: bool, inference_ms: float, config: BundleConfig) -> Trial:
        """Return the trial with one more verdict."""
        limit = slow_above_ms(self.before, config)
        return msgspec.structs.replace(
            self,
            judged=self.judged + 1,
            abstained=self.abstained + abstained,
            slow=self.slow + (limit is not None and inference_ms > limit),
        )


@dataclass(slots=True)
class RecentFigures:
    """Compute the figures of the bundle that decides, over its last verdicts."""

    _verdicts: deque[tuple[bool, float]] = field(default_factory=lambda: deque(maxlen=_MAX_REMEMBERED))

    def count(self, *, abstained: bool, inference_ms: float) -> None:
        """Count a verdict of the models."""
        self._verdicts.append((abstained, inference_ms))

    def figures(self) -> BundleFigures | None:
        """Return the figures; None while they would be noise."""
        if len(self._verdicts) < _MIN_VERDICTS:
            return None
        return BundleFigures(
            judged=len(self._verdicts),
            abstention=sum(abstained for abstained, _ in self._verdicts) / len(self._verdicts),
            inference_ms=median(ms for _, ms in self._verdicts),
        )


def abstention_limit(before: BundleFigures | None, config: BundleConfig) -> float:
    """Return the share of verdicts that may abstain."""
    if before is None:
        return max(_UNKNOWN_ABSTENTION, config.trial_abstention_rise)
    return min(1.0, before.abstention + config.trial_abstention_rise)


def slow_above_ms(before: BundleFigures | None, config: BundleConfig) -> float | None:
    """Return the time that half of the inferences may not exceed; None where it is not known."""
    return before.inference_ms * config.trial_latency_factor if before is not None else None


def judge_trial(trial: Trial, config: BundleConfig) -> tuple[bool, str] | None:
    """Return whether the bundle passed its trial, with the reason; None while that is open.

    Args:
        trial: the counts so far.
        config: ``trial_verdicts`` and the limits.
    """
    wanted, before = config.trial_verdicts, trial.before
    if trial.unclean_ends >= config.trial_starts:
        return False, f"the node ended {trial.unclean_ends} times without saying so"
    if trial.errors > config.trial_errors:
        return (
            False,
            f"{counted(trial.errors, 'frame')} could not be judged, allowed are {config.trial_errors}",
        )
    limit = abstention_limit(before, config)
    if trial.abstained > limit * wanted:
        old = f"{before.abstention:.0%} before" if before else "the old figures are not known"
        return False, (
            f"abstained on {trial.abstained} of {trial.judged} verdicts, allowed are {limit:.0%} of {wanted}"
            f" ({old})"
        )
    if trial.slow > wanted / 2:
        limit_ms = slow_above_ms(before, config) or 0.0
        return False, f"{trial.slow} of {trial.judged} inferences took more than {limit_ms:.1f} ms"
    if trial.judged < wanted:
        return None
    judged = counted(trial.judged, "verdict")
    return (
        True,
        f"{judged}, abstained on {trial.abstained}, {counted(trial.errors, 'error')}",
    )
