"""Hold what is known of one kind of corrosion: its last frames, its finding, and its dates. Pure.

**Time is the monotonic time of the verdicts.** The wall clock may be set while a finding is open; it only
dates the finding, and the older end is dated anew if a step lies between the ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

import msgspec

from edge_node.clock_floor import BUILT
from edge_node.messages.finding import BestEvidence, Finding  # msgspec resolves annotations at run time

if TYPE_CHECKING:
    from edge_node.messages.verdict import Verdict

_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_STEP_S = 1.0  # a frame's two clocks are read at most so far apart


class Candidate(msgspec.Struct, kw_only=True):
    """One kind of corrosion: its last judged frames, and its finding if open.

    Attributes:
        hits: of the last M judged frames, oldest first.
        misses: judged frames in a row without it.
        finding: complete from the first hit on, published once ``is_open``.
        published_s: ``last_observed_at`` when it was last published, Unix time; ``said`` in the file, for
            earlier versions.
        age_s: time from the first hit to the last.
        published_age_s: ``age_s`` when it was last published.
        boot_id: of the last hit; empty in a file that an earlier version saved.
        monotonic_ns: of the last hit.
        is_synchronized: the clock that dates the finding was synchronized.
        worst: of the finding's ``best_verdict``; None in a file that an earlier version saved.
    """

    material: str | None
    form: str | None
    hits: list[bool] = []
    misses: int = 0
    finding: Finding | None = None
    is_open: bool = False
    published_s: float = msgspec.field(default=0.0, name="said")
    age_s: float = 0.0
    published_age_s: float = 0.0
    boot_id: str = ""
    monotonic_ns: int = 0
    is_synchronized: bool = False
    worst: BestEvidence | None = None

    def __post_init__(self) -> None:
        """Take the age from the dates where an earlier version saved none."""
        if self.finding is not None and not self.boot_id:
            span = self.finding.last_observed_at - self.finding.first_observed_at
            self.age_s = self.published_age_s = max(0.0, span.total_seconds())

    def silent_s(self, verdict: Verdict) -> float | None:
        """Return the time between the last hit and ``verdict``; None if nobody can know it.

        Within a boot it is monotonic time. Over a reboot the wall clock is all there is, if it went forward.
        """
        if self.finding is None:
            return 0.0
        elapsed_ns = verdict.monotonic_ns - self.monotonic_ns
        if verdict.boot_id == self.boot_id and elapsed_ns >= 0:
            return elapsed_ns / 1e9
        by_wall_s = (verdict.observed_at - self.finding.last_observed_at).total_seconds()
        return by_wall_s if by_wall_s >= 0 else None

    def begin(self, verdict: Verdict) -> None:
        """Begin to count time at ``verdict``, the first hit."""
        self.age_s = self.published_age_s = 0.0
        self.is_synchronized = verdict.time_quality == "synchronized"
        self.boot_id, self.monotonic_ns = verdict.boot_id, verdict.monotonic_ns

    def date_hit(self, finding: Finding, verdict: Verdict) -> tuple[datetime, datetime]:
        """Count the time up to ``verdict``, the last hit from now on; return when the first and it were."""
        self.age_s += self.silent_s(verdict) or 0.0
        self.boot_id, self.monotonic_ns = verdict.boot_id, verdict.monotonic_ns
        return self.date(msgspec.structs.replace(finding, last_observed_at=verdict.observed_at), verdict)

    def date(self, finding: Finding, verdict: Verdict) -> tuple[datetime, datetime]:
        """Return when the first and the last hit of ``finding`` were, ``age_s`` apart, by one clock.

        If the clock was set between the first hit and ``verdict``, the synchronized one counts, else that of
        ``verdict``: a robot that starts without a time gets it later. One that was set back to before this
        version was built does not count.
        """
        silent_s, age = self.silent_s(verdict), timedelta(seconds=self.age_s)
        if silent_s is None or verdict.boot_id != self.boot_id:  # nothing tells how far the clocks are apart
            return finding.first_observed_at, finding.last_observed_at
        last_at = verdict.observed_at - timedelta(seconds=silent_s)
        is_synchronized = verdict.time_quality == "synchronized"
        if abs((last_at - finding.first_observed_at - age).total_seconds()) <= _STEP_S:
            self.is_synchronized |= is_synchronized
            return finding.first_observed_at, max(finding.first_observed_at, finding.last_observed_at)
        began_at = last_at - age
        is_past = began_at < BUILT[1] <= finding.first_observed_at
        if began_at < _EARLIEST or (not is_synchronized and (is_past or self.is_synchronized)):
            return finding.first_observed_at, finding.first_observed_at + age
        self.is_synchronized = is_synchronized
        return began_at, last_at


class TrackerState(msgspec.Struct, kw_only=True):
    """The state that survives a restart: ``findings.json`` in the state folder."""

    format: Literal[1] = 1
    candidates: list[Candidate] = []
