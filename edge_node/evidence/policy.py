"""Decide why to keep the picture of a decision, within the budget and the cool-down of each reason. Pure.

The caller passes the time. A reason is given only where it holds, its cool-down is over and its budget is not
used up; a picture with at least one reason is kept.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_node.messages.verdict import EvidenceReason, Outcome

if TYPE_CHECKING:
    from edge_node.config.delivery_sections import EvidenceConfig
    from edge_node.messages.verdict import Decision

_HOUR_S = 3600.0


class EvidencePolicy:
    """Choose the pictures of one node; ``reasons`` and ``may_keep_for_shadow`` may be in two threads."""

    def __init__(self, config: EvidenceConfig) -> None:
        """Begin with full budgets."""
        self._config = config
        self._allowances = {reason: _allowance(config, reason) for reason in _kept_reasons(config)}
        self._undecided = 0  # verdicts other than corroded

    def reasons(
        self, decision: Decision, in_finding: EvidenceReason | None, now_s: float
    ) -> tuple[EvidenceReason, ...]:
        """Return why to keep the picture of the next decision, what teaches most first, and count it.

        Args:
            decision: on the picture.
            in_finding: whether it is the first or the worst of a finding.
            now_s: monotonic time.
        """
        holding = {in_finding, *self._hold(decision)}
        taken = {reason for reason in EvidenceReason if reason in holding and self._take(reason, now_s)}
        # The first is the worst so far: a finding gets a picture also where firsts are not kept, or not now.
        worse, is_first = EvidenceReason.FINDING_WORSE, in_finding is EvidenceReason.FINDING_FIRST
        if is_first and in_finding not in taken and self._take(worse, now_s):
            taken.add(worse)
        return tuple(reason for reason in EvidenceReason if reason in taken)

    def may_keep_for_shadow(self, now_s: float) -> bool:
        """Tell whether to keep the picture of a disagreement now, and count it."""
        return self._take(EvidenceReason.SHADOW, now_s)

    def _hold(self, decision: Decision) -> set[EvidenceReason]:
        """Return the reasons that hold for a decision alone."""
        found: set[EvidenceReason] = set()
        outcome = decision.outcome
        if outcome is Outcome.CORRODED:
            found.add(EvidenceReason.CORRODED)
        else:
            self._undecided += 1
            every = self._config.sample_every
            if every > 0 and (self._undecided - 1) % every == 0:
                found.add(EvidenceReason.SAMPLE)
        if outcome is Outcome.UNCERTAIN:
            found.add(EvidenceReason.UNCERTAIN)
        elif outcome is not Outcome.NOT_INSPECTABLE and _is_close(decision, self._config.low_margin):
            found.add(EvidenceReason.LOW_MARGIN)
        return found

    def _take(self, reason: EvidenceReason, now_s: float) -> bool:
        allowance = self._allowances.get(reason)
        return allowance is not None and allowance.take(now_s)


class _Allowance:
    """The budget and the cool-down of one reason."""

    def __init__(self, per_hour: int | None, cool_down_s: float) -> None:
        self._per_hour = per_hour
        self._cool_down_s = cool_down_s
        # When the last pictures were kept, as many as an hour may have.
        self._kept_s: deque[float] = deque(maxlen=per_hour or 1)

    def take(self, now_s: float) -> bool:
        """Count a picture, unless the cool-down goes on or the last hour had all."""
        kept_s = self._kept_s
        if kept_s and now_s - kept_s[-1] < self._cool_down_s:
            return False
        if self._per_hour is not None and len(kept_s) == self._per_hour and now_s - kept_s[0] < _HOUR_S:
            return False
        kept_s.append(now_s)
        return True


def _is_close(decision: Decision, low_margin: float) -> bool:
    return decision.margin is not None and decision.margin < low_margin


def _kept_reasons(config: EvidenceConfig) -> tuple[EvidenceReason, ...]:
    if isinstance(config.keep, tuple):
        return tuple(EvidenceReason(reason) for reason in config.keep)
    # [shadow] keep_pictures is a wish of its own.
    return tuple(EvidenceReason) if config.keep else (EvidenceReason.SHADOW,)


def _allowance(config: EvidenceConfig, reason: EvidenceReason) -> _Allowance:
    cool_down_s = getattr(config.cool_down_s, reason.value, 0.0)
    if reason is EvidenceReason.CORRODED:
        cool_down_s = config.min_interval_s
    return _Allowance(getattr(config.per_hour, reason.value, None), cool_down_s)
