"""What is kept of one kind of corrosion over a restart, and how time is counted in it."""

from __future__ import annotations

import msgspec

from edge_node.findings.candidate import Candidate, TrackerState
from tests.support.verdicts import verdict


def test_a_file_of_an_earlier_version_is_read() -> None:
    """Nothing but the material and the form has to be there; what a later version adds is passed over."""
    saved = b'{"format":1,"candidates":[{"material":"steel","form":null,"hits":[true],"said":7.5,"new":1}]}'
    (candidate,) = msgspec.json.decode(saved, type=TrackerState).candidates
    assert (candidate.hits, candidate.published_s, candidate.worst) == ([True], 7.5, None)
    assert b'"said":7.5' in msgspec.json.encode(candidate)


def test_silence_is_counted_by_the_monotonic_clock_of_a_boot() -> None:
    """Without a finding there is no silence."""
    first, later = verdict(1, "C"), verdict(9, "C")
    candidate = Candidate(material="steel", form=None)
    assert candidate.silent_s(later) == 0.0
    candidate.begin(first)
    assert (candidate.boot_id, candidate.monotonic_ns) == (first.boot_id, first.monotonic_ns)
