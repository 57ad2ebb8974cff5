"""Strangers' bytes are a pose or a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.config.value_types import RangeMillimetres, SigmaMetres
from edge_node.messages import pose as pose_message
from edge_node.messages.pose import PoseError, parse_pose
from edge_node.messages.verdict import Pose
from tests.support.poses import track


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"12.5",
        b"[]",
        b"{}",
        b'{"distance": 1}',
        b'{"distance_m": "1"}',
        b'{"distance_m": NaN}',
        b'{"distance_m": 1e999}',
        b'{"distance_m": 1, "age_ms": -5}',
        b'{"age_ms": 5}',
        b'{"range_mm": 0}',
        b'{"range_mm": -300}',
        b'{"range_mm": NaN}',
        b'{"range_mm": 1e999}',
        b'{"distance_m": 1, "range_mm": 100001}',  # further than any camera sees rust
        b'{"distance_m": 1, "range_mm": true}',
        b'{"distance_m": 1, "sigma_m": -0.1}',
        b'{"distance_m": 1, "sigma_m": Infinity}',
        b'{"range_mm": 300, "sigma_m": 0.1}',  # the uncertainty of no position
        b'{"sigma_m": 0.1}',
        b"\xff\xfe",
        b"[" * 1000,
        b'{"distance_m": 1' + b" " * 2000 + b"}",
    ],
)
def test_what_is_no_pose_is_refused(message):
    """Wrong JSON, unknown fields, infinities and long messages are counted, never raised at a thread."""
    with pytest.raises(PoseError):
        parse_pose(message)
    made = track()
    made.take(message)
    assert (made.received, made.refused) == (0, 1)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(message):
    """Whatever arrives, it is a pose or a refusal."""
    made = track()
    made.take(message)
    assert made.received + made.refused == 1


@pytest.mark.parametrize(
    ("message", "pose"),
    [
        (b'{"distance_m": 4}', Pose(distance_m=4.0)),  # as senders for version 0.5.0 send it
        (b'{"range_mm": 310}', Pose(range_mm=310.0)),
        (b'{"x_m": 1, "sigma_m": 0, "range_mm": 1}', Pose(x_m=1.0, sigma_m=0.0, range_mm=1.0)),
    ],
)
def test_a_pose_has_a_place_or_a_range_or_both(message, pose):
    """Each as it was sent; a sensor of distances to the surface need not know where the robot is."""
    assert parse_pose(message) == (pose, 0.0)


def test_a_configuration_bounds_range_and_uncertainty_as_the_message_does():
    """What is refused from a sender cannot be configured either."""
    assert (RangeMillimetres, SigmaMetres) == (pose_message.RangeMillimetres, pose_message.SigmaMetres)
