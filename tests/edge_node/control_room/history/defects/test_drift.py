"""The drift of one pass."""

from __future__ import annotations

import pytest

from edge_node.control_room.history.defects.drift import fit_drift

NAMED = ("crawler-1:e:1", "crawler-1", (("e", 1, 90),))


def test_a_line_is_found_and_led_back() -> None:
    """Scale and offset, and both ways between the pass's distance and the asset's."""
    drift = fit_drift([(own, 0.97 * own + 0.2) for own in range(1, 60, 3)], NAMED)
    assert (drift.scale, drift.offset_m) == pytest.approx((0.97, 0.2), abs=0.01)
    assert drift.to_asset(30.0) == pytest.approx(29.3, abs=0.01)
    assert drift.to_own(drift.to_asset(12.5)) == pytest.approx(12.5, abs=0.001)
    assert drift.is_sure
    assert drift.holds("crawler-1", "e", 90)
    assert not drift.holds("crawler-1", "e", 91)
    assert not drift.holds("crawler-2", "e", 5)


def test_a_slip_moves_what_lies_behind_it_alone() -> None:
    """Wheels that slipped half a metre at 20 m."""
    drift = fit_drift([(own, own - (0.5 if own > 20 else 0.0)) for own in range(1, 41)], NAMED)
    assert drift.to_asset(5.0) == pytest.approx(5.0, abs=0.12)
    assert drift.to_asset(35.0) == pytest.approx(34.5, abs=0.12)


def test_without_common_places_nothing_is_known_of_it() -> None:
    """Distances are taken as they are, and not called sure."""
    drift = fit_drift([], NAMED)
    assert (drift.to_asset(7.0), drift.is_sure) == (7.0, False)
